package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"vw/cmd/vw/cli"
)

const sendHelp = `vw send gives commands to agents over their command channel, which is a topic of a relay's or an
agent's own ws://localhost:8888/ws/api, and says who acknowledged them.

usage: vw send --to URL [flags] [COMMAND...]

A COMMAND is a JSON object with a "verb". Without any, commands are read from standard input, a line
each. Nothing is sent if one of them is no command. Each URL is sent the next command when it has
answered the one before; all URLs at once.

  vw send --to wss://relay.example/bi/lab1 '{"verb":"healthcheck"}'    one command: the reply as it came
  vw send --to wss://relay.example/bi/lab1                             a conversation, on a terminal
  vw send --to wss://relay.example/bi/lab1 <commands.txt               a table of who acknowledged what

The room-wide mute: one line, twenty experiments, and proof that all obeyed. The stream lab, which had
sound, goes on without it, wherever a URL of room.txt leads:

  vw send --to-file room.txt '{"verb":"add","what":"stream","rule":{"stream":"lab","feeds":["video0"]}}'

A reply to a change means that what it removed has stopped. Whoever is on a topic can answer there.

Exit code: 0 if everybody acknowledged every command, 1 if anybody did not (not reached, no answer in
time, or an error for an answer), 2 if what was asked for makes no sense. In a conversation it tells
of the link alone.
`

// sendOptions is what vw send is asked to do.
type sendOptions struct {
	cli.Relay
	urls   []string
	expect int // answers to each command of each URL; 0 for all that come in time
	asJSON bool
}

func runSend(ctx context.Context, c *cli.Call) error {
	o, commands, err := sendFlags(c)
	if err != nil {
		return err
	}
	s := &sending{o}
	talk := len(commands) == 0 && cli.IsTerminal(c.Stdin)
	if talk && (len(s.urls) > 1 || s.asJSON) {
		return cli.Usagef("a conversation is with one URL and without --json: give the commands as arguments, or by a pipe")
	}
	if talk {
		if err := s.talk(ctx, newInput(ctx, c.Stdin), c.Stdout); err != nil {
			return fmt.Errorf("%s: %v", withoutQuery(s.urls[0]), err)
		}
		return nil
	}
	orders, err := readOrders(ctx, commands, c.Stdin)
	if err != nil {
		return cli.UsageError{Err: err}
	}
	done, err := s.print(s.run(ctx, orders), c.Stdout)
	if err == nil && !done {
		err = cli.Exit(cli.Failed)
	}
	return err
}

type sending struct{ sendOptions }

// sendFlags reads the flags. The commands are the arguments that remain.
func sendFlags(c *cli.Call) (o sendOptions, commands []string, err error) {
	f := c.Settings(sendHelp)
	f.StringArrayVar(&o.urls, "to", nil, "URL of a command channel; may be given again and again")
	file := f.String("to-file", "", "file with a URL a line; empty lines and lines that begin with # are passed over")
	relay := f.Relay("how long to wait for a link, and then for the answers to each command")
	all := f.Bool("all", false, "collect the answers of all agents on a topic until the timeout (default: the first answer)")
	f.IntVar(&o.expect, "expect", 1, "how many agents have to answer each command on each topic")
	f.BoolVar(&o.asJSON, "json", false, "print an array of one object per answer or failure")
	if err := f.Read(); err != nil {
		return o, nil, err
	}
	if o.Relay, err = relay(); err != nil {
		return o, nil, err
	}
	switch {
	case o.expect < 1:
		return o, nil, cli.Usagef("expect %d: at least one answer can be waited for", o.expect)
	case *all && o.expect > 1:
		return o, nil, cli.Usagef("all and expect are two ways to say how many answers to wait for: choose one")
	case *all:
		o.expect = 0
	}
	if err := o.gather(*file); err != nil {
		return o, nil, cli.UsageError{Err: err}
	}
	return o, f.Args(), nil
}

// gather adds the URLs of a file, and checks all of them.
func (s *sendOptions) gather(file string) error {
	for i, to := range s.urls {
		if err := s.Check(to); err != nil {
			return fmt.Errorf("URL %d: %w", i+1, err)
		}
	}
	if file != "" {
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		for i, line := range strings.Split(string(text), "\n") {
			line = strings.TrimSpace(line)
			if line == "" || strings.HasPrefix(line, "#") {
				continue
			}
			if err := s.Check(line); err != nil {
				return fmt.Errorf("%s: line %d: %w", file, i+1, err)
			}
			s.urls = append(s.urls, line)
		}
	}
	if len(s.urls) == 0 {
		return errors.New("to whom? Give --to URL, or --to-file FILE with a URL a line")
	}
	return nil
}

// run sends the orders to all URLs at once and returns what became of them, in
// the order of the URLs.
func (s *sending) run(ctx context.Context, orders []order) (outcomes []outcome) {
	byURL := make([][]outcome, len(s.urls))
	var wg sync.WaitGroup
	for i, to := range s.urls {
		wg.Go(func() { byURL[i] = s.deliver(ctx, to, orders) })
	}
	wg.Wait()
	for _, part := range byURL {
		outcomes = append(outcomes, part...)
	}
	return outcomes
}

// deliver sends the orders to one URL, each when the one before was answered.
func (s *sending) deliver(ctx context.Context, to string, orders []order) (outcomes []outcome) {
	begun := time.Now()
	l, err := s.dial(ctx, to)
	if err == nil {
		defer l.close()
	}
	for i, o := range orders {
		var got []answer
		if err == nil {
			begun = time.Now()
			got, err = l.ask(ctx, o, s.expect)
		}
		for _, a := range got {
			outcomes = append(outcomes, outcome{To: withoutQuery(to), Command: i + 1, Ref: *a.Ref, From: a.From,
				Reply: a.Reply, Error: a.refused(), Seconds: a.at.Sub(begun).Seconds(), plain: a.plain(o)})
		}
		if err != nil {
			outcomes = append(outcomes, outcome{To: withoutQuery(to), Command: i + 1, Error: err.Error(), Seconds: time.Since(begun).Seconds()})
			begun, err = time.Now(), errNotSent
		}
	}
	return outcomes
}

var errNotSent = errors.New("not sent, since what was before it failed")

// withoutQuery is a URL as it may be shown: a query may be a secret.
func withoutQuery(to string) string {
	to, _, _ = strings.Cut(to, "?")
	return to
}
