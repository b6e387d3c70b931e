package media

import (
	"slices"
	"time"
)

// A fanout hands what a feed or a stream carries to its subscribers. It is
// guarded by the lock of what it is part of, the list of subscribers by the
// router's.
type fanout struct {
	inspector *inspector
	fastStart fastStart
	subs      []*Subscriber // whose link is up
	resumed   bool          // viewers may have seen counters of it before the program was started again
	replacing bool          // what is replaced goes on still: not for who joins
	// filter returns what is left of a chunk for those beyond this machine.
	filter func(chunk) chunk
	// renew asks for a random access point; nil where nobody can make one.
	renew func()
}

// publish passes a chunk to every subscriber but the one that it came from,
// in parts where the tables change within it: each is judged by its own.
func (f *fanout) publish(c chunk, from *Subscriber) {
	if c.format != packets {
		f.pass(c, from)
		return
	}
	f.inspector.now = c.at.Sub(f.inspector.begun)
	for rest := c.data; len(rest) > 0; rest = rest[len(c.data):] {
		var n int
		n, c.contents, c.rap = f.inspector.scan(rest)
		c.data = rest[:n:n]
		f.fastStart.add(c, f.inspector.rapPSI)
		f.pass(c, from)
	}
}

func (f *fanout) pass(c chunk, from *Subscriber) {
	outward := f.filter(c)
	for _, s := range f.subs {
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
			s.begin(own, c, f.replacing)
		default:
			s.queue.push(own)
		}
	}
}

// wake has what has been passed on written by who takes.
func (f *fanout) wake() {
	for _, s := range f.subs {
		s.queue.signal()
	}
}

// attach gives a subscriber its start and what comes from now on, or from the next
// random access point on. Who has seen later times than those of the start is told so.
func (f *fanout) attach(s *Subscriber, again bool) {
	now := s.router.now()
	tables := chunk{data: f.inspector.appendPSI(nil), at: now, rap: -1, contents: f.inspector.contents}
	past := f.fastStart.chunks
	s.waits = time.Time{}
	switch {
	case f.replacing:
		past, s.waits = nil, now.Add(startWait)
	case f.fastStart.fresh(now, s.since):
		tables.data, tables.contents = slices.Clone(f.fastStart.psi), past[0].contents
		if again {
			tables.data = f.fastStart.appendClock(tables.data, f.inspector.program.PMT.PCRPID)
		}
	default:
		past = nil
		if tables.contents.hasVideo() {
			s.waits = now.Add(startWait)
			if f.renew != nil {
				f.renew()
			}
		}
	}
	for _, c := range append([]chunk{tables}, past...) {
		if !s.client {
			c = f.filter(c)
		}
		if len(c.data) > 0 {
			s.queue.push(c)
		}
	}
	s.queue.signal()
	f.subs = append(slices.Clip(f.subs), s)
}

func (f *fanout) detach(s *Subscriber) {
	f.subs = slices.DeleteFunc(slices.Clone(f.subs), func(x *Subscriber) bool { return x == s })
}

// forget drops what is known of a source that has gone, but for which PIDs it
// had: readers have seen them.
func (f *fanout) forget() {
	seen := f.inspector.pids
	f.inspector = newInspector()
	for pid := range seen {
		f.inspector.pid(pid)
	}
	f.fastStart.clear()
}
