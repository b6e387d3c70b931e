package program

import (
	"bytes"
	"slices"

	"vw/media/mpegts"
)

// MaxTracks is how many slots a program has at most.
const MaxTracks = 32

const (
	firstPID = 0x0100 // the output PID of the first slot; the next ones have the next
	private  = 0x06   // stream_type of private data (table 2-34)
)

// A slot is what a player sees of a track for ever: a PID, a stream_id and a
// place in the PMT. It is first video, second video, and so on of its kind. The
// rule's order says whose slot it is, its heir's. Until that can start the
// track before it may still be in it; where none is, it is filled.
type slot struct {
	pid      uint16
	id       byte // stream_id where a source's is one of the same range
	format        // as the PMT names it
	heir     *track
	occupant *track
	listed   bool // the PMT names it

	fresh bool // the occupant's first packet, of the program time first, is on its way
	first int64
	cc    byte   // of the next packet with payload
	out   int64  // the last DTS, in program time
	used  bool   // out is set
	by    *track // whose that was, nil for the filler's
	shown int64  // where the newest picture ends
	es    []byte // of the occupant: the newest coded frames of sound, the newest headers of a picture
	begin []byte // how the newest picture of a track begins
	still []byte // a picture that repeats the one before the occupant's first
	keeps bool   // what comes belongs to es
	known []byte // what was saved of es, or will be
	jumps bool   // viewers have seen a counter of its PID with which the next one has nothing to do

	fill
}

// A format is what a PMT says of a track's coding.
type format struct {
	kind        mpegts.Kind
	vague       bool // the kind is not known
	coding      byte // stream_type
	codec       string
	descriptors []byte
	// registration is the program's, which says what user private stream_types mean.
	registration string
}

func newFormat(e mpegts.Track) format {
	codec, kind := e.Codec()
	return format{kind, e.Vague(), e.Type, codec, e.Descriptors, e.Registration}
}

// alike reports whether a source may send both as one track.
func (f format) alike(g format) bool {
	return f.coding == g.coding && f.kind == g.kind && f.vague == g.vague
}

// same reports whether a PMT that names one of them need not change for the
// other. Of private data the descriptors say what it is.
func (f format) same(g format) bool {
	return f.alike(g) && f.codec == g.codec && (f.coding != private || bytes.Equal(f.descriptors, g.descriptors))
}

// assign gives each slot its heir: the rule's order, then that of the feeds'
// PMTs. Slots are for one kind of track each, of data for one coding.
func (p *Program) assign() {
	for _, s := range p.slots {
		s.heir = nil
	}
	for _, f := range p.feeds {
		for _, t := range f.known {
			t.goal, t.selected, t.muted, t.placed = nil, false, false, false
		}
	}
	for _, sel := range p.selection {
		for _, t := range p.feeds[sel.Feed].current {
			if t.placed || !sel.covers(t.format) {
				continue
			}
			t.placed, t.muted = true, sel.mutes(t.format)
			t.selected = !t.muted
			s := p.slotFor(t)
			if s == nil {
				continue
			}
			s.heir = t
			if t.selected {
				t.goal = s
			}
		}
	}
	p.tables.changed = true
}

// slotFor returns the first slot without an heir that is for tracks like t, a
// new one where there is none, nil where there are too many.
func (p *Program) slotFor(t *track) *slot {
	for _, s := range p.slots {
		if s.kind == t.kind && s.heir == nil && (t.kind != mpegts.Other || s.same(t.format)) {
			return s
		}
	}
	if len(p.slots) == MaxTracks {
		return nil
	}
	return p.addSlot(t.format)
}

// addSlot adds a slot for tracks of a format.
func (p *Program) addSlot(f format) *slot {
	var number byte // of the slot among those of its kind
	for _, s := range p.slots {
		if s.kind == f.kind {
			number++
		}
	}
	s := &slot{pid: uint16(firstPID + len(p.slots)), format: f}
	s.id = [...]byte{mpegts.Other: 0, mpegts.Video: 0xe0 + min(number, 0x0f), mpegts.Audio: 0xc0 + min(number, 0x1f)}[f.kind]
	p.slots = append(p.slots, s)
	p.revision++
	return s
}

// wanted reports whether the PMT has to name the slot.
func (s *slot) wanted() bool {
	return s.occupant != nil || s.heir != nil && s.heir.selected || s.canFill()
}

// enter lets t into the slot, with a frame that begins in pes: who was there has to
// go, and t leaves the slot where it was.
func (p *Program) enter(s *slot, t *track, pes mpegts.PES) {
	pts, dts, _ := stamps(pes)
	if s.occupant != nil {
		s.occupant.giveWay()
	}
	if t.slot != nil {
		t.slot.leave()
	}
	s.still = s.repeat(t, pes.Data())
	s.occupant, t.slot, t.waiting, s.made = t, s, false, false
	if !s.same(t.format) {
		s.format, s.known = t.format, nil
		p.tables.changed = true
	}
	p.revision++
	t.delay, t.pace = s.behind(t, pts, dts, 0)
	if s.still != nil {
		t.delay = max(t.delay, s.out+t.period()-t.clock().time(dts))
	}
	t.kept = min(t.delay, apart)
	s.fresh, s.first = true, t.clock().time(dts)+t.delay
}

// leave empties the slot.
func (s *slot) leave() {
	t := s.occupant
	s.occupant, t.slot, s.keeps = nil, nil, false
	if s.by == t {
		s.vacate()
	}
}

// awaited reports whether the slot's heir is there and can start: its turn comes.
func (s *slot) awaited(at int64) bool {
	t := s.heir
	return t != nil && t.goal == s && t != s.occupant && t.feed.program.Known && t.feed.alive(at)
}

// keep notes what the filler has to know of the coding: the frames of the last
// PES packet of sound, the first of a picture that begins with its headers.
func (s *slot) keep(out mpegts.Packet, access bool) {
	const most = 1 << 10 // of a picture
	if out.UnitStart() {
		pes, opens := out.PES()
		if s.kind == mpegts.Video {
			s.begin = append(s.begin[:0], pes.Data()...)
		}
		s.keeps = opens && (access || s.kind == mpegts.Audio)
		if s.keeps {
			s.es = append(s.es[:0], pes.Data()...)
			s.made = false
		}
		return
	}
	if s.keeps {
		s.es = append(s.es, out.Payload()...)
		s.keeps = len(s.es) < most || s.kind == mpegts.Audio && len(s.es) < 64*most
	}
}

// Passing returns a function that reports whether a packet of this program
// that was made for a feed may still go out: not, where the track that it is of
// has been left out or muted since. It may be used at any time, of any goroutine.
func (p *Program) Passing() func(feed string, q mpegts.Packet) bool {
	type passage struct {
		feed string
		pid  uint16
	}
	open := map[passage]bool{}
	for name, f := range p.feeds {
		for _, s := range p.slots {
			open[passage{name, s.pid}] = s.occupant != nil && s.occupant.feed == f ||
				slices.ContainsFunc(f.selectors, func(x Selector) bool { return x.passes(s.format) })
		}
	}
	return func(feed string, q mpegts.Packet) bool {
		pid := q.PID()
		return pid == mpegts.PATPID || pid == pmtPID || !q.HasPayload() || open[passage{feed, pid}]
	}
}
