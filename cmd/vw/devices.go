package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"runtime"
	"slices"
	"strconv"
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

flags:
`

const (
	// askAgentWithin bounds how long vw devices waits for the agent.
	askAgentWithin = time.Second
	// maxFeedsReply bounds what it reads of the answer, in bytes.
	maxFeedsReply = 4 << 20
)

// elsewhere says, for other systems than Linux, what lists devices there.
var elsewhere = map[string]string{
	"darwin":  `ffmpeg -f avfoundation -list_devices true -i ""`,
	"windows": "ffmpeg -f dshow -list_devices true -i dummy",
}

// runDevices is vw devices. It returns the exit code.
func runDevices(ctx context.Context, args, environ []string, stdout, stderr io.Writer) int {
	flags := pflag.NewFlagSet("vw devices", pflag.ContinueOnError)
	flags.SetOutput(io.Discard)
	port := flags.Int("port", 8888, "[VW_PORT] TCP port of the agent")
	asJSON := flags.Bool("json", false, "print one JSON object")
	root := flags.String("root", "/", "where the machine's file system begins")
	install := flags.String("install", "", "write the line of this `FEED` to /etc/vw/FEED.source, for the unit vw-source@FEED")
	err := flags.Parse(args)
	if errors.Is(err, pflag.ErrHelp) {
		printHelp(stdout, devicesHead, flags)
		return exitOK
	}
	if err == nil && flags.NArg() > 0 {
		err = fmt.Errorf("%q is one word too many: flags begin with --", flags.Arg(0))
	}
	if err == nil && !flags.Changed("port") {
		err = portVariable(environ, port)
	}
	if err == nil && (*port < 1 || *port > 65535) {
		err = fmt.Errorf("port %d is not one of 1 to 65535", *port)
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
	if runtime.GOOS != "linux" && !flags.Changed("root") {
		found.Advice = []string{notLinux(runtime.GOOS)}
	}
	found.Assign(askAgent(ctx, *port))
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

// portVariable sets port from VW_PORT, where that is not empty.
func portVariable(environ []string, port *int) error {
	value := valueOf(environ, "VW_PORT")
	if value == "" {
		return nil
	}
	n, err := strconv.Atoi(value)
	if err != nil {
		return fmt.Errorf("VW_PORT=%s: not a number", value)
	}
	*port = n
	return nil
}

// notLinux says what to do on other systems.
func notLinux(system string) string {
	advice := "vw devices finds devices where Linux keeps them, and this is " + system + "."
	if list := elsewhere[system]; list != "" {
		advice += " This lists them here: " + list
	}
	return advice
}

// askAgent asks the agent on port which feed names are taken. One that is named
// by rules alone and was never fed is not: it waits for its device.
func askAgent(ctx context.Context, port int) devices.Agent {
	a := devices.Agent{Port: port}
	ctx, cancel := context.WithTimeout(ctx, askAgentWithin)
	defer cancel()
	feeds, err := agentFeeds(ctx, port)
	var at *url.Error
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

func agentFeeds(ctx context.Context, port int) (feeds map[string]feedUse, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("http://127.0.0.1:%d/api/feeds/all", port), nil)
	if err != nil {
		return nil, err
	}
	client := http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true}, // and no proxy
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	err = json.NewDecoder(io.LimitReader(resp.Body, maxFeedsReply)).Decode(&feeds)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if resp.StatusCode != http.StatusOK || err != nil || feeds == nil {
		return nil, fmt.Errorf("what answers there is no agent: %s", resp.Status)
	}
	return feeds, nil
}
