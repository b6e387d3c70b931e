package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"runtime"
	"slices"
	"time"

	"github.com/spf13/pflag"

	"vw/cmd/vw/devices"
	"vw/command/printable"
)

const devicesHead = `vw devices lists this machine's cameras and microphones by names that last, each with the ffmpeg
line that feeds it to the agent, under a feed name that is free there. With --install it writes the
line of one to where the systemd unit vw-source@.service reads it.

usage: vw devices [flags]

Exit code: 0 if there is a camera or a microphone, 1 if there is none, 2 for a usage error.
`

// askAgentWithin bounds how long vw devices waits for the agent.
const askAgentWithin = time.Second

// elsewhere says, for other systems than Linux, what lists devices there.
var elsewhere = map[string]string{
	"darwin":  `ffmpeg -f avfoundation -list_devices true -i ""`,
	"windows": "ffmpeg -f dshow -list_devices true -i dummy",
}

// runDevices is vw devices. It returns the exit code.
func runDevices(ctx context.Context, args, environ []string, stdout, stderr io.Writer) int {
	s := newSettings("vw devices")
	made := agentFlags(s)
	asJSON := s.Bool("json", false, "print one JSON object")
	root := s.String("root", "/", "where the machine's file system begins")
	install := s.String("install", "", "write the line of this `FEED` to /etc/vw/FEED.source, for the unit vw-source@FEED")
	_, err := s.parse(args, environ)
	if errors.Is(err, pflag.ErrHelp) {
		s.usage(stdout, devicesHead)
		return exitOK
	}
	var c *client
	if err == nil {
		c, err = made()
	}
	if err == nil && s.NArg() > 0 {
		err = fmt.Errorf("%q is one word too many: flags begin with --", s.Arg(0))
	}
	if err == nil && *install != "" && *asJSON {
		err = errors.New("--json lists and --install writes: choose one")
	}
	var found *devices.Report
	if err == nil {
		found, err = devices.Find(*root)
	}
	if err != nil {
		fmt.Fprintf(stderr, "vw devices: %v\n", err)
		return exitUsage
	}
	if runtime.GOOS != "linux" && !s.Changed("root") {
		found.Advice = []string{notLinux(runtime.GOOS)}
	}
	port, _ := s.GetInt("port") // it is one
	found.Assign(askAgent(ctx, c, port))
	if *install == "" {
		return printDevices(found, *asJSON, stdout, stderr)
	}
	if err := installSource(found, *root, *install, stdout); err != nil {
		fmt.Fprintf(stderr, "vw devices: %v\n", err)
		return exitFailed
	}
	return exitOK
}

func printDevices(found *devices.Report, asJSON bool, stdout, stderr io.Writer) int {
	write := found.WriteText
	if asJSON {
		write = func(w io.Writer) error {
			enc := printable.NewEncoder(w)
			enc.SetIndent("", "  ")
			return enc.Encode(found)
		}
	}
	if err := write(stdout); err != nil {
		fmt.Fprintf(stderr, "vw devices: %v\n", err)
		return exitFailed
	}
	if found.Empty() {
		return exitFailed
	}
	return exitOK
}

// notLinux says what to do on other systems.
func notLinux(system string) string {
	advice := "vw devices finds devices where Linux keeps them, and this is " + system + "."
	if list := elsewhere[system]; list != "" {
		advice += " This lists them here: " + list
	}
	return advice
}

// askAgent asks the agent which feed names are taken. One that is named by rules
// alone and was never fed is not: it waits for its device.
func askAgent(ctx context.Context, c *client, port int) devices.Agent {
	a := devices.Agent{Port: port}
	ctx, cancel := context.WithTimeout(ctx, askAgentWithin)
	defer cancel()
	var feeds map[string]feedUse
	err := c.ask(ctx, http.MethodGet, "/api/feeds/all", nil, &feeds)
	if err == nil && feeds == nil {
		err = c.noAgent()
	}
	var at *net.OpError
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		a.Problem = fmt.Sprintf("no answer within %v", askAgentWithin)
	case errors.As(err, &at):
		a.Problem = at.Err.Error()
	case err != nil:
		a.Problem = err.Error()
	}
	a.Reached = err == nil
	for _, name := range slices.Sorted(maps.Keys(feeds)) {
		if f := feeds[name]; !f.waits() {
			a.Taken = append(a.Taken, name)
		}
	}
	return a
}

// A feedUse is what of an agent's feed tells whether its name is taken.
type feedUse struct {
	Source *bool           `json:"source"`
	AgeMs  json.RawMessage `json:"ageMs"`
}

// waits says whether the agent told that nothing has ever fed it.
func (f feedUse) waits() bool {
	return f.Source != nil && !*f.Source && string(f.AgeMs) == "null"
}
