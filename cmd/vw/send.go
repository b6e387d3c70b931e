package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/spf13/pflag"

	"vw/cmd/vw/cli"
)

const sendHead = `vw send gives commands to agents over their command channel, which is a topic of a relay's or an
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

// A sending is what vw send is asked to do.
type sending struct {
	caller
	urls   []string
	expect int // answers to each command of each URL; 0 for all that come in time
	asJSON bool
}

// runSend is vw send.
func runSend(ctx context.Context, args, environ []string, stdin io.Reader, stdout, stderr io.Writer) int {
	s, commands, err := sendFlags(args, environ, stdout)
	if errors.Is(err, pflag.ErrHelp) {
		return exitOK
	}
	talk := len(commands) == 0 && cli.IsTerminal(stdin)
	if err == nil && talk && (len(s.urls) > 1 || s.asJSON) {
		err = errors.New("a conversation is with one URL and without --json: give the commands as arguments, or by a pipe")
	}
	var orders []order
	if err == nil && !talk {
		orders, err = readOrders(ctx, commands, stdin)
	}
	if err != nil {
		fmt.Fprintf(stderr, "vw send: %v\n", err)
		return exitUsage
	}
	if talk {
		if err := s.talk(ctx, newInput(ctx, stdin), stdout); err != nil {
			fmt.Fprintf(stderr, "vw send: %s: %v\n", withoutQuery(s.urls[0]), err)
			return exitFailed
		}
		return exitOK
	}
	done, err := s.print(s.run(ctx, orders), stdout)
	if err != nil {
		fmt.Fprintf(stderr, "vw send: %v\n", err)
	}
	if !done || err != nil {
		return exitFailed
	}
	return exitOK
}

// sendFlags reads the flags. The commands are the arguments that remain.
func sendFlags(args, environ []string, stdout io.Writer) (s *sending, commands []string, err error) {
	f := newSettings("vw send")
	s = &sending{}
	f.StringArrayVar(&s.urls, "to", nil, "URL of a command channel; may be given again and again")
	file := f.String("to-file", "", "file with a URL a line; empty lines and lines that begin with # are passed over")
	f.StringVar(&s.token, "token", "", "token for the relays (better set the variable: flags can be seen by others)")
	f.StringVar(&s.auth, "auth", "", "how the token is shown: bearer, message or access (default: bearer, and access for https://)")
	f.DurationVar(&s.within, "timeout", 10*time.Second, "how long to wait for a link, and then for the answers to each command")
	all := f.Bool("all", false, "collect the answers of all agents on a topic until the timeout (default: the first answer)")
	f.IntVar(&s.expect, "expect", 1, "how many agents have to answer each command on each topic")
	f.BoolVar(&s.asJSON, "json", false, "print an array of one object per answer or failure")
	f.BoolVar(&s.plaintext, "allow-plaintext", false, "allow ws:// to other machines, though never with a token")
	ca := f.String("ca-file", "", "PEM file of certificates to trust besides the system's")
	if _, err = f.parse(args, environ); err != nil {
		if errors.Is(err, pflag.ErrHelp) {
			f.usage(stdout, sendHead)
		}
		return nil, nil, err
	}
	switch {
	case s.within <= 0:
		return nil, nil, fmt.Errorf("timeout %v is not above zero", s.within)
	case s.expect < 1:
		return nil, nil, fmt.Errorf("expect %d: at least one answer can be waited for", s.expect)
	case *all && s.expect > 1:
		return nil, nil, errors.New("all and expect are two ways to say how many answers to wait for: choose one")
	case *all:
		s.expect = 0
	}
	if err := s.trust(*ca, "", ""); err != nil {
		return nil, nil, err
	}
	return s, f.Args(), s.gather(*file)
}

// gather adds the URLs of a file, and checks all of them.
func (s *sending) gather(file string) error {
	for i, to := range s.urls {
		if err := s.check(to); err != nil {
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
			if err := s.check(line); err != nil {
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
