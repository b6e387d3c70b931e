package agent

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"vw/agent/link"
	"vw/command"
)

// A control is the command channel. It cannot be cut by changing apiRule: a new
// endpoint is on trial beside the one in force, which is dialled on, until judge
// has decided. And where no link has been steadily up for as long as a trial
// lasts, the other endpoints are dialled that are known to have worked.
type control struct {
	dialer *link.Dialer
	log    *slog.Logger
	trial  time.Duration // how long a trial lasts
	alone  time.Duration // how long the new link has to be up alone to be confirmed without a command
	// answer runs the commands of a message. It reports whether any was done, and
	// whether all replies were sent.
	answer func(ctx context.Context, c *link.Conn, from command.Origin, message []byte) (done, sent bool)
	// replace puts another apiRule in the table, in the commands' turn.
	replace func(ctx context.Context, next func(present command.Destination) command.Destination)
	// save makes what is in force last over a restart.
	save func()

	ctx   context.Context // of all links
	links sync.WaitGroup

	mu      sync.Mutex
	ended   bool
	inForce *endpoint
	onTrial *endpoint
	former  *command.Destination // in force before; a command was done there
	owners  *command.Destination // VW_API
	proven  bool                 // a command was done at the rule that is the first in force
	lost    time.Time            // since when no link has been steadily up; zero while one is
}

// apply makes rule, nil for none, the one that is wanted. It does not wait.
func (c *control) apply(rule *command.Destination) {
	c.mu.Lock()
	defer c.mu.Unlock()
	defer c.note()
	switch {
	case c.ended:
	case rule == nil:
		c.dropTrial()
		if c.inForce != nil {
			c.inForce.cancel()
		}
		c.inForce, c.former, c.owners = nil, nil, nil
	case c.inForce == nil:
		c.lost = time.Now()
		c.inForce = c.dial(*rule)
		c.inForce.commanded, c.proven = c.proven, false
	case c.onTrial != nil && sameEndpoint(c.onTrial.rule, *rule):
	case sameEndpoint(c.inForce.rule, *rule):
		c.inForce.rule = *rule
		c.dropTrial()
	default:
		c.dropTrial()
		e := c.dial(*rule)
		c.onTrial, c.inForce.twins = e, nil
		if e.rule.Destination == c.inForce.rule.Destination { // one topic, another token
			e.twins = &twins{}
			c.inForce.twins = e.twins
		}
		c.links.Go(func() { c.judge(e) })
	}
}

// dropTrial ends the link on trial, if there is one.
func (c *control) dropTrial() {
	if c.onTrial != nil {
		c.onTrial.cancel()
		c.onTrial = nil
	}
}

// A verdict is what becomes of a trial.
type verdict int

const (
	undecided  verdict = iota
	confirmed          // the new endpoint is in force
	rolledBack         // the old one stays
)

// verdict decides the trial of e, or says how long it stays undecided if nothing
// happens. A command that came in on the new link is proof that somebody can be
// reached there. That the old link is lost proves nothing, unless the old
// endpoint could not be reached at all for long, while the new link was up.
func (c *control) verdict(e *endpoint) (v verdict, wait time.Duration) {
	if e.commanded {
		return confirmed, 0
	}
	v, end := rolledBack, e.began.Add(c.trial)
	if e.up && !c.inForce.up {
		v, end = confirmed, e.since.Add(c.alone)
		if c.inForce.since.After(e.since) {
			end = c.inForce.since.Add(c.alone)
		}
	}
	if wait = time.Until(end); wait > 0 {
		return undecided, wait
	}
	return v, 0
}

// judge decides the trial of e when it is time: here and nowhere else.
func (c *control) judge(e *endpoint) {
	for {
		c.mu.Lock()
		if e != c.onTrial {
			c.mu.Unlock()
			return
		}
		v, wait := c.verdict(e)
		c.mu.Unlock()
		switch v {
		case confirmed:
			c.confirm(e)
			return
		case rolledBack:
			c.rollBack(e)
			wait = time.Second // another command was faster, or a command came in
		}
		timer := time.NewTimer(wait)
		select {
		case <-e.ctx.Done():
			timer.Stop()
			return
		case <-e.news:
			timer.Stop()
		case <-timer.C:
		}
	}
}

// confirm puts the endpoint on trial in force. That is saved before the link of
// the one before is closed.
func (c *control) confirm(e *endpoint) {
	c.mu.Lock()
	if c.ended || e != c.onTrial {
		c.mu.Unlock()
		return
	}
	before := c.inForce
	if before.commanded {
		c.former = &before.rule
	}
	c.inForce, c.onTrial = e, nil
	c.note()
	c.mu.Unlock()
	c.log.Info("command channel has moved", "relay", ruleTarget(e.rule).Host())
	c.save()
	before.cancel()
}

// rollBack puts the rule in force back in the table, whereupon apply ends the
// trial; but not where the verdict has become another before its turn.
func (c *control) rollBack(e *endpoint) {
	c.replace(e.ctx, func(present command.Destination) command.Destination {
		c.mu.Lock()
		defer c.mu.Unlock()
		if e != c.onTrial {
			return present
		}
		if v, _ := c.verdict(e); v != rolledBack {
			return present
		}
		c.log.Warn("command channel stays: no command came in on the new link in time",
			"relay", ruleTarget(e.rule).Host(), "trial", c.trial.String())
		return c.inForce.rule
	})
}

// cameUp, wentDown, isSteady and commandDone are all that a link tells.
func (c *control) cameUp(e *endpoint) {
	c.tell(func() { e.up, e.since = true, time.Now() })
}

func (c *control) wentDown(e *endpoint) {
	c.tell(func() { e.up, e.steady, e.since = false, false, time.Now() })
}

func (c *control) isSteady(e *endpoint) {
	c.tell(func() { e.steady = true })
}

func (c *control) commandDone(e *endpoint) {
	c.tell(func() {
		e.steady = e.up
		e.commanded = e.commanded || sameEndpoint(e.at, e.rule)
	})
}

func (c *control) tell(what func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	what()
	c.note()
	if c.onTrial != nil {
		select {
		case c.onTrial.news <- struct{}{}:
		default:
		}
	}
}

// note keeps the time since when no link has been steadily up.
func (c *control) note() {
	if c.inForce != nil && c.inForce.steady || c.onTrial != nil && c.onTrial.steady {
		c.lost = time.Time{}
	} else if c.lost.IsZero() {
		c.lost = time.Now()
	}
}

// trying is how long the endpoint that was applied last is on trial, 0 where
// it is in force.
func (c *control) trying() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.onTrial == nil {
		return 0
	}
	return c.trial
}

// end lets nothing be decided any more: what is in force now stays so. It comes
// before the links end.
func (c *control) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ended = true
}
