package devices_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode"

	"vw/agent/devices"
)

// hostile is what a USB device could call itself.
const hostile = "Cam\x1b[2J\x07\r\n'; touch pwned; '$(touch pwned)`touch pwned`\u202e\u009b31m\xff!"

// strangers finds on a machine whose devices, links and cards have such names,
// with an agent whose answer is no better.
func strangers(t *testing.T) *devices.Report {
	t.Helper()
	root := t.TempDir()
	write(t, filepath.Join(root, "dev/video0"), "")
	write(t, filepath.Join(root, "dev/video1"), "")
	write(t, filepath.Join(root, "dev/snd/pcmC0D0c"), "")
	write(t, filepath.Join(root, "sys/class/video4linux/video0/name"), hostile)
	write(t, filepath.Join(root, "sys/class/video4linux/video1/name"), "ok")
	link(t, filepath.Join(root, "dev/v4l/by-id/usb-$(touch pwned)'`touch pwned`; touch pwned-video-index0"), "../../video0")
	link(t, filepath.Join(root, "dev/v4l/by-id/usb-\x1b[2J-video-index0"), "../../video1")
	write(t, filepath.Join(root, "proc/asound/cards"), " 0 [$(touch pwned) ]: USB-Audio - "+hostile+"\n     x at "+hostile+"\n")
	write(t, filepath.Join(root, "proc/asound/pcm"), "00-00: x : "+strings.ReplaceAll(hostile, "\n", "")+" : capture 1\n")
	report, err := devices.Find(root)
	if err != nil {
		t.Fatal(err)
	}
	report.Assign(devices.Agent{Port: 8888, Reached: true, Taken: []string{hostile}})
	if len(report.Cameras) != 2 || len(report.Microphones) != 1 {
		t.Fatalf("got %+v, want two cameras and a microphone", report)
	}
	return report
}

func TestStrangersNamesShowNoControlCharacters(t *testing.T) {
	report := strangers(t)
	var text bytes.Buffer
	if err := report.WriteText(&text); err != nil {
		t.Fatal(err)
	}
	all := text.String() + report.Cameras[0].Name + report.Microphones[0].Name + report.Microphones[0].Place + report.Agent.Taken[0]
	for _, r := range all {
		if r != '\n' && (!unicode.IsPrint(r) || r == unicode.ReplacementChar) {
			t.Errorf("the text has the character %U: %q", r, text.String())
		}
	}
	if !strings.Contains(text.String(), "[2J") {
		t.Error("the name is not shown at all")
	}
	if got := report.Cameras[1].Device; got != "/dev/video1" {
		t.Errorf("got %q, want the node, as the link's name cannot be shown", got)
	}
	if got := report.Microphones[0].Device; got != "hw:0,0" {
		t.Errorf("got %q, want the card's number, as it has no sound name", got)
	}
}

func TestStrangersNamesDoNothingInAShell(t *testing.T) {
	report := strangers(t)
	var text bytes.Buffer
	if err := report.WriteText(&text); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	paste := exec.CommandContext(t.Context(), "sh")
	paste.Dir = dir
	paste.Env = []string{"PATH=/nowhere"} // no program is found: touch is a function
	paste.Stdin = strings.NewReader("touch() { : >\"$1\"; }\n" + text.String())
	out, _ := paste.CombinedOutput() // most of the text is no command
	made, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(made) > 0 || !strings.Contains(string(out), "not found") {
		t.Errorf("pasted into a shell the text made %q: %v\n%s", made, err, out)
	}
	if report.Cameras[0].StableBy != "by-id" {
		t.Error("the link with the hostile name is not used: nothing was tried")
	}
}

func TestTheShellReadsTheLineAsItsArguments(t *testing.T) {
	report := strangers(t)
	for _, d := range slices.Concat(report.Cameras, report.Microphones) {
		read := exec.CommandContext(t.Context(), "sh", "-c", "set -- "+d.Line+`; printf '%s\0' "$@"`)
		read.Dir = t.TempDir()
		read.Stderr = os.Stderr
		out, err := read.Output()
		if err != nil {
			t.Fatalf("sh: %v", err)
		}
		got := strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00")
		if !slices.Equal(got, d.Args) {
			t.Errorf("the shell read %q, want %q", got, d.Args)
		}
	}
}

func TestTwinsAreToldApartByPathWithoutUdevsRecords(t *testing.T) {
	root := unpack(t, "odroid")
	if err := os.RemoveAll(filepath.Join(root, "run")); err != nil {
		t.Fatal(err)
	}
	report, err := devices.Find(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range report.Cameras {
		if d.Node != "/dev/video10" && d.StableBy != "by-path" {
			t.Errorf("%s is named by %q, want by-path", d.Node, d.StableBy)
		}
	}
}
