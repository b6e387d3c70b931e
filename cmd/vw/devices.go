package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"time"

	"vw/agent/client"
	"vw/agent/devices"
	"vw/cmd/vw/cli"
)

const devicesHelp = `vw devices lists this machine's cameras and microphones by names that last, each with the ffmpeg
line that feeds it to the agent, under a feed name that is free there. With --install it writes the
line of one to where the systemd unit vw-source@.service reads it.

usage: vw devices [flags]

Exit code: 0 if there is a camera or a microphone, 1 if there is none, 2 for a usage error.
`

// agentTimeout bounds how long vw devices waits for the agent.
const agentTimeout = time.Second

func runDevices(ctx context.Context, c *cli.Call) error {
	f := c.Settings(devicesHelp)
	agent := f.Agent()
	asJSON := f.Bool("json", false, "print one JSON object")
	root := f.String("root", "/", "`FOLDER` where the machine's file system begins")
	install := f.String("install", "", "write the line of this `FEED` to /etc/vw/FEED.source, for the unit vw-source@FEED")
	if err := f.ReadAll(); err != nil {
		return err
	}
	a, err := agent()
	if err != nil {
		return err
	}
	if *install != "" && *asJSON {
		return cli.Usagef("--json lists and --install writes: choose one")
	}
	found, err := devices.Find(*root)
	if err != nil {
		return cli.UsageError{Err: err}
	}
	port, _ := f.GetInt("port") // it is one
	found.Assign(askAgent(ctx, a, port))
	switch {
	case *install != "":
		return found.Install(*root, *install, c.Stdout)
	case *asJSON:
		err = cli.PrintJSON(c.Stdout, found)
	default:
		err = found.WriteText(c.Stdout)
	}
	if err == nil && found.Empty() {
		err = cli.ExitError(cli.Failed)
	}
	return err
}

// askAgent asks the agent which feed names are taken. One that is named by rules
// alone and was never fed is not: it waits for its device.
func askAgent(ctx context.Context, c *client.Client, port int) devices.Agent {
	a := devices.Agent{Port: port}
	ctx, cancel := context.WithTimeout(ctx, agentTimeout)
	defer cancel()
	feeds, err := c.Feeds(ctx)
	var at *net.OpError
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		a.Problem = fmt.Sprintf("no answer within %v", agentTimeout)
	case errors.As(err, &at):
		a.Problem = at.Err.Error()
	case err != nil:
		a.Problem = err.Error()
	}
	a.Reached = err == nil
	for _, name := range slices.Sorted(maps.Keys(feeds)) {
		if feeds[name].Fed() {
			a.Taken = append(a.Taken, name)
		}
	}
	return a
}
