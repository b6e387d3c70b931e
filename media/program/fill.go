package program

import (
	"cmp"
	"errors"
	"time"

	"vw/media/filler"
	"vw/media/mpegts"
)

const (
	fillPicture = 9 * mpegts.PTSHz / 100 // from one black picture to the next, so that each brings the PCR that is due: players show them two late
	fillSound   = 2 * fillPicture        // of one packet of silence
	fillEarly   = fillPicture / 2        // silence is made with a picture that comes so soon before it, so that one timer does for both
	intraStep   = mpegts.PTSHz           // from one that stands alone to the next at least, so that who joins sees it
	intraMost   = 4 * mpegts.PTSHz       // and at most
	intraRate   = 1500                   // bytes a second
	fillAhead   = 2                      // pictures: what mpegts.js holds back
	fillPSI     = 3 * mpegts.PTSHz / 10  // between tables where nothing else passes; TR 101 290 allows 500 ms
	fillMost    = 2 * mpegts.PTSHz       // what is missing for longer is left out
	rounding    = 2                      // of the length of a frame of sound, in 1/90,000 s
	grace       = mpegts.PTSHz / 10      // a source that has ended may be followed by another so soon
	sustain     = mpegts.PTSHz / 5       // sound is missed so long after its last packet has been heard
)

// missed is how long a track may be silent before its slot is filled.
var missed = [...]int64{mpegts.Other: never, mpegts.Video: mpegts.PTSHz, mpegts.Audio: 3 * mpegts.PTSHz / 10}

// A fill is what a slot is filled with while nobody is in it, of the coding and
// by the headers of who was in it last: silence, or a black picture.
type fill struct {
	next  int64 // program time of the next frame
	rest  int64 // of next, in 1/90,000 s by the sampling rate
	intra int64 // program time of the next picture that stands alone
	step  int64 // from one black picture to the next
	begun bool  // some of it has been sent
	quiet int64 // arrival time until which nobody is missed

	made  bool // it is known whether the slot can be filled
	audio *filler.Audio
	video *filler.Video
	err   error // why it cannot be
}

var errNothing = errors.New("nothing has been in it yet")

// vacate begins a fill where the slot's last frame ends.
func (s *slot) vacate() {
	s.fill = fill{next: s.shown}
	if s.kind == mpegts.Audio {
		s.next = s.end()
	}
}

// end is where the last frame of sound ends.
func (s *slot) end() int64 {
	if s.by == nil {
		return s.next
	}
	samples, rate := filler.Length(s.coding, s.es)
	if rate == 0 {
		return s.shown
	}
	return s.out + int64(samples)*mpegts.PTSHz/int64(rate)
}

// frame is the length of a frame of sound.
func (s *slot) frame() int64 {
	if !s.canFill() {
		return 0
	}
	return int64(s.audio.Samples()) * mpegts.PTSHz / int64(s.audio.Rate())
}

// canFill reports whether the slot can be filled.
func (s *slot) canFill() bool {
	if s.made {
		return s.err == nil
	}
	s.made, s.audio, s.video, s.err = true, nil, nil, errNothing
	switch {
	case len(s.es) == 0:
	case s.kind == mpegts.Audio:
		s.audio, s.err = filler.NewAudio(s.coding, s.es)
	case s.kind == mpegts.Video:
		s.video, s.err = filler.NewVideo(s.coding, s.es)
	}
	return s.err == nil
}

// Fill appends what the slots need at at in which nobody is: silence, and black
// pictures. It must not depend on what comes in when it is called. At counts as Append's.
func (p *Program) Fill(dst []byte, at time.Duration) []byte {
	now := ticks(at)
	p.advance(now)
	for _, s := range p.slots {
		if s.occupant != nil && now >= s.missedAt() && s.canFill() {
			s.occupant.stop()
		}
	}
	p.refresh(now, fillPSI)
	filled := false
	for _, s := range p.slots {
		switch {
		case !s.filled(now):
			continue
		case s.kind == mpegts.Audio:
			dst = p.fillAudio(dst, s, now)
		default:
			dst = p.fillVideo(dst, s, now)
		}
		filled = true
	}
	if filled {
		dst = p.fillPCR(dst, nil, now)
	}
	return dst
}

// Skip leaves out what the slots would have needed up to at: nobody wanted the program, and whoever still
// reads it has stopped. At counts as Append's.
func (p *Program) Skip(at time.Duration) {
	now := ticks(at) - p.lag
	for _, s := range p.slots {
		s.next, s.rest = max(s.next, now), 0
	}
}

// Renew has the next black pictures stand alone: somebody joins who has seen none.
func (p *Program) Renew() {
	for _, s := range p.slots {
		s.intra = 0
	}
}

// filled reports whether it is the filler's turn in the slot.
func (s *slot) filled(at int64) bool {
	return s.occupant == nil && s.listed && at >= max(s.quiet, s.returns()) && s.canFill()
}

// returns is the arrival time until which the filler leaves off, since sound is
// back that is only waiting to be in time behind what has been filled ahead.
func (s *slot) returns() int64 {
	if t := s.heir; t != nil && t.goal == s && t.stamped && s.kind == mpegts.Audio && t.delay > s.frame() {
		return t.dtsAt + missed[mpegts.Audio]
	}
	return 0
}

