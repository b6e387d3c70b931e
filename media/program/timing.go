package program

import (
	"slices"

	"vw/media/mpegts"
)

// observe takes the stamps of a PES packet of t, so that t.clock() is right
// for them.
func (p *Program) observe(t *track, pes mpegts.PES, at int64) {
	pts, dts, ok := stamps(pes)
	if !ok {
		return
	}
	f := t.feed
	if !f.clock.set || f.returned {
		p.resume(f, pts, at)
	}
	if t.kind == mpegts.Other {
		t.epoch = f.epoch // may come in any order: it tells nothing
		return
	}
	anew := true
	switch {
	case !t.stamped && f.clock.fits(dts, at):
	case !t.stamped, t.jumped(dts, at):
		if !t.stamped || t.epoch == f.epoch {
			p.jump(f, pts, at)
		}
	case t.epoch != f.epoch && f.overtaken(t, dts, at):
	default:
		anew = false
	}
	if anew {
		t.epoch = f.epoch
	}
	if !t.stamped {
		t.reorder = pts - dts
	}
	due := dts + t.reorder // the PTS, if the pictures were shown in the order in which they come
	if t.epoch == f.epoch {
		p.settle(f, due, at)
	}
	p.slew(f, at)
	step := int64(0)
	if t.stamped && !anew {
		step = mpegts.PTSDelta(dts, t.dts)
	}
	if step > 0 {
		t.step, t.rushed = step, at-t.dtsAt < step/2
	}
	p.raise(t, pts, dts, step, at)
	if step == 0 || mpegts.PTSDelta(pts, t.top) > 0 {
		t.top = pts
	}
	if t.stamped {
		t.pause = max(min(at-t.dtsAt, patience), t.pause-t.pause/64)
	}
	t.stamped, t.dts, t.dtsAt = true, dts, at
	if t.epoch == f.epoch {
		f.clock.advance(dts)
		drift := f.clock.measure(pts, at)
		if p.master == f {
			p.lag += drift
		}
	}
}

// stamps are the PTS and DTS of a PES packet, if it has any and they can be
// true: a picture is not kept for more than 10 s (2.4.2.6). Damaged ones would
// drive the output's time away for good, since it never goes back.
func stamps(pes mpegts.PES) (pts, dts uint64, ok bool) {
	pts, ok = pes.PTS()
	dts, _ = pes.DTS()
	d := mpegts.PTSDelta(pts, dts)
	return pts, dts, ok && d >= -leap && d <= keeping
}

// jumped says that a DTS does not follow the track's last: it goes back, or
// forward by more than leap more than has passed meanwhile. A wrap is no jump.
func (t *track) jumped(dts uint64, at int64) bool {
	d := mpegts.PTSDelta(dts, t.dts)
	return d < 0 || d > leap+at-t.dtsAt
}

// jump sets a feed's clock anew. The tracks that have not jumped yet go on by
// the former one until they do.
func (p *Program) jump(f *feed, pts uint64, at int64) {
	p.stats.Jumps++
	f.former, f.formerAt = f.clock, at
	f.epoch++
	f.clock = newClock(pts, at-p.reference(f), at)
}

// overtaken says that t, whose stamps have not jumped as the feed's other
// tracks' have, is not going to: the jump was too small to show.
func (f *feed) overtaken(t *track, dts uint64, at int64) bool {
	d := f.clock.time(dts) - f.former.time(dts)
	return t.epoch != f.epoch-1 || at-f.formerAt > leap && d >= -leap && d <= leap
}

// resume sets the offset of a feed's first PTS against arrival time. A feed
// that was away keeps its offset where its stamps have gone on meanwhile, but for what
// the program's time has drifted.
func (p *Program) resume(f *feed, pts uint64, at int64) {
	f.returned = false
	if f.clock.set {
		late := at - f.clock.time(pts) - f.clock.lag()
		if late >= -agreement && late <= agreement {
			if off := f.clock.lag() - p.reference(f); off > agreement || off < -agreement {
				f.clock.shift(off)
			}
			return
		}
	}
	f.epoch++
	f.clock = newClock(pts, at-p.reference(f), at)
	f.clock.begins = at + opening
	p.opened = min(p.opened, at)
}

// candidates yields the feeds that may set the clock, the best first.
func (p *Program) candidates(yield func(*feed) bool) {
	for _, kind := range [...]mpegts.Kind{mpegts.Video, mpegts.Audio} {
		for _, s := range p.slots {
			t := s.occupant
			if t == nil && s.heir != nil && s.heir.selected {
				t = s.heir
			}
			if s.kind == kind && t != nil && !yield(t.feed) {
				return
			}
		}
	}
}

// slew brings the feed's clock nearer to that of the master, unless it is that.
func (p *Program) slew(f *feed, at int64) {
	if m := p.master; m != nil && m != f && m.clock.set {
		if f.clock.slew(&m.clock, at) {
			p.stats.Resets++
		}
	}
}

// choose names the feed that sets the clock: that of the first video, else of the
// first audio, which is alive. A feed takes the clock from another only when
// its own packets are no later than that one's, so that a feed that comes back
// with a backlog does not bring old time with it. The PCR is on the first slot
// of video, else of audio, whoever is in it.
func (p *Program) choose(at int64) {
	p.clock = nil
	for _, kind := range [...]mpegts.Kind{mpegts.Audio, mpegts.Video} {
		if i := slices.IndexFunc(p.slots, func(s *slot) bool { return s.listed && s.kind == kind }); i >= 0 {
			p.clock = p.slots[i]
		}
	}
	present := p.master
	known := false
	for f := range p.candidates {
		known = known || f == present
	}
	if !known {
		p.master, present = nil, nil
	}
	if present != nil && !present.alive(at) {
		present = nil
	}
	for f := range p.candidates {
		if f.alive(at) && (present == nil || f == present || f.agrees(present)) {
			p.master = f
			return
		}
		if p.master == nil {
			p.master = f
		}
	}
}
