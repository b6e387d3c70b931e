package media

import (
	"slices"
	"time"
)

// An outlet hands what a feed or a stream carries to its subscribers. It is
// guarded by the lock of what it is part of, the list of subscribers by the
// router's.
type outlet struct {
	inspector *inspector
	start     fastStart
	subs      []*Subscriber // whose link is up
	// limit is what is left of a chunk for those beyond this machine.
	limit func(chunk) chunk
}

// publish passes a chunk to every subscriber but the one that it came from,
// in parts where the tables change within it: each is judged by its own.
func (o *outlet) publish(c chunk, from *Subscriber) {
	if c.format != packets {
		o.pass(c, from)
		return
	}
	o.inspector.now = c.at.Sub(o.inspector.begun)
	for rest := c.data; len(rest) > 0; rest = rest[len(c.data):] {
		var n int
		n, c.contents, c.rap = o.inspector.scan(rest)
		c.data = rest[:n:n]
		o.start.add(c, o.inspector.rapPSI)
		o.pass(c, from)
	}
}

func (o *outlet) pass(c chunk, from *Subscriber) {
	outward := o.limit(c)
	for _, s := range o.subs {
		if s == from {
			continue
		}
		own := outward
		if s.client {
			own = c
		}
		switch {
		case own.data == nil: // it is muted
		case !s.waits.IsZero():
			s.begin(own, c)
		default:
			s.queue.push(own)
		}
	}
}

// attach gives a subscriber its start and what comes from now on, or from the next
// random access point on.
func (o *outlet) attach(s *Subscriber) {
	now := s.router.now()
	tables := chunk{data: o.inspector.appendPSI(nil), at: now, rap: -1, contents: o.inspector.contents}
	past := o.start.chunks
	s.waits = time.Time{}
	if o.start.fresh(now, s.since) {
		tables.data, tables.contents = slices.Clone(o.start.psi), past[0].contents
	} else {
		past = nil
		if tables.contents.hasVideo() {
			s.waits = now.Add(startWait)
		}
	}
	for _, c := range append([]chunk{tables}, past...) {
		if !s.client {
			c = o.limit(c)
		}
		if len(c.data) > 0 {
			s.queue.push(c)
		}
	}
	o.subs = append(slices.Clip(o.subs), s)
}

func (o *outlet) detach(s *Subscriber) {
	o.subs = slices.DeleteFunc(slices.Clone(o.subs), func(x *Subscriber) bool { return x == s })
}

// forget drops what is known of a source that has gone, but for which PIDs it
// had: readers have seen them.
func (o *outlet) forget() {
	seen := o.inspector.pids
	o.inspector = newInspector()
	for pid := range seen {
		o.inspector.pid(pid)
	}
	o.start.clear()
}
