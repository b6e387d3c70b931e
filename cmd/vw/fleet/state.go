package fleet

import (
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"slices"
	"time"

	"vw/agent/link"
	"vw/agent/status"
)

// A State is what is known of an agent.
type State struct {
	There bool
	Since time.Time     // since when it is there, or not
	Seen  time.Time     // when it was heard last; zero: never
	Why   error         // why it is not there
	Told  status.Status // what it told last; its Instance is "" where that is nothing
	Link  link.Info     // the wire's
}

// watchFor is how long an agent is asked to tell what changes, in intervals.
const watchFor = 4

var (
	listStatus = map[string]any{"verb": "list", "what": "status"}
	errStopped = errors.New("it was stopped on its machine")
	errGone    = errors.New("its link to the broker is lost")
	errGarbled = errors.New("what it answers is no status: is it an agent?")

	// ends are the events after which an agent is not there, and why.
	ends = map[status.Event]error{status.Bye: errStopped, status.Gone: errGone}
)

// run keeps the wire up and asks how the agent stands, until ctx ends.
func (a *agent) run(ctx context.Context) {
	wired := make(chan struct{})
	go func() {
		defer close(wired)
		a.wire.Run(ctx)
	}()
	for watch := true; ctx.Err() == nil; {
		a.poll(ctx, watch)
		var next <-chan time.Time
		if a.every > 0 {
			next = time.After(a.every - a.every/10 + rand.N(a.every/5+1))
		}
		select {
		case <-ctx.Done():
		case watch = <-a.wake:
		case <-next:
			watch = true
		}
	}
	<-wired
}

// poll asks once how the agent stands.
func (a *agent) poll(ctx context.Context, watch bool) {
	reply, err := a.ask(ctx, a.timeout, listStatus)
	var s status.Status
	if err == nil && (json.Unmarshal(reply, &s) != nil || s.Instance == "") {
		err = errGarbled
	}
	if ctx.Err() != nil {
		return
	}
	a.mu.Lock()
	a.state.set(err)
	if err == nil {
		a.state.Told = s
	}
	a.mu.Unlock()
	a.once.Do(func() { close(a.told) })
	a.changed()
	if err == nil && watch && a.every > 0 && slices.Contains(s.Capabilities, "watch") {
		lease := max(watchFor*a.every, time.Second).String()
		_ = a.wire.Send(a.addressed(map[string]any{"verb": "add", "what": "watch", "for": lease}, "watch")) // it is asked again before long
	}
}

// set notes that the agent is there, or why not.
func (s *State) set(why error) {
	now := time.Now()
	if there := why == nil; there != s.There {
		s.There, s.Since = there, now
		if !there && !s.Seen.IsZero() {
			s.Since = s.Seen
		}
	}
	if s.Why = why; why == nil {
		s.Seen = now
	}
}

// present takes what the agent says of itself unasked. Why something is as it is has
// to be asked for.
func (a *agent) present(p status.Presence) {
	a.mu.Lock()
	known := a.state.There && a.state.Told.Instance == p.Instance && !differs(p, a.state.Told)
	if p.Event != status.Gone { // that a broker says
		a.state.Seen = time.Now()
	}
	why, over := ends[p.Event]
	if over {
		a.state.set(why)
	}
	a.mu.Unlock()
	switch {
	case over:
		a.changed()
	case p.Event == status.Hello:
		a.look(true)
	case !known:
		a.look(false)
	}
}

// differs reports whether what is told of presence is not what was told before.
func differs(p status.Presence, told status.Status) bool {
	if p.Rules != told.Rules || p.Locked != told.Locked || !slices.Equal(p.Muted, told.Mutes) && p.More == nil {
		return true
	}
	for id, c := range p.Destinations {
		if d, there := told.Destinations[id]; there != (c != nil) || there && d.Condition != *c {
			return true
		}
	}
	for name, c := range p.Feeds {
		if f, there := told.Feeds[name]; there != (c != nil) || there && f.Condition != *c {
			return true
		}
	}
	return false
}

// State returns what is known now. Without a link nobody is known to be there.
func (a *agent) State() State {
	a.mu.Lock()
	s := a.state
	a.mu.Unlock()
	s.Link = a.wire.Info()
	if err := noLink(s.Link); err != nil {
		s.set(err)
	}
	return s
}
