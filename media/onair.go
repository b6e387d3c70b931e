package media

import (
	"slices"
	"time"
)

// onAirFor is how long a feed counts as on air after something of it was written.
const onAirFor = 2 * time.Second

// noteSent counts chunks as sent beyond this machine, those of a feed that come
// one after the other in one go.
func noteSent(out []chunk) {
	var n uint64
	for i, c := range out {
		n += c.count()
		if i+1 < len(out) && out[i+1].feed == c.feed {
			continue
		}
		if c.feed != nil {
			c.feed.sent.Add(n)
			c.feed.sentAt.Store(max(1, int64(time.Since(c.feed.made))))
		}
		n = 0
	}
}

// OnAir returns the sorted names of the feeds of which something leaves this
// machine now: a destination whose link is up, or a recording, takes some of
// it, it is not wholly muted, and something of it is being written, or was in the
// last 2 s.
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
	if f.muted&mutedWhole != 0 {
		return false
	}
	at := f.sentAt.Load()
	lately := at != 0 && now.Sub(f.made)-time.Duration(at) <= onAirFor
	takes := func(s *Subscriber) bool { return !s.client && (lately || s.queue.writes(f)) }
	return slices.ContainsFunc(f.subs, takes) ||
		slices.ContainsFunc(f.streams, func(s *stream) bool { return s.selects(f.name) && slices.ContainsFunc(s.subs, takes) })
}

// writes reports whether something of a feed has been handed out and is not done
// with: some of it may have left.
func (q *queue) writes(f *feed) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return slices.ContainsFunc(q.out, func(c chunk) bool { return c.feed == f })
}
