package media

import (
	"slices"
	"time"
)

// onAirFor is how long a feed counts as on air after something of it was sent.
const onAirFor = 2 * time.Second

// note counts n packets or messages as sent beyond this machine. A write that
// begins counts as none yet, but is a moment at which the feed is on air.
func (q *queue) note(c chunk, n uint64, now time.Time) {
	if q.outward && c.feed != nil {
		c.feed.sent.Add(n)
		c.feed.sentAt.Store(max(1, int64(now.Sub(c.feed.made))))
	}
}

// OnAir returns the sorted names of the feeds of which something leaves this
// machine now: a destination whose link is up, or a recording, takes some of
// it, it is not wholly muted, and something of it was written in the last 2 s.
func (r *Router) OnAir() []string {
	r.mu.RLock()
	defer r.mu.RUnlock()
	now := r.now()
	names := []string{}
	for name, f := range r.feeds {
		if f.onAir(now) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// onAir is for one feed what OnAir is. The caller holds the router's lock.
func (f *feed) onAir(now time.Time) bool {
	at := f.sentAt.Load()
	if at == 0 || now.Sub(f.made)-time.Duration(at) > onAirFor || f.muted&mutedWhole != 0 {
		return false
	}
	return f.outward() || slices.ContainsFunc(f.streams, func(s *stream) bool { return s.selects(f.name) && s.outward() })
}

// outward reports whether a reader beyond this machine follows, whose link is
// up. The caller holds the router's lock.
func (o *outlet) outward() bool {
	return slices.ContainsFunc(o.subs, func(s *Subscriber) bool { return !s.client })
}
