package fleet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"
)

// askedAtOnce is how many agents are asked at once what they have.
const askedAtOnce = 100

// A plan is what is to be done with one agent, and what has come of it.
type plan struct {
	agent  *agent
	table  json.RawMessage
	before string // the hash of the rules that it had
	wanted string // of those that it is to have; "" until it is known
	step   step
	why    error         // of a step that failed
	now    string        // the hash that it told last, "" for none
	left   time.Duration // of a trial that somebody else began
}

// A step is how far an agent has come.
type step int

// The steps. Those that failed come last.
const (
	waits   step = iota // it would take the rules
	onTrial             // it has them, and nobody has confirmed them
	had                 // it had them before
	took                // it has taken them, and keeps them
	refuses             // it does not answer, or would not take them: nothing was changed
	failed              // it has taken them, or may have, and does not keep them
)

// A listing is what list rules answers, and a dry run.
type listing struct{ Hash, Confirm string }

var errListing = errors.New("what it answers is no table of rules")

// list asks an agent for its rules.
func (a *agent) list(ctx context.Context) (l listing, err error) {
	reply, err := a.ask(ctx, a.timeout, map[string]any{"verb": "list", "what": "rules"})
	if err == nil && (json.Unmarshal(reply, &l) != nil || l.Hash == "") {
		err = errListing
	}
	return l, err
}

// plan finds out what an agent has, and whether it would take the rules.
func (p *plan) plan(ctx context.Context) error {
	l, err := p.agent.list(ctx)
	if err != nil {
		return tooOld(err)
	}
	p.before, p.now = l.Hash, l.Hash
	if p.wanted == "" || p.before != p.wanted {
		reply, err := p.agent.ask(ctx, p.agent.timeout, p.addRules(map[string]any{"dryRun": true}))
		if err != nil {
			return err
		}
		var dry listing
		if json.Unmarshal(reply, &dry) != nil || dry.Hash == "" || p.wanted != "" && dry.Hash != p.wanted {
			return errListing
		}
		p.wanted = dry.Hash
	}
	switch {
	case p.before != p.wanted:
		p.step = waits
	case l.Confirm != "": // somebody was interrupted
		p.step = onTrial
		p.left, err = time.ParseDuration(l.Confirm)
	default:
		p.step = had
	}
	return err
}

// tooOld adds to a refusal of list rules what it means.
func tooOld(err error) error {
	var r refusal
	if errors.As(err, &r) {
		return fmt.Errorf("it knows no whole tables, its vw is too old: %w", err)
	}
	return err
}

// addRules is the command that gives an agent the rules, if it still has those that
// it had.
func (p *plan) addRules(more map[string]any) map[string]any {
	command := map[string]any{"verb": "add", "what": "rules", "rule": p.table, "if": p.before}
	for key, value := range more {
		command[key] = value
	}
	return command
}

// plans asks all agents, many at once.
func (f *Fleet) plans(ctx context.Context, rules *Rules) (plans []*plan, err error) {
	for _, a := range f.agents {
		p := &plan{agent: a, table: rules.of(a.Name)}
		if p.wanted, err = rules.hash(a.Name); err != nil {
			return nil, fmt.Errorf("the rules of %s: %w", a.Name, err)
		}
		plans = append(plans, p)
	}
	var asked errgroup.Group
	asked.SetLimit(askedAtOnce)
	for _, p := range plans {
		select {
		case <-p.agent.begun:
		case <-ctx.Done():
		}
		asked.Go(func() error {
			if err := p.plan(ctx); err != nil {
				p.step, p.why = refuses, err
			}
			return nil
		})
	}
	return plans, asked.Wait()
}
