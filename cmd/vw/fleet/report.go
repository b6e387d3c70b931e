package fleet

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"vw/cmd/vw/cli"
)

// An Outcome is what has come of an agent.
type Outcome struct {
	Agent string `json:"agent"`
	Has   bool   `json:"has"`             // it has the rules, to keep
	Rules string `json:"rules,omitempty"` // the hash of those that it has; absent: it is not known
	Said  string `json:"said"`            // in words
}

// report prints what has come of it.
func (o Apply) report(plans []*plan, c *cli.Call) (all bool, err error) {
	plans = slices.Clone(plans)
	slices.SortStableFunc(plans, func(a, b *plan) int { return cmp.Compare(a.order(), b.order()) })
	var outcomes []Outcome
	colour := cli.InColour(c.Stdout, c.Environ)
	cells, severities, have := [][]string{{"AGENT", "RULES", "WHAT BECAME OF IT"}}, []cli.Severity{cli.Plain}, 0
	for _, p := range plans {
		u, severity := p.outcome()
		if u.Has {
			have++
		}
		outcomes, severities = append(outcomes, u), append(severities, severity)
		cells = append(cells, []string{u.Agent, cmp.Or(short(u.Rules), "-"), u.Said})
	}
	all = have == len(plans)
	if o.JSON {
		return all, cli.PrintJSON(c.Stdout, outcomes)
	}
	var b strings.Builder
	for i, line := range align(cells) {
		fmt.Fprintln(&b, cli.Paint(colour, severities[i], line))
	}
	fmt.Fprintf(&b, "\n%d of %d have the rules\n", have, len(plans))
	if !all && !o.DryRun {
		fmt.Fprintln(&b, "When what is wrong is put right, run it again: who has the rules is left alone.")
	}
	_, err = fmt.Fprint(c.Stdout, b.String())
	return all, err
}

// order has those that failed come last, where one looks.
func (p *plan) order() int {
	return map[step]int{had: 0, took: 1, waits: 2, onTrial: 2, refuses: 3, failed: 4}[p.step]
}

func (p *plan) outcome() (Outcome, cli.Severity) {
	u := Outcome{Agent: p.agent.Name, Rules: p.now}
	switch p.step {
	case had:
		u.Has, u.Said = true, "had them already"
		return u, cli.Good
	case took:
		u.Has, u.Said = true, "took them, and keeps them"
		return u, cli.Good
	case waits:
		u.Said = "would take them; nothing was changed"
		return u, cli.Plain
	case onTrial:
		u.Said = "has them on trial, from somebody who has not confirmed them"
		return u, cli.Plain
	case refuses:
		u.Said = "nothing was changed: " + p.why.Error()
		return u, cli.Wrong
	}
	switch u.Said = p.why.Error(); p.now {
	case "":
		u.Said += "; not heard since: it takes the rules back by itself, if it took them"
	case p.before:
		u.Said += "; it has taken the rules back"
	case p.wanted:
		u.Has = true
		u.Said += "; it has the rules all the same"
	}
	return u, cli.Wrong
}
