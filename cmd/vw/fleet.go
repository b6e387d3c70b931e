package main

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"vw/agent/local"
	"vw/cmd/vw/cli"
	"vw/cmd/vw/fleet"
)

const fleetHelp = `vw fleet is for whoever operates many agents. It keeps a link to the command channel of each, as vw
send does, and says how they stand, or brings all of them to one table of rules.

usage: vw fleet [status] --agents FILE [flags]
       vw fleet apply --agents FILE [flags] RULES

FILE has a line for each agent: its name (VW_NAME), the URL of its command channel, and where it has
one the file of the token for that. {name} stands for the name; # begins a line that is passed over.

  lab1  wss://relay.example/bi/{name}
  lab2  wss://relay.example/bi/{name}  tokens/lab2

vw fleet shows which agents are there, or since when not, which rules they have, and what is not on
air and why: in a terminal a table that stays up to date until Ctrl-C, else once; with --watch a line
for each change. --rules has it say who has other rules than those. With --metrics-port it serves all
of it on http://localhost:PORT/metrics for Prometheus, agents that nobody can scrape included.

vw fleet apply gives agents the rules of a file, as list rules prints them; {name} in it stands for the
agent's name. First every agent is asked what it would say, and nothing is changed if one does not
answer or refuses; --skip leaves those as they are. Then the rules are given to one wave of agents after
the other. An agent keeps them if it answers afterwards, and its destinations are reached; else it
takes them back by itself. The first wave in which one does is the last. Run again, it leaves those as
they are who have the rules already.

  vw fleet apply --agents fleet.txt --dry-run rules.json    what would be changed
  vw fleet apply --agents fleet.txt rules.json              ten at a time

Exit code: 0 if all is well (with apply: everybody has the rules), 1 if not, 2 if what was asked for
makes no sense.
`

// fleetOptions is what vw fleet is asked to do.
type fleetOptions struct {
	cli.Relay
	agents, rules string
	every         time.Duration
	port          int
	watch, asJSON bool
	apply         fleet.Apply
}

func runFleet(ctx context.Context, c *cli.Call) error {
	var o fleetOptions
	f := c.Settings(fleetHelp)
	f.StringVar(&o.agents, "agents", "", "`FILE` that lists the agents")
	relay := f.Relay("`TIME` to wait for an answer")
	f.StringVar(&o.rules, "rules", "", "`FILE` of the rules that agents should have (default: none)")
	f.BoolVar(&o.watch, "watch", false, "print a line for each change, until interrupted")
	f.DurationVar(&o.every, "every", 15*time.Second, "`TIME` between two questions how an agent stands")
	f.IntVar(&o.port, "metrics-port", 0, "TCP `PORT` on 127.0.0.1 and ::1 for /metrics, until interrupted")
	f.BoolVar(&o.asJSON, "json", false, "print an array of one object per agent, once")
	f.IntVar(&o.apply.Wave, "wave", 10, "apply: `NUMBER` of agents at a time")
	f.DurationVar(&o.apply.Confirm, "confirm", 30*time.Second, "apply: `TIME` after which an agent takes the rules back that were not confirmed")
	f.DurationVar(&o.apply.Settle, "settle", 3*time.Second, "apply: `TIME` to wait before an agent is asked whether all is well")
	f.BoolVar(&o.apply.Unreached, "unreached", false, "apply: confirm rules even where a destination is not reached")
	f.BoolVar(&o.apply.Skip, "skip", false, "apply: leave out the agents that do not answer, or refuse")
	f.BoolVar(&o.apply.DryRun, "dry-run", false, "apply: ask, and change nothing")
	err := f.Read()
	if err != nil {
		return err
	}
	if o.Relay, err = relay(); err != nil {
		return err
	}
	switch what := f.Arg(0); {
	case o.agents == "":
		return cli.Usagef("which agents? --agents FILE lists them")
	case what == "apply" && f.NArg() == 2:
		return o.runApply(ctx, c, f.Arg(1))
	case what == "apply":
		return cli.Usagef("which rules? vw fleet apply RULES, the file that holds them")
	case what != "" && what != "status":
		return cli.Usagef("%q is not what a fleet can do: status or apply", what)
	case f.NArg() > 1:
		return cli.Usagef("%q is one word too many: flags begin with --", f.Arg(1))
	}
	return o.runStatus(ctx, c)
}

func (o *fleetOptions) runStatus(ctx context.Context, c *cli.Call) error {
	watch := !o.asJSON && (o.watch || o.port != 0 || cli.IsTerminal(c.Stdout))
	switch {
	case o.asJSON && (o.watch || o.port != 0):
		return cli.Usagef("json is printed once: leave it out, or watch and metrics-port")
	case o.every < time.Second:
		return cli.Usagef("every %v is below 1s", o.every)
	case o.port < 0 || o.port > 65535:
		return cli.Usagef("metrics port %d is not one of 1 to 65535", o.port)
	}
	f, err := o.fleet(watch, o.rules)
	if err != nil {
		return err
	}
	if !watch {
		well, err := f.Once(ctx, c, o.asJSON)
		if err == nil && !well {
			err = cli.ExitError(cli.Failed)
		}
		return err
	}
	both, ctx := errgroup.WithContext(ctx)
	if o.port != 0 {
		listeners, err := local.Listen(o.port)
		if err != nil {
			return fmt.Errorf("choose another --metrics-port: %w", err)
		}
		both.Go(func() error { return f.Serve(ctx, listeners) })
	}
	both.Go(func() error { return f.Watch(ctx, c) })
	return both.Wait()
}

// fleet is that of the list. With rules it tells who has others.
func (o *fleetOptions) fleet(watch bool, rules string) (*fleet.Fleet, error) {
	list, err := fleet.ReadList(o.agents, o.Relay)
	if err != nil {
		return nil, cli.UsageError{Err: err}
	}
	every := o.every
	if !watch {
		every = 0
	}
	f := fleet.New(o.Relay, list, every)
	if rules == "" {
		return f, nil
	}
	r, err := fleet.ReadRules(rules)
	if err == nil {
		err = f.Want(r)
	}
	if err != nil {
		return nil, cli.UsageError{Err: err}
	}
	return f, nil
}

func (o *fleetOptions) runApply(ctx context.Context, c *cli.Call, file string) error {
	switch a := &o.apply; {
	case o.watch || o.port != 0 || o.rules != "":
		return cli.Usagef("watch, metrics-port and rules are not for apply: leave them out")
	case a.Wave < 1:
		return cli.Usagef("wave %d: at least one agent at a time", a.Wave)
	case a.Confirm < time.Second || a.Confirm > time.Hour:
		return cli.Usagef("confirm %v is not within 1s and 1h", a.Confirm)
	case a.Settle < 0 || a.Settle > a.Confirm/2:
		return cli.Usagef("settle %v is not within 0s and half of confirm (%v)", a.Settle, a.Confirm)
	}
	rules, err := fleet.ReadRules(file)
	if err != nil {
		return cli.UsageError{Err: err}
	}
	f, err := o.fleet(false, "")
	if err != nil {
		return err
	}
	o.apply.JSON = o.asJSON
	all, err := o.apply.Run(ctx, f, rules, c)
	if err == nil && !all {
		err = cli.ExitError(cli.Failed)
	}
	return err
}
