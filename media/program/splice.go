package program

import (
	"cmp"

	"vw/media/filler"
	"vw/media/mpegts"
)

// How pictures and sound of one source follow those of another, or of the filler, in
// a slot, and how they go on where the source's clock has been set back.

const (
	usualFrame = mpegts.PTSHz / 25  // what a picture of unknown length lasts
	longFrame  = mpegts.PTSHz / 10  // a frame that lasts longer is a pause
	catchUp    = 20                 // pictures that are late come one part in so many sooner
	crowding   = mpegts.PTSHz / 170 // between pictures of a source that begins with a burst: as near as every decoder takes them (ITU-T H.264, A.3.1: fR)
)

// period is how long a frame of the track lasts, as far as that is known; one of the
// filler where t is nil.
func (t *track) period() int64 {
	if t == nil || t.step <= 0 {
		return usualFrame
	}
	return min(t.step, longFrame)
}

// sent notes a frame of t, nil for the filler, in program time: when it is decoded,
// and shown.
func (s *slot) sent(t *track, dts, pts int64) {
	s.out, s.used, s.by = dts, true, t
	s.shown = max(s.shown, pts+t.period())
}

// raise moves the clock of t forward where dts would come out before what t
// has sent, or in its place: output time never goes back. After a jump one
// frame's length is left between the two. A clock that has been drawn back is
// not moved, nor one of a track that follows another or the filler: the frames are
// delayed. Step is from t's frame before to this one, 0 where there is none.
func (p *Program) raise(t *track, pts, dts uint64, step, at int64) {
	s := cmp.Or(t.slot, t.goal)
	if s == nil || !s.used {
		t.delay, t.pace = 0, 0
		return
	}
	c := t.clock()
	if at < c.behind || t.delay > 0 || s.by != t {
		t.delay, t.pace = s.behind(t, pts, dts, step)
		return
	}
	floor := s.out + 1
	switch {
	case s.kind == mpegts.Audio && t.kind == mpegts.Audio && step == 0:
		floor = s.end()
	case step == 0:
		floor = s.out + t.period()
	}
	if out := c.time(dts); out < floor {
		c.shift(floor - out)
	}
}

// behind returns by how much a frame of t has to be delayed, so that it comes
// behind what the slot has sent, and how near it comes to that where it has to crowd.
func (s *slot) behind(t *track, pts, dts uint64, step int64) (delay, pace int64) {
	time := t.clock().time(dts)
	switch {
	case !s.used:
		return 0, 0
	case s.kind == mpegts.Audio:
		return s.abut(t, time, step), 0
	case s.by != t: // what was last shown is shown for its time, and decoded for half of it
		return max(0, s.out+t.period()/2-time, s.shown-t.clock().time(pts)), 0
	}
	return s.crowd(t, dts, time, step)
}

// abut is behind for sound, which begins where what came before ends, or later: a
// player takes each frame of a PES packet to follow the one before it, and what
// overlaps for damaged. Two of t's own may overlap as they did in the source, and by slack,
// of which a clock is slewed and stamps are rounded.
func (s *slot) abut(t *track, time, step int64) int64 {
	end := s.end()
	if s.by != t || step == 0 {
		return max(0, end-time)
	}
	need := min(end, s.out+step) - time
	if need > t.delay+slack {
		return need
	}
	return max(0, min(need, t.delay))
}

// crowd is behind for a picture of t that follows another of its own. What t began
// with of delay, up to apart, is made up for by catchUp: what comes much nearer to
// another is too many at once for those who count pictures by a frame rate, and what is
// late for longer is not in time with its sound. What is more is made up for twice as
// fast as time passes, and that of a burst at once; behind the knee, where there is one.
func (s *slot) crowd(t *track, dts uint64, time, step int64) (delay, pace int64) {
	t.kept = max(0, min(t.kept-step/catchUp, s.out+t.period()-time))
	pace = max(1, t.period()/2)
	if s.out+pace-time > late {
		pace = min(pace, crowding)
	}
	if t.pace > 0 && mpegts.PTSDelta(t.knee, dts) >= 0 {
		pace = max(pace, t.pace)
	}
	if delay = s.out + pace - time; delay <= t.kept {
		return t.kept, 0
	}
	if was := cmp.Or(t.pace, t.step); pace < was {
		t.knee, t.before = t.top, was
	}
	if mpegts.PTSDelta(t.knee, dts) >= 0 {
		delay = max(delay, s.out+min(t.before, step)-time)
	}
	return delay, pace
}

// crowded is by how much the PTS of a frame that crowds comes nearer to its DTS. Up to
// the knee pictures are as far apart as those were to which a place there has been given,
// so that all stay in order. Behind a burst no picture is shown before its time: those
// before it will have made up by then.
func (t *track) crowded(pts, dts uint64) int64 {
	if t.pace == 0 || t.step <= 0 {
		return 0
	}
	d := mpegts.PTSDelta(pts, dts)
	early := max(0, min(d, mpegts.PTSDelta(t.knee, dts)))
	by := d - (early*min(t.before, t.step)+(d-early)*t.pace)/t.step
	if !t.rushed {
		by = min(by, t.delay-t.kept)
	}
	return by
}

// repeat returns a picture that repeats the slot's last one, where t, whose first picture
// begins with es, makes decoders be configured anew; nil where none can be made.
// mpegts.js holds back a picture until it knows the next one, and loses what it holds
// when the sequence parameter set changes. One lost of those before would leave a
// hole that Media Source Extensions do not play over.
func (s *slot) repeat(t *track, es []byte) []byte {
	switch {
	case !s.alike(t.format) || !filler.Reconfigures(s.coding, s.es, es) || !s.canFill():
		return nil
	case s.by == nil && s.begun:
		return s.video.Skip()
	case s.by == nil || s.shown-s.out > s.by.period():
		return nil
	}
	return s.video.Repeat(s.begin)
}
