package agent

import (
	"context"
	"time"

	"vw/agent/link"
	"vw/agent/state"
	"vw/agent/status"
	"vw/command"
)

// An endpoint is one rule of the command channel, and its link. Its fields are
// guarded by the control's lock.
type endpoint struct {
	*link.Link
	control *control
	rule    command.Destination
	ctx     context.Context
	cancel  context.CancelFunc
	began   time.Time
	news    chan struct{} // capacity 1: something that a trial depends on has changed

	at        command.Destination // what is dialled: rule, or in its place another that is known
	turn      int                 // of those that are dialled while none can be reached
	up        bool
	since     time.Time // since when it is up, or is not
	steady    bool      // up for link.SteadyAfter, or a command was done on it
	commanded bool      // a command was ever done at rule
	twins     *twins    // where another link leads to the same topic
}

func ruleTarget(r command.Destination) link.Target {
	return link.Target{URL: r.Destination, Token: r.Token, Auth: r.Auth, Local: r.Local}
}

// sameEndpoint compares what is dialled.
func sameEndpoint(a, b command.Destination) bool {
	return a.Destination == b.Destination && a.Token == b.Token && a.Auth == b.Auth
}

// dial starts the link of an endpoint. The caller holds the lock.
func (c *control) dial(rule command.Destination) *endpoint {
	e := &endpoint{control: c, rule: rule, at: rule, began: time.Now(), since: time.Now(), news: make(chan struct{}, 1)}
	e.ctx, e.cancel = context.WithCancel(c.ctx)
	e.Link = &link.Link{Dialer: c.dialer, Session: e, Limit: command.MaxCommand, MaxWait: c.untilSought, Log: c.log.With("id", command.APIRule)}
	c.links.Go(func() { e.Run(e.ctx) })
	return e
}

// Next returns what the link dials next.
func (e *endpoint) Next() (t link.Target, reset bool) { return e.control.aim(e) }

// Serve keeps account of the link while it is up.
func (e *endpoint) Serve(life context.Context, _ *link.Conn) error {
	e.control.cameUp(e)
	defer e.control.wentDown(e)
	timer := time.NewTimer(link.SteadyAfter)
	defer timer.Stop()
	select {
	case <-life.Done():
	case <-timer.C:
		e.control.isSteady(e)
		<-life.Done()
	}
	return context.Cause(life)
}

// Receive runs the commands of a message, once where it comes in on two links.
func (e *endpoint) Receive(conn *link.Conn, message []byte, _ bool) {
	c := e.control
	c.mu.Lock()
	t := e.twins
	c.mu.Unlock()
	run := func() (done, sent bool) { return c.answer(e.ctx, conn, command.Remote, message) }
	done := false
	if t != nil {
		done = t.run(e.ctx, e, message, run)
	} else {
		done, _ = run()
	}
	if done {
		c.commandDone(e)
	}
}

// sought says that no link has been up for as long as a trial lasts.
func (c *control) sought() bool {
	return c.onTrial == nil && !c.lost.IsZero() && time.Since(c.lost) >= c.trial
}

// untilSought is the longest that a link may wait, so that the others are
// dialled without delay when it is time.
func (c *control) untilSought() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.lost.IsZero() || time.Since(c.lost) >= c.trial {
		return link.MaxWait
	}
	return time.Until(c.lost.Add(c.trial))
}

// aim is where an endpoint's link is dialled next: its own rule's target, and
// when that has been in vain for long the others that are known in turn. Reset
// says that this is the first of such a round.
func (c *control) aim(e *endpoint) (t link.Target, reset bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e.at = e.rule
	if e != c.inForce || !c.sought() {
		e.turn = 0
		return ruleTarget(e.at), false
	}
	others := c.others(e.rule)
	e.turn++
	if n := e.turn % (len(others) + 1); n > 0 {
		e.at = others[n-1]
	}
	return ruleTarget(e.at), e.turn == 1
}

// others are the endpoints besides rule that may be dialled where it cannot be
// reached.
func (c *control) others(rule command.Destination) (list []command.Destination) {
	for _, r := range []*command.Destination{c.former, c.owners} {
		if r != nil && !sameEndpoint(*r, rule) && (len(list) == 0 || !sameEndpoint(*r, list[0])) {
			list = append(list, *r)
		}
	}
	return list
}

// forget drops an endpoint at the owner's word, "former" or "configured", and
// hangs up where it is the one that is up. It reports whether there is one.
func (c *control) forget(which string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	dropped := map[string]**command.Destination{"former": &c.former, "configured": &c.owners}[which]
	if c.ended || dropped == nil || *dropped == nil {
		return false
	}
	gone := **dropped
	*dropped = nil
	if e := c.inForce; e != nil && sameEndpoint(e.at, gone) && !sameEndpoint(gone, e.rule) {
		e.cancel()
		c.inForce = c.dial(e.rule)
		c.inForce.commanded = e.commanded
		c.note()
	}
	return true
}

// rule is the one in force, to which a trial returns; false where there is no
// command channel.
func (c *control) rule() (command.Destination, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.inForce == nil {
		return command.Destination{}, false
	}
	return c.inForce.rule, true
}

// snapshot is what is to last of the command channel over a restart.
func (c *control) snapshot() (s state.Channel) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.former != nil {
		d := state.NewDestination(*c.former)
		s.Former = &d
	}
	if c.inForce != nil {
		d := state.NewDestination(c.inForce.rule)
		s.InForce, s.Unconfirmed = &d, !c.inForce.commanded
	}
	return s
}

// restore returns the rule that the channel starts with: what was in force where
// it was configured as it is now. A URL or token that differs is the owner's word:
// the endpoints of before are forgotten.
func (c *control) restore(s state.Channel, configured command.Destination) command.Destination {
	c.owners = &configured
	if s.Configured != configured.Destination {
		return configured
	}
	sameToken := s.Token != nil && *s.Token == configured.Token
	known := func(d *state.Destination) *command.Destination {
		if d == nil || d.Destination == configured.Destination && !sameToken {
			return nil
		}
		rule := d.Rule(command.APIRule)
		return &rule
	}
	c.former = known(s.Former)
	rule := known(s.InForce)
	if rule == nil {
		return configured
	}
	c.proven = !s.Unconfirmed
	return *rule
}

// info is nil where there is no command channel.
func (c *control) info() *status.Channel {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.inForce == nil {
		return nil
	}
	i := &status.Channel{Destination: c.inForce.rule.Destination, Info: c.inForce.Info()}
	if c.onTrial != nil {
		i.OnTrial = &status.Trial{Destination: c.onTrial.rule.Destination, Info: c.onTrial.Info()}
	}
	if c.former != nil {
		i.Former = c.former.Destination
	}
	if c.owners != nil {
		i.Configured = c.owners.Destination
	}
	return i
}
