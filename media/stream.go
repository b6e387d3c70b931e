package media

import (
	"slices"
	"strings"
	"sync"
	"time"

	"vw/media/mpegts"
	"vw/media/program"
)

// A stream is what a stream rule makes of several feeds: one program, shared
// by all who follow it. It outlives its rule while somebody names it, so that
// a rule that comes back goes on with the same slots, counters and clock.
type stream struct {
	name      string
	router    *Router
	begun     time.Time          // arrival times are counted from then
	ruled     bool               // a rule of this name is in force; guarded by the router's lock
	rule      []program.Selector // that rule; likewise, as the next five
	entries   []string           // that rule, as it was written
	readers   int                // subscribers that name it, linked or not
	feeds     []*feed
	former    []*feed // of the rule before, that it is still on
	leaving   bool    // while it is taken off those
	concerned bool    // by the change under way; guarded by that

	mu sync.Mutex
	fanout
	silent    bool               // no rule is in force
	selectors []program.Selector // the rule, with the owner's mutes
	program   *program.Program
	slab      *slab
	used      int // of the slab
	bytes     uint64
	meter     meter
	spliced   chan struct{} // closed when no splice is under way; nil where none is
	timer     *time.Timer   // fills; nil until something has to be
	armed     bool          // the timer runs
	revision  int           // of the program, as it was told to be saved
}

func newStream(r *Router, name string) *stream {
	now := r.now()
	s := &stream{name: name, router: r, begun: now, fanout: fanout{inspector: newInspector()}, program: program.New(now), silent: true}
	s.filter, s.renew = s.audible, s.program.Renew
	r.resume(s)
	return s
}

// audible returns nothing of what a stream carried that is silent now, not even
// tables; the owner's mutes are in the program.
func (s *stream) audible(c chunk) chunk {
	if s.silent {
		return chunk{}
	}
	return c
}

// selector reads one entry of a stream rule: a feed, or with :video or :audio
// behind it one kind of its tracks.
func selector(entry string) program.Selector {
	name, part, _ := strings.Cut(entry, ":")
	s := program.Selector{Feed: name}
	switch part {
	case mpegts.Video.String():
		s.Part = mpegts.Video
	case mpegts.Audio.String():
		s.Part = mpegts.Audio
	}
	return s
}

// set changes what the stream is made of, and fills at once what that leaves
// without an occupant. What is left out is gone from the fast start. It returns
// what of a chunk may stay in a queue, and what is closed when nothing that the
// rule leaves out goes on to be sent, nil where nothing does now.
func (s *stream) set(ruled bool, selectors []program.Selector) (keep func(chunk) chunk, spliced <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	back := s.silent && ruled
	s.silent, s.selectors = !ruled, selectors
	s.program.Select(selectors)
	if back {
		s.program.Skip(s.router.now().Sub(s.begun))
	}
	s.endSplice()
	s.fastStart.clear()
	if s.replacing = s.program.Splicing(); s.replacing {
		s.spliced = make(chan struct{})
	}
	s.fill(s.router.now())
	passes := s.program.Passing()
	return func(c chunk) chunk {
		switch {
		case c.format != packets && (c.feed == nil || takesMessages(selectors, c.feed)): // of none: it came in on a link
			return c
		case c.format != packets || !ruled:
			return chunk{}
		case c.feed == nil: // the filler's
			return c
		}
		return c.filter(func(p mpegts.Packet) bool { return passes(c.feed.name, p) })
	}, s.spliced
}

// endSplice tells who waits for it that nothing of what was replaced is sent any more.
func (s *stream) endSplice() {
	if s.spliced != nil && !s.program.Splicing() {
		close(s.spliced)
		s.spliced, s.replacing = nil, false
		s.fastStart.clear()
	}
}

// fill sends what is due of the slots that nobody is in, and has it done again
// when the next is. A stream without slots has no timer.
func (s *stream) fill(now time.Time) {
	if s.silent {
		return
	}
	out := s.program.Fill(nil, now.Sub(s.begun))
	s.endSplice()
	s.send(chunk{data: out, at: now})
	s.wake()
	s.arm(now)
}

// arm has the timer run until the program needs to be filled.
func (s *stream) arm(now time.Time) {
	due, ok := s.program.Due()
	if s.armed = ok; !ok {
		return
	}
	wait := max(0, due-now.Sub(s.begun))
	if s.timer == nil {
		s.timer = time.AfterFunc(wait, s.tick)
	} else {
		s.timer.Reset(wait)
	}
}

// tick is the timer's.
func (s *stream) tick() {
	s.router.mu.RLock()
	defer s.router.mu.RUnlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.armed = false
	s.fill(s.router.now())
}

// unused reports whether there is neither a rule nor a reader of the stream.
func (s *stream) unused() bool { return !s.ruled && s.readers == 0 }

// close ends the stream's timer.
func (s *stream) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.silent = true
	if s.timer != nil {
		s.timer.Stop()
	}
	s.slab.release()
	s.slab = nil
}

