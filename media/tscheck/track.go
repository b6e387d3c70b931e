package tscheck

import (
	"bytes"
	"cmp"
	"slices"

	"vw/media/mpegts"
)

// A PTS lies at most this far behind or ahead of the PCR, in 1/90,000 s: the
// first is too late to be shown, the second more than any decoder has to keep
// (ISO 2.4.2.6).
const (
	maxLate  = mpegts.PTSHz / 10
	maxEarly = 10 * mpegts.PTSHz
)

// maxPTSInterval is the longest time between the stamps of a track (TR 2.5).
const maxPTSInterval = mpegts.PCRHz * 7 / 10

// maxStreamIDs bounds what a track keeps of them.
const maxStreamIDs = 8

// A track is one elementary stream of a program.
type track struct {
	mpegts.Track
	kind    mpegts.Kind
	inForce bool  // named by the PMT in force
	left    bool  // a PMT has come that did not name it any more
	since   int64 // the checker's time at which it was first named

	packets   int64
	bytes     int64 // of payload
	seenAt    int64 // stream time of the last packet
	streamIDs []byte
	frames    int64
	entries   int64  // random access points
	layer     string // of MPEG audio
	broken    int64  // payload_unit_start_indicator and no PES packet
	unmarked  int64  // a PES packet and no payload_unit_start_indicator

	extent    extent // nothing has come since a break that is told already
	stamped   bool   // dts is set
	dts       uint64 // the last
	pace      pace
	placed    bool // at is set
	at        span // around the last stamp judged
	anyPTS    bool
	firstPTS  uint64
	lastPTS   uint64
	reverses  int64
	jumps     int64
	late      int64
	early     int64
	disorder  int64 // PTS before DTS
	gaps      int64 // TR 2.5
	widestGap int64
	holes     int64
	widest    int64 // hole, in 1/27,000,000 s
	firstHole int64 // stream time of the first

	crowds       int64
	shortest     int64 // from a DTS to a crowded one, in 1/90,000 s
	firstCrowd   int64 // stream time, as firstOverlap
	overlaps     int64
	deepest      int64 // overlap, in 1/90,000 s
	firstOverlap int64
}

// start takes the beginning of a PES packet, and reports false where p is
// none, or none with a time stamp. The order of DTS is judged at once: it
// needs no clock.
func (t *track) start(p mpegts.Packet) (stamp, bool) {
	pes, ok := p.PES()
	if !ok {
		t.misses(p)
		t.extent.coded.write(p.Payload())
		return stamp{}, false
	}
	t.frames++
	if p.RandomAccess() {
		t.entries++
	}
	if t.Type == 0x03 || t.Type == 0x04 {
		t.layer = cmp.Or(mpegts.AudioLayer(pes.Data()), t.layer)
	}
	defer t.extent.coded.begin(pes.Data())
	if id := pes.StreamID(); len(t.streamIDs) < maxStreamIDs && !slices.Contains(t.streamIDs, id) {
		t.streamIDs = append(t.streamIDs, id)
	}
	pts, ok := pes.PTS()
	if !ok {
		return stamp{}, false
	}
	dts, _ := pes.DTS()
	if !t.anyPTS {
		t.anyPTS, t.firstPTS = true, pts
	}
	t.lastPTS = pts
	if mpegts.PTSDelta(pts, dts) < 0 {
		t.disorder++
	}
	s := stamp{pid: p.PID(), pts: pts, dts: dts}
	s.late, s.most, s.overlap = t.extent.next(dts)
	if t.stamped {
		s.step = mpegts.PTSDelta(dts, t.dts)
		s.follows = s.step > 0 || s.step == 0 && t.kind == mpegts.Other
		if !s.follows {
			t.reverses++
			t.extent = extent{}
		} else if t.kind == mpegts.Video {
			s.crowds = t.pace.crowds(s.step)
		}
	}
	t.dts, t.stamped = dts, true
	return s, true
}

// misses counts a start without its mark, or a mark without its start (ISO
// 2.4.3.3, 2.4.3.6): in sound and pictures, since data may be sections. Neither
// can hold a start code prefix and a stream_id of its own but in a header.
func (t *track) misses(p mpegts.Packet) {
	b := p.Payload()
	if t.kind == mpegts.Other || p.Scrambled() || len(b) == 0 {
		return
	}
	prefix := []byte{0, 0, 1}
	switch {
	case p.UnitStart():
		if n := min(len(b), len(prefix)); !bytes.Equal(b[:n], prefix[:n]) {
			t.broken++
		}
	case len(b) > 8 && bytes.HasPrefix(b, prefix) && slices.Contains(t.streamIDs, b[3]) && b[6]&0xc0 == 0x80:
		t.unmarked++
	}
}

// A span is what two PCRs enclose: their values, and the program's clock at
// each in 1/27,000,000 s, with and without silences.
type span struct {
	before, after        uint64
	from, to             int64
	activeFrom, activeTo int64
}

// judge holds a stamp against the PCRs around it. Only what is certain is a
// fault: the stamp lay somewhere between the two.
func (t *track) judge(s stamp, w span, l limits) {
	if mpegts.PTSDelta(s.pts, w.before/300) < -maxLate {
		t.late++
	}
	if mpegts.PTSDelta(s.pts, w.after/300) > maxEarly {
		t.early++
	}
	if step := s.step * 300; t.placed && s.follows {
		if step-(w.to-t.at.from) > l.jump || (w.from-t.at.to)-step > l.jump {
			t.jumps++
		} else {
			t.seek(s, w)
			t.press(s)
		}
	}
	if gap := w.activeFrom - t.at.activeTo; t.placed {
		t.widestGap = max(t.widestGap, gap)
		if gap > maxPTSInterval {
			t.gaps++
		}
	}
	t.placed, t.at = true, w
}

// seek looks for a hole before a stamp. It is none as far as all may have been
// silent since the last one: then the tracks need not begin together again.
func (t *track) seek(s stamp, w span) {
	silent := (w.to - t.at.from) - (w.activeTo - t.at.activeFrom)
	late, most := s.late*300-silent, s.most*300
	if silent > 0 {
		most = maxHole * 300
	}
	if late <= most || t.kind == mpegts.Other {
		return
	}
	if t.holes == 0 {
		t.firstHole = t.at.to
	}
	t.holes++
	t.widest = max(t.widest, late)
}

// press counts what comes too soon behind the one before: a picture, or a sound.
func (t *track) press(s stamp) {
	if s.crowds {
		if t.crowds == 0 {
			t.firstCrowd, t.shortest = t.at.to, s.step
		}
		t.crowds++
		t.shortest = min(t.shortest, s.step)
	}
	if s.overlap > maxOverlap {
		if t.overlaps == 0 {
			t.firstOverlap = t.at.to
		}
		t.overlaps++
		t.deepest = max(t.deepest, s.overlap)
	}
}
