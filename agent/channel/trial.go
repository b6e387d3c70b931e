package channel

import (
	"time"

	"vw/command"
)

// A verdict is what becomes of a trial.
type verdict int

const (
	undecided  verdict = iota
	confirmed          // the new endpoint is in force
	rolledBack         // the old one stays
)

// beginTrial dials a rule beside the one in force. The caller holds the lock.
func (c *Channel) beginTrial(rule command.Destination) {
	e := c.dial(rule)
	c.onTrial = e
	c.pair()
	c.links.Go(func() { c.expireTrial(e) })
}

// pair has what comes in on both links run once where both lead to one topic: as they are
// dialled now, which need not be by the rule in force. The caller holds the lock.
func (c *Channel) pair() {
	e, in := c.onTrial, c.inForce
	if !sameTopic(e.at, in.at) {
		e.twins, in.twins = nil, nil
	} else if e.twins == nil || e.twins != in.twins {
		e.twins = &twins{}
		in.twins = e.twins
	}
}

// dropTrial ends the link on trial, if there is one.
func (c *Channel) dropTrial() {
	if c.onTrial != nil {
		c.onTrial.cancel()
		c.onTrial = nil
	}
}

// verdict decides the trial of e, or says how long it stays undecided if nothing
// happens. A command that came in on the new link is proof that somebody can be
// reached there. That the old link is lost proves nothing, unless the old
// endpoint could not be reached at all for long, while the new link was up.
func (c *Channel) verdict(e *endpoint) (v verdict, wait time.Duration) {
	if e.commanded {
		return confirmed, 0
	}
	v, end := rolledBack, e.began.Add(c.Trial)
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

// expireTrial decides the trial of e when it is time: here and nowhere else.
func (c *Channel) expireTrial(e *endpoint) {
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
func (c *Channel) confirm(e *endpoint) {
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
	c.noteDown()
	c.mu.Unlock()
	c.Log.Info("command channel has moved", "relay", target(e.rule).Host())
	_ = c.Store.Save() // it tells
	before.cancel()
}

// rollBack puts the rule in force back in the table, whereupon Apply ends the
// trial; but not where the verdict has become another before its turn.
func (c *Channel) rollBack(e *endpoint) {
	err := c.Commands.ReplaceAPIRule(e.ctx, func(present command.Destination) command.Destination {
		c.mu.Lock()
		defer c.mu.Unlock()
		if e != c.onTrial {
			return present
		}
		if v, _ := c.verdict(e); v != rolledBack {
			return present
		}
		c.Log.Warn("command channel stays: no command came in on the new link in time",
			"relay", target(e.rule).Host(), "trial", c.Trial.String())
		return c.inForce.rule
	})
	if err != nil && e.ctx.Err() == nil {
		c.Log.Error("the command channel's rule is not put back", "err", err)
	}
}