// Due returns when Fill has to be called next at the latest; false where no slot
// can need it.
func (p *Program) Due() (at time.Duration, ok bool) {
	due := p.until
	for _, s := range p.slots {
		switch {
		case s.occupant != nil && (!s.made || s.err == nil):
			due = min(due, s.missedAt())
		case s.filled(never):
			next := s.next + p.lag
			if s.kind == mpegts.Video {
				next -= fillAhead * cmp.Or(s.step, fillPicture)
			}
			due = min(due, max(min(next, p.pcrDue()), s.quiet, s.returns()))
		}
	}
	if due == never {
		return 0, false
	}
	return duration(due), true
}

// missedAt is the arrival time from which the occupant is missed. A source that
// comes in blocks is waited for, and sound for as long as its last packet lasts.
func (s *slot) missedAt() int64 {
	t := s.occupant
	switch {
	case t.kind == mpegts.Other:
		return never
	case t.feed.ended:
		return t.successorAt()
	}
	wait := max(missed[t.kind], t.pause*3/2)
	if t.kind == mpegts.Audio && s.by == t {
		wait = max(wait, s.end()-s.out+sustain)
	}
	return t.at + wait
}

// successorAt is the arrival time from which another source is missed that may follow
// the track's, which has ended or been replaced: the next picture is overdue by then,
// as far as it is known how often they come.
func (t *track) successorAt() int64 {
	if t.pause == 0 {
		return t.at + min(missed[t.kind], patience)
	}
	return t.at + max(grace, min(t.pause*3/2, missed[t.kind]))
}

// fillVideo appends the black pictures that are due. The first come at once, with
// as many behind them as decoders and players want to have before they show one.
func (p *Program) fillVideo(dst []byte, s *slot, at int64) []byte {
	time := at - p.lag
	s.step = fillPicture
	if s.awaited(at) { // what comes has to wait for what has been sent ahead
		s.step /= 2
	}
	if !s.begun || time-s.next > fillMost {
		s.next = max(s.next, time, s.out+1)
	}
	if !s.begun {
		dst = p.appendIntra(dst, s, at)
		for range s.video.Reorder() + fillAhead {
			s.next += mpegts.PTSHz / 25
			dst = p.appendUnit(dst, s, s.video.Skip(), false, at)
		}
		s.begun = true
		s.next += s.step
	}
	for ; s.next <= time+fillAhead*s.step; s.next += s.step {
		if s.next >= s.intra {
			dst = p.appendIntra(dst, s, at)
		} else {
			dst = p.appendUnit(dst, s, s.video.Skip(), false, at)
		}
	}
	return dst
}

// appendIntra appends a picture that stands alone: the larger, the more seldom.
func (p *Program) appendIntra(dst []byte, s *slot, at int64) []byte {
	picture := s.video.Intra()
	s.intra = s.next + min(max(intraStep, int64(len(picture))*mpegts.PTSHz/intraRate), intraMost)
	return p.appendUnit(dst, s, picture, true, at)
}

// fillAudio appends silence when it has run out: a packet ahead of the time, since a
// player that has no sound shows no picture either.
func (p *Program) fillAudio(dst []byte, s *slot, at int64) []byte {
	time := at - p.lag
	if time-s.next > fillMost {
		s.next = time
	}
	if s.next > time+fillEarly {
		return dst
	}
	return p.silence(dst, s, time+fillSound, at)
}

// silence appends whole frames, the last of which begins before the program time until.
func (p *Program) silence(dst []byte, s *slot, until, at int64) []byte {
	for s.next < until {
		var es []byte
		next, rest := s.next, s.rest
		for next < until && next < s.next+fillSound {
			es = append(es, s.audio.Frame()...)
			rest += int64(s.audio.Samples()) * mpegts.PTSHz
			next += rest / int64(s.audio.Rate())
			rest %= int64(s.audio.Rate())
		}
		dst = p.appendUnit(dst, s, es, false, at)
		s.next, s.rest = next, rest
	}
	return dst
}

// bridge appends what has to come between the slot's last frame and the first of who has
// just come into it: the silence that is missing, but for less than a frame, and a
// picture that may be lost.
func (p *Program) bridge(dst []byte, s *slot, at int64) []byte {
	if !s.fresh {
		return dst
	}
	s.fresh = false
	if s.still != nil {
		s.next = s.out + (s.first-s.out)/2
		return p.appendUnit(dst, s, s.still, false, at)
	}
	if s.kind != mpegts.Audio || !s.used || s.first-s.next > fillMost || !s.canFill() {
		return dst
	}
	return p.silence(dst, s, s.first-s.frame()+rounding, at)
}

// appendUnit appends a frame of the filler, or some of sound, at the slot's next.
// Where it is late its PCR is not.
func (p *Program) appendUnit(dst []byte, s *slot, es []byte, access bool, at int64) []byte {
	dst = p.appendTables(dst, at)
	u := mpegts.Unit{PID: s.pid, StreamID: s.id, PTS: uint64(s.next), Data: es, RandomAccess: access}
	due := min(at, s.next+p.lag)
	switch {
	case s == p.clock && p.lacksPCR(nil, due, pcrInterval/2): // before a packet of its own is needed
		pcr := p.ownPCR(due)
		u.HasPCR, u.PCR = true, wrapPCR(pcr)
		p.pcr.sent(pcr, due)
	case s != p.clock:
		dst = p.fillPCR(dst, nil, due)
	}
	dst, s.cc = u.Append(s.announce(dst), s.cc)
	s.sent(nil, s.next, s.next)
	p.now = max(p.now, s.next)
	return dst
}
