package fleet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"vw/agent/status"
	"vw/cmd/vw/cli"
)

// Apply says how a fleet is brought to one table of rules.
type Apply struct {
	Wave      int           // how many agents at a time
	Confirm   time.Duration // how long an agent keeps rules that nobody confirms
	Settle    time.Duration // how long is waited before an agent is asked whether all is well
	Unreached bool          // rules are confirmed though a destination is not reached
	Skip      bool          // agents that do not answer or refuse are left out
	DryRun    bool          // nothing is changed
	JSON      bool          // what has come of it is printed so
}

const (
	// lookAgain is the time between two looks at whether destinations are reached.
	lookAgain = 500 * time.Millisecond
	// confirmPart of the time that is left to confirm is kept for the command that does.
	confirmPart = 5
)

var errOtherRules = errors.New("it has other rules again: somebody else changes them too")

// Run does it, and reports whether every agent has the rules; of a dry run, whether
// every agent has them or would take them. It says on Stderr how
// far it is, and on Stdout what has come of it.
func (o Apply) Run(ctx context.Context, f *Fleet, rules *Rules, c *cli.Call) (all bool, err error) {
	defer f.start(ctx, func(a *agent, ctx context.Context) { a.wire.Run(ctx) })()
	plans, err := f.plans(ctx, rules)
	if err != nil {
		return false, err
	}
	if ctx.Err() != nil {
		return false, cli.ErrInterrupted // nothing was changed
	}
	at := count(plans)
	fmt.Fprintf(c.Stderr, "dry run: %d of %d have the rules, %d would take them, %d would not\n", at[had], len(plans), at[waits]+at[onTrial], at[refuses])
	if !o.DryRun && (at[refuses] == 0 || o.Skip) {
		o.waves(ctx, plans, c)
	}
	all, err = o.report(plans, c)
	return all || o.DryRun && at[refuses] == 0, err
}

// waves gives the rules to one wave after the other, up to the first that fails.
func (o Apply) waves(ctx context.Context, plans []*plan, c *cli.Call) {
	todo := slices.DeleteFunc(slices.Clone(plans), func(p *plan) bool { return p.step != waits && p.step != onTrial })
	waves := (len(todo) + o.Wave - 1) / o.Wave
	n := 0
	for wave := range slices.Chunk(todo, o.Wave) {
		n++
		var wg sync.WaitGroup
		for _, p := range wave {
			wg.Go(func() { o.give(ctx, p) })
		}
		wg.Wait()
		at := count(wave)
		fmt.Fprintf(c.Stderr, "wave %d of %d: %d took the rules, %d did not\n", n, waves, at[took], len(wave)-at[took])
		if at[took] < len(wave) {
			if at[failed] > 0 {
				fmt.Fprintf(c.Stderr, "waiting for them to take the rules back: %v at most\n", o.Confirm+wave[0].agent.timeout)
			}
			o.lookBack(ctx, wave)
			return
		}
	}
}

// give gives the rules to one agent and confirms them, if all is well with them.
func (o Apply) give(ctx context.Context, p *plan) {
	until := time.Now().Add(o.Confirm)
	if p.step == onTrial {
		until = time.Now().Add(p.left)
	} else {
		_, err := p.agent.ask(ctx, min(p.agent.timeout, o.Confirm), p.addRules(map[string]any{"confirm": o.Confirm.String()}))
		if refused := refusal(""); errors.As(err, &refused) {
			p.step, p.why = refuses, err
			return
		}
		if err != nil {
			p.step, p.why = failed, err
			return
		}
	}
	p.step, p.now = failed, p.wanted
	if p.why = o.settle(ctx, p, until); p.why != nil {
		return
	}
	_, err := p.agent.ask(ctx, time.Until(until), map[string]any{"verb": "add", "what": "confirm", "if": p.wanted})
	if p.why = err; err == nil {
		p.step = took
	}
}

// settle waits until the rules do what they are to do. The error says what they do
// not do while there is still time to confirm them.
func (o Apply) settle(ctx context.Context, p *plan, until time.Time) error {
	until = until.Add(-time.Until(until) / confirmPart)
	for wait := o.Settle; ; wait = lookAgain {
		select {
		case <-ctx.Done():
			return cli.ErrInterrupted
		case <-time.After(wait):
		}
		reply, err := p.agent.ask(ctx, max(time.Until(until), 0), listStatus)
		var s status.Status
		if err == nil {
			err = json.Unmarshal(reply, &s)
		}
		switch {
		case err != nil:
			return err
		case s.Rules != p.wanted:
			p.now = s.Rules
			return errOtherRules
		}
		missed := unreached(s)
		if len(missed) == 0 || o.Unreached {
			return nil
		}
		if time.Until(until) < lookAgain {
			return errors.New(strings.Join(missed, "; "))
		}
	}
}

// unreached tells the destinations of an agent that are not reached.
func unreached(s status.Status) (missed []string) {
	for id, d := range s.Destinations {
		switch d.Condition {
		case status.Pending, status.Unreachable, status.NotAllowed:
			off := Off{ID: id, Stream: d.Stream, Condition: d.Condition}
			if d.Problem != nil {
				off.Why = d.Problem.Text
			}
			missed = append(missed, off.String())
		}
	}
	slices.Sort(missed)
	return missed
}

// lookBack waits for agents that have failed to have the rules from before again.
func (o Apply) lookBack(ctx context.Context, wave []*plan) {
	var wg sync.WaitGroup
	for _, p := range wave {
		if p.step != failed {
			continue
		}
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(ctx, o.Confirm+p.agent.timeout)
			defer cancel()
			p.now = ""
			for ctx.Err() == nil {
				if l, err := p.agent.list(ctx); err == nil {
					if p.now = l.Hash; l.Confirm == "" {
						return
					}
				}
				select {
				case <-ctx.Done():
				case <-time.After(lookAgain):
				}
			}
		})
	}
	wg.Wait()
}

// count is how many have come to each step.
func count(plans []*plan) map[step]int {
	at := map[step]int{}
	for _, p := range plans {
		at[p.step]++
	}
	return at
}
