package program

import (
	"slices"

	"vw/media/mpegts"
)

const (
	silence   = mpegts.PTSHz     // a feed that sends nothing for 1 s is dead
	firstFree = 0x0010           // the lowest PID that a track may have (table 2-3)
	late      = mpegts.PTSHz / 2 // a feed that is later than this does not take the clock
	maxKnown  = 4 * MaxTracks    // tracks remembered of a feed, beyond those of its PMT
)

// A feed is one input of the program: its tables, tracks and clock.
type feed struct {
	name      string
	selectors []Selector // of the feed
	at        int64      // last arrival
	ended     bool       // its source has, since then

	program mpegts.ProgramReader
	pcrPID  uint16 // 0: not known

	current []*track // of the PMT in force, in its order
	known   []*track // all that the program remembers of it

	clock    clock
	former   clock // before the last jump, for tracks that have yet to follow
	formerAt int64 // of that jump
	epoch    int   // counts the clocks
	returned bool  // the clock has to be seen to be right first
	pcrAt    int64 // arrival of the last PCR that went out of it
	pcrTime  int64 // program time of its newest stamp at that
}

func newFeed(name string) *feed {
	return &feed{name: name, at: -never / 2}
}

// heard reports whether packets of the feed are taken.
func (f *feed) heard() bool {
	return slices.ContainsFunc(f.selectors, func(s Selector) bool { return !s.Muted }) || f.inSlot()
}

// inSlot reports whether a track of the feed is in a slot.
func (f *feed) inSlot() bool {
	return slices.ContainsFunc(f.current, func(t *track) bool { return t.slot != nil })
}

// arrived takes note of an arrival at at.
func (f *feed) arrived(at int64) {
	if !f.alive(at) {
		f.pcrAt = at
	}
	f.at, f.ended = at, false
}

func (f *feed) alive(at int64) bool { return at-f.at <= silence }

// agrees says that the feed's clock is set and its packets are not later than
// those of m.
func (f *feed) agrees(m *feed) bool {
	return f.clock.set && !f.returned && (!m.clock.set || f.clock.last-m.clock.lag() < late)
}

// forget drops what is known of the feed's source but for its tracks' places
// and its clock. The tracks stay in the PMT until the next one comes.
func (f *feed) forget() {
	f.program, f.pcrPID = mpegts.ProgramReader{}, 0
	f.returned = true
	for _, t := range f.known {
		t.forget()
	}
}

// find is the track of a source PID; nil before the PMT.
func (f *feed) find(pid uint16) *track {
	if !f.program.Known {
		return nil
	}
	for _, t := range f.current {
		if t.source == pid {
			return t
		}
	}
	return nil
}

// adopt gives the tracks of a new PMT their places: that of the same PID and
// coding, else the first one left of the same coding, else a new one.
func (p *Program) adopt(f *feed) {
	before := f.current
	f.current = nil
	f.pcrPID = f.program.PMT.PCRPID
	if f.pcrPID < firstFree || f.pcrPID == mpegts.NullPID {
		f.pcrPID = 0
	}
	entries := entries(f)
	places := make([]*track, len(entries))
	for i, e := range entries {
		places[i] = f.place(places, func(t *track) bool { return t.source == e.PID && t.alike(newFormat(e)) })
	}
	for i, e := range entries {
		if places[i] == nil {
			places[i] = f.place(places, func(t *track) bool { return t.alike(newFormat(e)) })
		}
	}
	for i, e := range entries {
		t := places[i]
		if t == nil {
			t = &track{feed: f}
			f.known = append(f.known, t)
		}
		t.source, t.format = e.PID, newFormat(e)
		f.current = append(f.current, t)
	}
	for _, t := range before {
		if !slices.Contains(f.current, t) {
			t.forget()
		}
	}
	if len(f.known) > maxKnown {
		f.known = slices.Clone(f.current)
	}
	p.assign()
}

// place is the known track that fits and is in no other place.
func (f *feed) place(taken []*track, fits func(*track) bool) *track {
	for _, t := range f.known {
		if fits(t) && !slices.Contains(taken, t) {
			return t
		}
	}
	return nil
}

// entries are the PMT's tracks, without those whose PID is none or another's.
func entries(f *feed) []mpegts.Track {
	var es []mpegts.Track
	for _, e := range f.program.PMT.Tracks {
		twice := slices.ContainsFunc(es, func(x mpegts.Track) bool { return x.PID == e.PID })
		if !twice && e.PID >= firstFree && e.PID != mpegts.NullPID && e.PID != f.program.PMTPID && len(es) < MaxTracks {
			es = append(es, e)
		}
	}
	return es
}
