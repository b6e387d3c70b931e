package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"vw/agent/client"
	"vw/cmd/vw/cli"
	"vw/cmd/vw/statustext"
	"vw/command/printable"
)

const (
	// exitNoAgent is vw status's: nobody there could be asked.
	exitNoAgent = 3
	// watchEvery is the time between two looks of vw status --watch.
	watchEvery = time.Second
	// clearScreen moves a terminal's cursor home and empties it.
	clearScreen = "\x1b[H\x1b[2J"
)

const statusHelp = `vw status says what leaves this machine and where to, what is muted, and what is wrong and what to do
about it: a line that begins with ! is wrong. It concerns the agent that runs on this machine.

usage: vw status [flags]

Exit code: 0 if all that the rules want is on air, or wanted silent; 1 if something is wrong; 2 for a
usage error; 3 if no agent answers. With --watch it is that of the last look.
`

// statusOptions is what vw status is asked to do.
type statusOptions struct {
	*client.Client
	asJSON, watch bool
	colour        bool
	clear         bool // the screen, before each look
}

func runStatus(ctx context.Context, c *cli.Call) error {
	o := &statusOptions{}
	f := c.Settings(statusHelp)
	agent := f.Agent()
	f.BoolVar(&o.asJSON, "json", false, "print what the agent answers to GET /api/stats, as it came")
	f.BoolVar(&o.watch, "watch", false, "look again every second, until interrupted")
	if err := f.ReadAll(); err != nil {
		return err
	}
	var err error
	if o.Client, err = agent(); err != nil {
		return err
	}
	o.colour = cli.InColour(c.Stdout, c.Environ)
	o.clear = o.watch && !o.asJSON && cli.IsTerminal(c.Stdout)
	if o.watch {
		return cli.ExitError(o.again(ctx, c.Stdout))
	}
	text, code, err := o.look(ctx)
	if err != nil {
		fmt.Fprintf(c.Stderr, "vw status: %v\n", err)
		return cli.ExitError(code)
	}
	if _, err := c.Stdout.Write(text); err != nil {
		return err
	}
	return cli.ExitError(code)
}

// again looks every second until ctx ends. It survives the agent.
func (o *statusOptions) again(ctx context.Context, stdout io.Writer) int {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for code := cli.OK; ; {
		text, now, err := o.look(ctx)
		if ctx.Err() != nil {
			return code
		}
		code = now
		if err != nil && o.asJSON {
			text, _ = json.Marshal(map[string]string{"error": err.Error()}) // a map of strings
			text = printable.JSON(text)
			text = append(text, '\n')
		} else if err != nil {
			text = fmt.Appendf(nil, "%v\n", err)
		}
		switch {
		case o.clear:
			text = append([]byte(clearScreen), text...)
		case !o.asJSON:
			text = append(text, '\n')
		}
		if _, err := stdout.Write(text); err != nil {
			return cli.Failed
		}
		select {
		case <-ctx.Done():
			return code
		case <-tick.C:
		}
	}
}

// look asks once. The code is the program's, also where there is an error.
func (o *statusOptions) look(ctx context.Context) (text []byte, code int, err error) {
	v, raw, err := look(ctx, o.Client)
	if err != nil {
		return nil, exitNoAgent, err
	}
	r := v.Report()
	if r.Wrong() {
		code = cli.Failed
	}
	if o.asJSON {
		return append(printable.JSON(bytes.TrimSpace(raw)), '\n'), code, nil
	}
	return r.Text(o.colour), code, nil
}

// look asks an agent for its status, and returns it as it came too.
func look(ctx context.Context, c *client.Client) (v statustext.View, raw json.RawMessage, err error) {
	v = statustext.View{URL: c.URL(), Now: time.Now()}
	v.Status, raw, err = c.Status(ctx)
	return v, raw, err
}