// write takes a chunk of one of the stream's feeds, which came from a
// subscriber where from is not nil. Messages pass where none of the feeds is a
// transport stream; beside one that is they are left out, and it says so.
func (s *stream) write(c chunk, from *Subscriber) (taken bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.format != packets {
		if slices.ContainsFunc(s.feeds, func(f *feed) bool { return f.isTS.Load() }) {
			return false
		}
		if takesMessages(s.selectors, c.feed) {
			s.publish(c, from)
		}
		return true
	}
	if s.slab == nil || MaxMessage-s.used < len(c.data)+MaxMessage-maxRead {
		s.slab.release()
		s.slab, s.used = newSlab(), 0
	}
	out := s.program.Append(s.slab.b[s.used:s.used:MaxMessage], c.feed.name, c.data, c.at.Sub(s.begun))
	s.endSplice()
	if len(out) > 0 && &out[0] == &s.slab.b[s.used] {
		s.used += len(out)
	}
	s.send(chunk{data: out, slab: s.slab, feed: c.feed, at: c.at})
	if !s.armed && len(out) > 0 {
		s.arm(c.at)
	}
	return true
}

// send publishes what the program has put out.
func (s *stream) send(c chunk) {
	if n := s.program.Revision(); n != s.revision {
		s.revision = n
		s.router.noteUnsaved()
	}
	s.bytes += uint64(len(c.data))
	s.meter.add(c.at, len(c.data))
	const most = MaxMessage / mpegts.PacketSize * mpegts.PacketSize // a burst may bring many tables
	for part := range slices.Chunk(c.data, most) {
		c.data, c.rap = part, -1
		s.publish(c, nil)
	}
}

// renumber makes the stream ready for a reader that knows other tables.
func (s *stream) renumber(seen *mpegts.ProgramReader) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.program.Renumber(seen) { // so the new tables come before the next packet
		s.inspector.program.DropPackets()
		s.fastStart.clear()
	}
}

// StreamInfo is what is known of a stream.
type StreamInfo struct {
	Feeds   []string    `json:"feeds"`   // as the rule names them; null where there is no rule any more
	Readers int         `json:"readers"` // destinations and local readers that name it
	Bytes   uint64      `json:"bytes"`   // put out
	Bitrate uint64      `json:"bitrate"` // bit/s over the last second
	Packets uint64      `json:"packets"` // of tracks, put out
	Dropped uint64      `json:"dropped"` // packets not put out: before the tables or a track's start, damaged, beyond 32 tracks
	Gaps    uint64      `json:"gaps"`    // breaks in the feeds' continuity counters
	Jumps   uint64      `json:"jumps"`   // times that a feed's time stamps jumped and were rebased
	Resets  uint64      `json:"resets"`  // times that a feed had drifted by more than 0.2 s and was set in time again
	Tracks  []TrackInfo `json:"tracks"`  // as the PMT names them now
	// Slots are the tracks as players see them, and what is in each: see program.SlotInfo.
	Slots []program.SlotInfo `json:"slots"`
	// Missing says of each part of a feed (av:video) that the rule names and
	// the feed does not have what it has.
	Missing map[string]string `json:"missing,omitempty"`
}

// info may be called while the stream flows. The caller holds the router's lock.
func (s *stream) info(now time.Time) StreamInfo {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.program.Stats()
	i := StreamInfo{Readers: s.readers, Bytes: s.bytes, Bitrate: s.meter.rate(now), Packets: p.Sent,
		Dropped: p.Early + p.Damaged + p.Waiting + p.Surplus, Gaps: p.Gaps, Jumps: p.Jumps, Resets: p.Resets,
		Tracks: s.inspector.trackInfo(now), Slots: s.program.Slots(now.Sub(s.begun))}
	if s.ruled {
		i.Feeds, i.Missing = s.entries, s.missing()
	}
	if s.silent {
		i.Tracks, i.Slots = []TrackInfo{}, []program.SlotInfo{}
	}
	return i
}

func (s *stream) missing() map[string]string {
	list := map[string]string{}
	for i, x := range s.rule {
		if tracks, lacks := s.program.Lacks(x); lacks {
			list[s.entries[i]] = "no " + x.Part.String() + " among its tracks: " + strings.Join(tracks, ", ")
		}
	}
	return list
}

// state returns what is to outlive the program.
func (s *stream) state(now time.Time) program.State {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.program.State(now.Sub(s.begun), now)
}

// restart says that a feed's source has gone or been replaced.
func (s *stream) restart(feed string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.program.Restart(feed)
	s.armed = false // the next packet tells when something is due
}

// end says that a feed's source has ended. Another may come.
func (s *stream) end(feed string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.program.End(feed)
	if !s.silent {
		s.arm(s.router.now())
	}
}

// selects reports whether the stream takes some of a feed.
func (s *stream) selects(feed string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.ContainsFunc(s.selectors, func(x program.Selector) bool { return x.Feed == feed && !x.Muted })
}

// takesMessages reports whether messages of a feed are taken: they are of
// unknown kind, so that an entry of a part takes none.
func takesMessages(selectors []program.Selector, f *feed) bool {
	return slices.ContainsFunc(selectors, func(x program.Selector) bool {
		return x.Feed == f.name && x.Part == mpegts.Other && !x.Muted && !x.NoVideo && !x.NoAudio
	})
}
