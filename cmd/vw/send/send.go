// Package send gives commands to agents over their command channels, and collects
// their answers. It must not know what a command means, but that it has a verb.
package send

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"vw/cmd/vw/cli"
)

// Options say to whom commands are sent, and what is waited for.
type Options struct {
	cli.Relay
	To     []string // URLs
	Expect int      // answers to each command of each URL; 0 for all that come in time
	JSON   bool     // print it
}

// An Outcome is an answer to a command, or why there is none.
type Outcome struct {
	To      string          `json:"to"`      // without its query
	Command int             `json:"command"` // which of them, from 1
	Ref     string          `json:"ref,omitempty"`
	From    string          `json:"from,omitempty"` // the agent's name
	Reply   json.RawMessage `json:"reply,omitempty"`
	Error   string          `json:"error,omitempty"` // why the command is not acknowledged
	Seconds float64         `json:"seconds"`         // until then
	plain   string          // the reply to the command as it was written
}

var errNotSent = errors.New("not sent, since what was before it failed")

// Run sends the commands, or where there are none those that standard input
// holds, and prints what became of them. It reports whether all were acknowledged.
// What is no command is a cli.UsageError, and nothing is sent.
func (o *Options) Run(ctx context.Context, texts []string, c *cli.Call) (acknowledged bool, err error) {
	if len(texts) == 0 && cli.IsTerminal(c.Stdin) {
		return o.converse(ctx, c)
	}
	commands, err := readCommands(ctx, texts, c.Stdin)
	if err != nil {
		return false, cli.UsageError{Err: err}
	}
	return o.print(o.sendAll(ctx, commands), c.Stdout)
}

// converse sends each command when it is typed, until the input or ctx ends. A
// link is dialled for each, so that none has to be kept while nobody types.
func (o *Options) converse(ctx context.Context, c *cli.Call) (acknowledged bool, err error) {
	fmt.Fprintln(c.Stderr, "Type a command a line; Ctrl-D ends.")
	acknowledged = true
	for in := newInput(ctx, c.Stdin); ; {
		fmt.Fprint(c.Stderr, "> ")
		text, err := in.next(ctx)
		switch {
		case errors.Is(err, io.EOF), ctx.Err() != nil:
			fmt.Fprintln(c.Stderr)
			return acknowledged, nil
		case err != nil:
			return false, err
		case text == "":
			continue
		}
		outcomes, err := o.Send(ctx, text)
		if err != nil {
			acknowledged = false
			fmt.Fprintf(c.Stderr, "not sent: %v\n", err)
			continue
		}
		done, err := o.print(outcomes, c.Stdout)
		if err != nil {
			fmt.Fprintln(c.Stderr, err)
		}
		acknowledged = acknowledged && done && err == nil
	}
}

// Send sends one command to all URLs at once and returns what became of it, in
// the order of the URLs. The error says why it is no command.
func (o *Options) Send(ctx context.Context, text string) ([]Outcome, error) {
	command, err := parseCommand(text)
	if err != nil {
		return nil, err
	}
	return o.sendAll(ctx, []rawCommand{command}), nil
}

func (o *Options) sendAll(ctx context.Context, commands []rawCommand) (outcomes []Outcome) {
	byURL := make([][]Outcome, len(o.To))
	var wg sync.WaitGroup
	for i, to := range o.To {
		wg.Go(func() { byURL[i] = o.sendTo(ctx, to, commands) })
	}
	wg.Wait()
	for _, part := range byURL {
		outcomes = append(outcomes, part...)
	}
	return outcomes
}

// sendTo sends the commands to one URL, each when the one before was answered.
func (o *Options) sendTo(ctx context.Context, to string, commands []rawCommand) (outcomes []Outcome) {
	begun := time.Now()
	c, err := dial(ctx, o.Relay, to)
	if err == nil {
		defer c.close()
	}
	shown, _, _ := strings.Cut(to, "?") // a query may be a secret
	for i, command := range commands {
		var got []answer
		if err == nil {
			begun = time.Now()
			got, err = c.ask(ctx, command, o.Expect)
		}
		for _, a := range got {
			outcomes = append(outcomes, Outcome{To: shown, Command: i + 1, Ref: *a.Ref, From: a.From,
				Reply: a.Reply, Error: a.refusal(), Seconds: a.at.Sub(begun).Seconds(), plain: a.plain(command)})
		}
		if err != nil {
			outcomes = append(outcomes, Outcome{To: shown, Command: i + 1, Error: err.Error(), Seconds: time.Since(begun).Seconds()})
			begun, err = time.Now(), errNotSent
		}
	}
	return outcomes
}
