package agent

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"vw/agent/link"
	"vw/command"
)

// The command channel is the destination rule of this id, and of this stream.
const (
	apiRule   = "apiRule"
	apiStream = "api"
)

// A control is the command channel. It cannot be cut by changing apiRule: a new
// endpoint is on trial, and the old link stays up, until a command has come in
// on the new one, or the old link is lost while the new one is up; a trial that
// ends without that is taken back. And where no link has been up for as long as
// a trial lasts, every endpoint is dialled that is known to have worked.
type control struct {
	dialer *link.Dialer
	log    *slog.Logger
	trial  time.Duration // how long a trial lasts
	// answer runs the commands of a message and says whether any was done.
	answer func(ctx context.Context, c *link.Conn, from command.Origin, message []byte) bool
	// takeBack puts an endpoint's rule back in the table, in place of another.
	takeBack func(ctx context.Context, from, to command.Destination)
	// save makes what is in force last over a restart.
	save func()

	ctx   context.Context // of all links
	links sync.WaitGroup

	mu      sync.Mutex
	ended   bool
	inForce *endpoint
	onTrial *endpoint
	fallback
	lost time.Time // since when no link has been up; zero while one is
}

// apply makes rule, nil for none, the one that is wanted. It does not wait.
func (c *control) apply(rule *command.Destination) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.ended:
	case rule == nil:
		c.drop(&c.onTrial)
		c.drop(&c.inForce)
		c.fallback = fallback{}
	case c.inForce == nil:
		c.lost = time.Now()
		c.inForce = c.dial(*rule)
	case c.onTrial != nil && sameEndpoint(c.onTrial.rule, *rule):
	case sameEndpoint(c.inForce.rule, *rule):
		if c.onTrial != nil {
			c.takenBack = &c.onTrial.rule
			c.drop(&c.onTrial)
		}
	default:
		c.drop(&c.onTrial)
		e := c.dial(*rule)
		c.onTrial = e
		c.links.Go(func() { c.judge(e) })
	}
}

// drop ends an endpoint's link.
func (c *control) drop(e **endpoint) {
	if *e != nil {
		(*e).cancel()
		*e = nil
	}
}

// dial starts the link of an endpoint.
func (c *control) dial(rule command.Destination) *endpoint {
	e := &endpoint{control: c, rule: rule}
	e.ctx, e.cancel = context.WithCancel(c.ctx)
	e.Link = &link.Link{Dialer: c.dialer, Session: e, Limit: command.MaxCommand, MaxWait: c.untilSought, Log: c.log.With("id", apiRule)}
	c.links.Go(func() { e.Run(e.ctx) })
	return e
}

// sought says that no link has been up for as long as a trial lasts.
func (c *control) sought() bool { return !c.lost.IsZero() && time.Since(c.lost) >= c.trial }

// untilSought is the longest that a link may wait, so that the others are
// dialled without delay when it is time.
func (c *control) untilSought() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.lost.IsZero() || c.sought() {
		return link.MaxWait
	}
	return time.Until(c.lost.Add(c.trial))
}

// aim is where an endpoint's link is dialled next: its own rule's target, and
// when that has been in vain for long the others that are known in turn. anew
// says that this is the first of such a round.
func (c *control) aim(e *endpoint) (t link.Target, anew bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e != c.inForce || !c.sought() {
		e.turn = 0
		return ruleTarget(e.rule), false
	}
	others := c.others(e.rule)
	e.turn++
	if n := e.turn % (len(others) + 1); n > 0 {
		return ruleTarget(others[n-1]), e.turn == 1
	}
	return ruleTarget(e.rule), e.turn == 1
}

func (c *control) cameUp(e *endpoint) {
	c.mu.Lock()
	e.up = true
	c.lost = time.Time{}
	promote := e == c.onTrial && !c.inForce.up
	c.mu.Unlock()
	if promote {
		c.proven(e)
	}
}

func (c *control) wentDown(e *endpoint) {
	c.mu.Lock()
	e.up = false
	trial := c.onTrial
	if (c.inForce == nil || !c.inForce.up) && (trial == nil || !trial.up) {
		c.lost = time.Now()
	}
	promote := e == c.inForce && trial != nil && trial.up
	c.mu.Unlock()
	if promote {
		c.proven(trial)
	}
}

// proven ends the trial of an endpoint well: it is in force, that is saved, and
// only then the link before is closed.
func (c *control) proven(e *endpoint) {
	c.mu.Lock()
	if e != c.onTrial {
		c.mu.Unlock()
		return
	}
	before := c.inForce
	c.former = &before.rule
	c.inForce, c.onTrial = e, nil
	c.mu.Unlock()
	c.log.Info("command channel has moved", "relay", ruleTarget(e.rule).Host())
	c.save()
	before.cancel()
}

// judge takes an endpoint back that has not proved itself in time.
func (c *control) judge(e *endpoint) {
	timer := time.NewTimer(c.trial)
	defer timer.Stop()
	select {
	case <-e.ctx.Done():
		return
	case <-timer.C:
	}
	c.mu.Lock()
	if e != c.onTrial {
		c.mu.Unlock()
		return
	}
	back := c.inForce.rule
	c.mu.Unlock()
	c.log.Warn("command channel stays: no command came in on the new link in time",
		"relay", ruleTarget(e.rule).Host(), "trial", c.trial.String())
	c.takeBack(c.ctx, e.rule, back)
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

// close ends the links, and waits for that.
func (c *control) close() {
	c.mu.Lock()
	c.ended = true
	c.drop(&c.onTrial)
	c.drop(&c.inForce)
	c.mu.Unlock()
	c.links.Wait()
}

// ControlInfo is the state of the command channel.
type ControlInfo struct {
	Destination string `json:"destination"` // in force
	link.Info
	OnTrial *TrialInfo `json:"onTrial,omitempty"`
}

// TrialInfo is an endpoint on trial.
type TrialInfo struct {
	Destination string `json:"destination"`
	link.Info
}

// info is nil where there is no command channel.
func (c *control) info() *ControlInfo {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.inForce == nil {
		return nil
	}
	i := &ControlInfo{Destination: c.inForce.rule.Destination, Info: c.inForce.Info()}
	if c.onTrial != nil {
		i.OnTrial = &TrialInfo{c.onTrial.rule.Destination, c.onTrial.Info()}
	}
	return i
}
