package agent

import (
	"context"
	"maps"

	"vw/agent/forward"
	"vw/command"
	"vw/media"
)

// effects is what rules do: command.Effects.
type effects struct{ agent *Agent }

// Admit prepares a destination rule.
func (e effects) Admit(rule command.Destination) (command.Admission, error) {
	return e.agent.forward.Admit(rule)
}

// Apply puts rules in force.
func (e effects) Apply(r command.Rules, admitted []command.Admission) command.Applied {
	a := e.agent
	pending := a.forward.Withdraw(r)
	pending.Join(a.router.SetStreams(r.Streams))
	files := forward.Admissions{}
	for _, some := range admitted {
		more, _ := some.(forward.Admissions)
		maps.Copy(files, more)
	}
	pending.Join(a.forward.Apply(r.Destinations, files))
	var api *command.Destination
	if rule, ok := r.Destinations[command.APIRule]; ok {
		api = &rule
	}
	return command.Applied{Pending: change{pending, saver{a.store.Save, a.journal}}, Trial: a.channel.Apply(api)}
}

// A change is in force. It is done when what it removed has stopped, and when it
// is saved.
type change struct {
	pending *media.PendingWrites
	saver   saver
}

// Splice returns when what is replaced goes on no more.
func (c change) Splice(ctx context.Context) { c.pending.Splice(ctx) }

// Wait returns when it is done, or ctx ends.
func (c change) Wait(ctx context.Context) {
	c.pending.Wait(ctx)
	_ = c.saver.Save() // the state file tells
}
