package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"vw/cmd/vw/cli"
	"vw/cmd/vw/send"
)

const sendHelp = `vw send gives commands to agents over their command channels, and says who acknowledged them. A
command channel is a topic of a relay's, an agent of a broker's (wss+mqtt://broker.example/mqtt#lab1,
or #all; put your user name there before the host and an @), or an agent's own
ws://localhost:8888/ws/api.

usage: vw send --to URL [flags] [COMMAND...]

A COMMAND is a JSON object with a "verb". Without any, commands are read from standard input, a line
each: on a terminal each is sent when it is typed, else all when the input has ended, and nothing is
sent if one of them is no command. Each URL is sent the next command when it has answered the one
before; all URLs at once.

  vw send --to wss://relay.example/bi/lab1 '{"verb":"healthcheck"}'    one command: the reply as it came
  vw send --to wss://relay.example/bi/lab1                             those that you type
  vw send --to wss://relay.example/bi/lab1 <commands.txt               a table of who acknowledged what

A room without sound: one line, twenty experiments, and proof that all obeyed. The stream lab, which
had sound, goes on without it, wherever a URL of room.txt leads:

  vw send --to-file room.txt '{"verb":"add","what":"stream","rule":{"stream":"lab","feeds":["video0"]}}'

A reply to a change means that what it removed has stopped. Whoever is on a topic can answer there.

Exit code: 0 if everybody acknowledged every command, 1 if anybody did not (not reached, no answer in
time, or an error for an answer), 2 if what was asked for makes no sense.
`

func runSend(ctx context.Context, c *cli.Call) error {
	var o send.Options
	f := c.Settings(sendHelp)
	f.StringArrayVar(&o.To, "to", nil, "`URL` of a command channel; may be given again and again")
	file := f.String("to-file", "", "`FILE` with a URL a line; empty lines and lines that begin with # are passed over")
	relay := f.Relay("`TIME` to wait for a link, and then for the answers to each command")
	all := f.Bool("all", false, "collect the answers of all agents on a topic until the timeout (default: the first answer)")
	f.IntVar(&o.Expect, "expect", 1, "`NUMBER` of agents that have to answer each command on each topic")
	f.BoolVar(&o.JSON, "json", false, "print an array of one object per answer or failure")
	err := f.Read()
	switch {
	case err != nil:
		return err
	case o.Expect < 1:
		return cli.Usagef("expect %d: at least one answer can be waited for", o.Expect)
	case *all && o.Expect > 1:
		return cli.Usagef("all and expect are two ways to say how many answers to wait for: choose one")
	case *all:
		o.Expect = 0
	}
	if o.Relay, err = relay(); err != nil {
		return err
	}
	if err := addURLs(&o, *file); err != nil {
		return cli.UsageError{Err: err}
	}
	acknowledged, err := o.Run(ctx, f.Args(), c)
	if err == nil && !acknowledged {
		err = cli.ExitError(cli.Failed)
	}
	return err
}

// addURLs adds the URLs of a file, and checks all of them.
func addURLs(o *send.Options, file string) error {
	for i, to := range o.To {
		if err := o.Check(to); err != nil {
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
			if err := o.Check(line); err != nil {
				return fmt.Errorf("%s: line %d: %w", file, i+1, err)
			}
			o.To = append(o.To, line)
		}
	}
	if len(o.To) == 0 {
		return errors.New("to whom? Give --to URL, or --to-file FILE with a URL a line")
	}
	return nil
}
