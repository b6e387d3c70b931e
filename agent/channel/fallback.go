package channel

import (
	"time"

	"vw/agent/link"
	"vw/command"
)

// fallbackDue reports whether no link has been up for as long as a trial lasts.
func (c *Channel) fallbackDue() bool {
	return c.onTrial == nil && !c.downSince.IsZero() && time.Since(c.downSince) >= c.Trial
}

// nextTarget returns where an endpoint's link is dialled next: its own rule's
// target, and when that has been in vain for long the others that are known in
// turn. Reset says that this is the first of such a round.
func (c *Channel) nextTarget(e *endpoint) (t link.Target, reset bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e.at = e.rule
	if e != c.inForce || !c.fallbackDue() {
		e.turn = 0
		if e == c.inForce && c.onTrial != nil {
			c.pair()
		}
		return target(e.at), false
	}
	others := c.others(e.rule)
	e.turn++
	if n := e.turn % (len(others) + 1); n > 0 {
		e.at = others[n-1]
	}
	return target(e.at), e.turn == 1
}

// others returns the endpoints besides rule that may be dialled where it cannot be
// reached.
func (c *Channel) others(rule command.Destination) (list []command.Destination) {
	for _, r := range []*command.Destination{c.former, c.configured} {
		if r != nil && !sameEndpoint(*r, rule) && (len(list) == 0 || !sameEndpoint(*r, list[0])) {
			list = append(list, *r)
		}
	}
	return list
}

// Forget drops an endpoint at the owner's word, "former" or "configured", and
// hangs up where it is the one that is up. It reports whether there is one.
func (c *Channel) Forget(which string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	dropped := map[string]**command.Destination{"former": &c.former, "configured": &c.configured}[which]
	if c.ended || dropped == nil || *dropped == nil {
		return false
	}
	gone := **dropped
	*dropped = nil
	if e := c.inForce; e != nil && sameEndpoint(e.at, gone) && !sameEndpoint(gone, e.rule) {
		e.cancel()
		c.inForce = c.dial(e.rule)
		c.inForce.commanded = e.commanded
		c.noteDown()
	}
	return true
}
