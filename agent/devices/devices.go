// Package devices lists the cameras and microphones of a Linux machine, with
// the ffmpeg line that feeds each to an agent. It reads what the kernel and
// udev have written below a file-system root, so that it can be held against
// recorded machines; it opens no device. It must not know the network, nor
// agents beyond a port and the names of their feeds.
package devices

import (
	"fmt"
	"os"
	"runtime"
)

// A Report is what a machine has.
type Report struct {
	Cameras     []Device  `json:"cameras"`
	Microphones []Device  `json:"microphones"`
	LeftOut     []LeftOut `json:"leftOut"` // video nodes that are no camera's picture
	Advice      []string  `json:"advice"`  // what is missing, and what to do about it
	Agent       Agent     `json:"agent"`   // as Assign was told
}

// A Device is a camera or a microphone. Its texts hold printable characters
// alone, whatever the device calls itself.
type Device struct {
	Feed     string   `json:"feed"`              // name that is free at the agent
	Name     string   `json:"name"`              // as the device calls itself
	Device   string   `json:"device"`            // what to call it: a path, or an ALSA name
	StableBy string   `json:"stableBy"`          // by-id, by-path or card; empty: Device may change
	Node     string   `json:"node"`              // what Device stands for now
	Place    string   `json:"place"`             // where it is plugged in; may be empty
	Unit     string   `json:"unit,omitempty"`    // vw-source@FEED, which feeds it already; then it has no line
	Problem  string   `json:"problem,omitempty"` // what keeps ffmpeg from opening it
	Note     string   `json:"note,omitempty"`    // what else is good to know
	Args     []string `json:"args"`              // ffmpeg's command line, word by word
	Line     string   `json:"line"`              // the same, quoted for a POSIX shell
}

// A LeftOut is a video node that is not listed as a camera.
type LeftOut struct {
	Node string `json:"node"`
	Name string `json:"name"`
	Why  string `json:"why"`
}

// An Agent is whom the ffmpeg lines feed, and what it said when asked.
type Agent struct {
	Port    int      `json:"port"`
	Reached bool     `json:"reached"`
	Problem string   `json:"problem,omitempty"` // why it was not reached
	Taken   []string `json:"taken"`             // names of feeds that are not free, sorted
}

// Find lists what the machine has whose file system begins at root. Feeds and
// lines are empty until Assign. The error is root's: it cannot be opened.
func Find(root string) (*Report, error) {
	r := &Report{Cameras: []Device{}, Microphones: []Device{}, LeftOut: []LeftOut{}, Advice: []string{}, Agent: Agent{Taken: []string{}}}
	if root == "/" && runtime.GOOS != "linux" {
		r.Advice = append(r.Advice, notLinux(runtime.GOOS))
		return r, nil
	}
	dir, err := os.OpenRoot(root)
	if err != nil {
		return nil, fmt.Errorf("open root: %w", err)
	}
	defer dir.Close()
	m := machine{root: root, files: dir.FS()}
	r.Cameras, r.LeftOut = m.cameras()
	r.Microphones = m.microphones()
	m.findUnits(r.Cameras)
	m.findUnits(r.Microphones)
	if len(r.Cameras) == 0 {
		r.Advice = append(r.Advice, cameraAdvice(len(r.LeftOut)))
	}
	if len(r.Cameras) > 1 {
		r.Advice = append(r.Advice, "Cameras that share a USB bus can be too much for it: where ffmpeg says "+
			`"No space left on device", put -input_format mjpeg before its -i.`)
	}
	if len(r.Microphones) == 0 {
		r.Advice = append(r.Advice, noMicrophone)
	}
	return r, nil
}

// elsewhere has the command that lists devices on other systems than Linux.
var elsewhere = map[string]string{
	"darwin":  `ffmpeg -f avfoundation -list_devices true -i ""`,
	"windows": "ffmpeg -f dshow -list_devices true -i dummy",
}

// notLinux returns what to do on other systems.
func notLinux(system string) string {
	advice := "vw finds devices where Linux keeps them, and this is " + system + "."
	if list := elsewhere[system]; list != "" {
		advice += " This lists them here: " + list
	}
	return advice
}

// Empty reports whether there is neither camera nor microphone.
func (r *Report) Empty() bool { return len(r.Cameras)+len(r.Microphones) == 0 }

// Assign gives every device that no unit feeds a feed name that is not taken at
// a, and the line that feeds it there. Names are kept with printable characters alone: it may be
// anything that listens on the port.
func (r *Report) Assign(a Agent) {
	r.Agent = Agent{Port: a.Port, Reached: a.Reached, Problem: a.Problem, Taken: []string{}}
	taken := map[string]bool{}
	for _, name := range a.Taken {
		taken[name] = true
		r.Agent.Taken = append(r.Agent.Taken, printable(name))
	}
	assign(r.Cameras, "video", a.Port, taken, cameraArgs)
	assign(r.Microphones, "audio", a.Port, taken, microphoneArgs)
}

func assign(list []Device, prefix string, port int, taken map[string]bool, args func(device, url string) []string) {
	n := 0
	for i := range list {
		d := &list[i]
		if d.Args = []string{}; d.Unit != "" {
			continue
		}
		for taken[fmt.Sprint(prefix, n)] {
			n++
		}
		d.Feed = fmt.Sprint(prefix, n)
		n++
		d.Args = args(d.Device, fmt.Sprintf("http://127.0.0.1:%d/ts/%s", port, d.Feed))
		d.Line = shellLine(d.Args)
	}
}
