package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/spf13/pflag"

	"vw/agent/status"
	"vw/cmd/vw/cli"
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

const statusHead = `vw status says what leaves this machine and where to, what is muted, and what is wrong and what to do
about it: a line that begins with ! is wrong. It concerns the agent that runs on this machine.

usage: vw status [flags]

Exit code: 0 if all that the rules want is on air, or wanted silent; 1 if something is wrong; 2 for a
usage error; 3 if no agent answers. With --watch it is that of the last look.
`

// A looking is what vw status is asked to do.
type looking struct {
	*client
	asJSON, watch bool
	colour        bool
	clear         bool // the screen, before each look
}

// runStatus is vw status.
func runStatus(ctx context.Context, args, environ []string, stdout, stderr io.Writer) int {
	l, err := statusFlags(args, environ, stdout)
	if errors.Is(err, pflag.ErrHelp) {
		return exitOK
	}
	if err != nil {
		fmt.Fprintf(stderr, "vw status: %v\n", err)
		return exitUsage
	}
	l.colour = cli.InColour(stdout, environ)
	l.clear = l.watch && !l.asJSON && cli.IsTerminal(stdout)
	if l.watch {
		return l.again(ctx, stdout)
	}
	text, code, err := l.look(ctx)
	if err != nil {
		fmt.Fprintf(stderr, "vw status: %v\n", err)
		return code
	}
	if _, err := stdout.Write(text); err != nil {
		fmt.Fprintf(stderr, "vw status: %v\n", err)
		return exitFailed
	}
	return code
}

func statusFlags(args, environ []string, stdout io.Writer) (*looking, error) {
	l := &looking{}
	s := newSettings("vw status")
	made := agentFlags(s)
	s.BoolVar(&l.asJSON, "json", false, "print what the agent answers to GET /api/stats, as it came")
	s.BoolVar(&l.watch, "watch", false, "look again every second, until interrupted")
	_, err := s.parse(args, environ)
	switch {
	case errors.Is(err, pflag.ErrHelp):
		s.usage(stdout, statusHead)
	case err == nil && s.NArg() > 0:
		err = fmt.Errorf("%q is one word too many: flags begin with --", s.Arg(0))
	case err == nil:
		l.client, err = made()
	}
	return l, err
}

// again looks every second until ctx ends. It survives the agent.
func (l *looking) again(ctx context.Context, stdout io.Writer) int {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for code := exitOK; ; {
		text, now, err := l.look(ctx)
		if ctx.Err() != nil {
			return code
		}
		code = now
		if err != nil && l.asJSON {
			text, _ = json.Marshal(map[string]string{"error": err.Error()}) // a map of strings
			text = printable.JSON(text)
			text = append(text, '\n')
		} else if err != nil {
			text = fmt.Appendf(nil, "%v\n", err)
		}
		switch {
		case l.clear:
			text = append([]byte(clearScreen), text...)
		case !l.asJSON:
			text = append(text, '\n')
		}
		if _, err := stdout.Write(text); err != nil {
			return exitFailed
		}
		select {
		case <-ctx.Done():
			return code
		case <-tick.C:
		}
	}
}

// look asks once. The code is the program's, also where there is an error.
func (l *looking) look(ctx context.Context) (text []byte, code int, err error) {
	v, err := l.status(ctx)
	if err != nil {
		return nil, exitNoAgent, err
	}
	r := v.report()
	if l.asJSON {
		return append(printable.JSON(bytes.TrimSpace(v.raw)), '\n'), r.code(), nil
	}
	return r.text(l.colour), r.code(), nil
}

// status asks for the agent's status.
func (c *client) status(ctx context.Context) (view, error) {
	v := view{url: c.base, now: time.Now()}
	if err := c.ask(ctx, http.MethodGet, "/api/stats", nil, &v.raw); err != nil {
		return v, err
	}
	if err := json.Unmarshal(v.raw, &v.Status); err != nil || v.Instance == "" {
		return v, c.noAgent()
	}
	return v, nil
}

// A view is an agent's status, seen at a time.
type view struct {
	status.Status
	raw json.RawMessage // as it came
	url string
	now time.Time
}
