package programme

import (
	"bytes"
	"slices"

	"vw/media/mpegts"
)

const (
	silence   = mpegts.PTSHz     // a feed that sends nothing for 1 s is dead
	firstFree = 0x0010           // the lowest PID that a track may have (table 2-3)
	late      = mpegts.PTSHz / 2 // a feed that is later than this does not take the clock
)

// A feed is one input of the programme: its tables, tracks and clock.
type feed struct {
	name     string
	selected bool
	at       int64 // last arrival

	pat, pmt     mpegts.SectionReader
	onPAT, onPMT func([]byte)
	program      uint16
	pmtPID       uint16 // 0: not known
	pcrPID       uint16 // 0: not known
	patSection   []byte // the last
	section      []byte // of the PMT in force
	table        mpegts.PMT
	changed      bool // table is new

	current []*track // of the PMT in force, in its order
	known   []*track // all that the programme remembers of it

	clock    clock
	former   clock // before the last jump, for tracks that have yet to follow
	formerAt int64 // of that jump
	epoch    int   // counts the clocks
	returned bool  // the clock has to be seen to be right first
	pcrAt    int64 // arrival of its last PCR
}

func newFeed(name string) *feed {
	f := &feed{name: name, at: -never / 2}
	f.onPAT, f.onPMT = f.takePAT, f.takePMT
	return f
}

// arrived takes note of an arrival at at.
func (f *feed) arrived(at int64) {
	if !f.alive(at) {
		f.pcrAt = at
	}
	f.at = at
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
	f.pat, f.pmt = mpegts.SectionReader{}, mpegts.SectionReader{}
	f.pmtPID, f.pcrPID, f.changed = 0, 0, false
	f.patSection, f.section = nil, nil
	f.returned = true
	for _, t := range f.known {
		t.forget()
	}
}

// find is the track of a source PID; nil before the PMT.
func (f *feed) find(pid uint16) *track {
	if len(f.section) == 0 {
		return nil
	}
	for _, t := range f.current {
		if t.source == pid {
			return t
		}
	}
	return nil
}

// takePAT follows the first programme of the PAT (2.4.4.3).
func (f *feed) takePAT(section []byte) {
	if !mpegts.Current(section) || bytes.Equal(section, f.patSection) {
		return
	}
	f.patSection = append(f.patSection[:0], section...)
	pat, err := mpegts.ParsePAT(section)
	if err != nil || len(pat.Programs) == 0 || pat.Programs[0].PMTPID < firstFree || pat.Programs[0].PMTPID == mpegts.NullPID {
		return
	}
	if first := pat.Programs[0]; first.PMTPID != f.pmtPID || first.Number != f.program {
		f.program, f.pmtPID = first.Number, first.PMTPID
		f.pmt = mpegts.SectionReader{}
	}
}

// takePMT reads the PMT (2.4.4.8) unless it is the one in force.
func (f *feed) takePMT(section []byte) {
	if !mpegts.Current(section) || bytes.Equal(section, f.section) {
		return
	}
	table, err := mpegts.ParsePMT(section)
	if err != nil || table.Program != f.program {
		return
	}
	f.section = append(f.section[:0], section...)
	f.table, f.changed = table, true
}

// adopt gives the tracks of a new PMT their places: that of the same PID and
// coding, else the first one left of the same coding, else a new one.
func (p *Programme) adopt(f *feed) {
	before := f.current
	f.current = nil
	f.pcrPID = f.table.PCRPID
	if f.pcrPID < firstFree || f.pcrPID == mpegts.NullPID {
		f.pcrPID = 0
	}
	entries := entries(f)
	places := make([]*track, len(entries))
	for i, e := range entries {
		places[i] = f.place(places, func(t *track) bool { return t.source == e.PID && t.alike(e) })
	}
	for i, e := range entries {
		if places[i] == nil {
			places[i] = f.place(places, func(t *track) bool { return t.alike(e) })
		}
	}
	for i, e := range entries {
		t := places[i]
		if t == nil {
			t = p.allot(f, e, places)
		}
		if t == nil {
			continue
		}
		t.source, t.descriptors = e.PID, e.Descriptors
		f.current = append(f.current, t)
		places[i] = t
	}
	for _, t := range before {
		if !slices.Contains(f.current, t) {
			t.forget()
		}
	}
	p.stale = true
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
	for _, e := range f.table.Tracks {
		twice := slices.ContainsFunc(es, func(x mpegts.Track) bool { return x.PID == e.PID })
		if !twice && e.PID >= firstFree && e.PID != mpegts.NullPID && e.PID != f.pmtPID && len(es) < MaxTracks {
			es = append(es, e)
		}
	}
	return es
}

func (t *track) alike(e mpegts.Track) bool {
	_, kind := e.Codec()
	return t.coding == e.Type && t.kind == kind
}
