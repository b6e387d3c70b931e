package agent

import (
	"context"
	"slices"

	"vw/agent/link"
	"vw/command"
)

// An endpoint is one rule of the command channel, and its link.
type endpoint struct {
	*link.Link
	control *control
	rule    command.Destination
	ctx     context.Context
	cancel  context.CancelFunc
	up      bool
	turn    int // of the endpoints that are dialled while none can be reached
}

// Next returns what the link dials next.
func (e *endpoint) Next() (t link.Target, reset bool) { return e.control.aim(e) }

// Serve keeps account of the link while it is up.
func (e *endpoint) Serve(life context.Context, _ *link.Conn) error {
	e.control.cameUp(e)
	<-life.Done()
	e.control.wentDown(e)
	return context.Cause(life)
}

// Receive runs the commands of a message.
func (e *endpoint) Receive(c *link.Conn, data []byte, _ bool) {
	if e.control.answer(e.ctx, c, command.Remote, data) {
		e.control.proven(e)
	}
}

func ruleTarget(r command.Destination) link.Target {
	return link.Target{URL: r.Destination, Token: r.Token, Auth: r.Auth, Local: r.Local}
}

// sameEndpoint compares what is dialled, whoever wants it.
func sameEndpoint(a, b command.Destination) bool {
	a.Local = b.Local
	return ruleTarget(a) == ruleTarget(b)
}

// A fallback is where the agent can be sought when the endpoint in force cannot
// be reached. Each may be nil.
type fallback struct {
	former     *command.Destination // in force before
	takenBack  *command.Destination // the last whose trial failed
	configured *command.Destination // VW_API
}

// others lists those that differ from rule and from each other.
func (f fallback) others(rule command.Destination) (list []command.Destination) {
	for _, r := range []*command.Destination{f.former, f.takenBack, f.configured} {
		if r != nil && !sameEndpoint(*r, rule) &&
			!slices.ContainsFunc(list, func(k command.Destination) bool { return sameEndpoint(*r, k) }) {
			list = append(list, *r)
		}
	}
	return list
}

// lasting is what is to last of the command channel over a restart.
func (c *control) lasting() (s savedControl) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, x := range []struct {
		to   **savedDestination
		from *command.Destination
	}{{&s.Former, c.former}, {&s.TakenBack, c.takenBack}} {
		if x.from != nil {
			d := save(*x.from)
			*x.to = &d
		}
	}
	if c.inForce != nil {
		d := save(c.inForce.rule)
		s.InForce = &d
	}
	return s
}
