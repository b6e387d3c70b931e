package program

import (
	"math"
	"time"

	"vw/media/mpegts"
)

// Program time counts 1/90,000 s and does not wrap; its lower 33 bits are
// what PTS and DTS say. Arrival times are counted in the same unit.
const (
	window    = 4 * mpegts.PTSHz   // of the search for the smallest lag
	slack     = mpegts.PTSHz / 200 // error that is not worth a correction: 5 ms
	slewRate  = 1000               // a correction takes this many times as long
	slewStep  = mpegts.PTSHz       // the longest time that one correction makes up for
	agreement = mpegts.PTSHz / 25  // a muted feed's offset is kept within this: a picture
	leap      = mpegts.PTSHz       // stamps that gain so much on the arrival jump
	keeping   = 10 * mpegts.PTSHz  // a PTS is no further ahead of its DTS
	never     = math.MaxInt64      // smallest lag of an empty window

	jitter  = mpegts.PTSHz / 20 // of arrival at a start
	opening = 2 * mpegts.PTSHz  // a new clock is set right at once for so long
	apart   = mpegts.PTSHz / 5  // a clock that is further off than this
	endured = 30 * mpegts.PTSHz // for longer than this is set anew
)

// ticks converts an arrival time to 1/90,000 s.
func ticks(at time.Duration) int64 {
	return int64(at/time.Second)*mpegts.PTSHz + int64(at%time.Second)*mpegts.PTSHz/int64(time.Second)
}

// timeOfDay is the program time that a program has which begins at t.
func timeOfDay(t time.Time) int64 {
	return ticks(time.Duration(t.Unix())*time.Second) + ticks(time.Duration(t.Nanosecond()))
}

// duration is the arrival time that is not before t, in 1/90,000 s.
func duration(t int64) time.Duration {
	return time.Duration(t/mpegts.PTSHz)*time.Second + (time.Duration(t%mpegts.PTSHz)*time.Second+mpegts.PTSHz-1)/mpegts.PTSHz
}

// A clock maps the stamps of one feed to program time. How well it is set is
// told by its lag: arrival less program time. Packets come late for many
// reasons and early for none, so the smallest lag of the last one to two
// windows is the measure; a burst or a stall that is shorter does not move it.
type clock struct {
	set   bool
	src   uint64 // a stamp of the source, 33 bits
	out   int64  // and the program time that it stands for
	lags  [2]int64
	since int64 // the present window's begin
	full  bool  // the window before was measured whole
	last  int64 // lag of the last packet
	slewn int64 // arrival time up to which corrections have been made

	near int64 // arrival time at which it was last near enough to the master's

	begins int64 // arrival time until which its source is taken to begin
	drawn  int64 // by how much the clock has been drawn back, to be in time
	behind int64 // arrival time until which what was sent before may lie ahead of it
}

// newClock lets stamp stand for the program time out.
func newClock(stamp uint64, out, at int64) clock {
	return clock{set: true, src: stamp, out: out, last: at - out, lags: [2]int64{at - out, never}, since: at, slewn: at, near: at}
}

// time is the program time of a stamp that is within 13 hours of the last.
func (c *clock) time(stamp uint64) int64 { return c.out + mpegts.PTSDelta(stamp, c.src) }

// fits says that a track's first DTS can be of this clock.
func (c *clock) fits(dts uint64, at int64) bool {
	late := at - c.time(dts) - c.lag()
	return late >= -keeping && late <= keeping
}

// advance moves the clock to a stamp, so that 33 bits go on to be enough.
func (c *clock) advance(stamp uint64) {
	c.out = c.time(stamp)
	c.src = stamp
}

// lag is the measure.
func (c *clock) lag() int64 { return min(c.lags[0], c.lags[1]) }

// measure takes the lag of a packet. It returns by how much the smallest lag of
// a whole window differs from that of the whole window before it: the drift of
// the source's clock against the arrival's.
func (c *clock) measure(stamp uint64, at int64) (drift int64) {
	switch d := at - c.since; {
	case d >= 2*window:
		c.lags, c.since, c.full = [2]int64{never, never}, at, false
	case d >= window:
		if c.full {
			drift = c.lags[0] - c.lags[1]
		}
		c.lags, c.since, c.full = [2]int64{never, c.lags[0]}, c.since+window, true
	}
	c.last = at - c.time(stamp)
	c.lags[0] = min(c.lags[0], c.last)
	return drift
}

// shift moves the clock's program time, and its measures with it.
func (c *clock) shift(by int64) {
	c.out += by
	c.last -= by
	for i := range c.lags {
		if c.lags[i] != never {
			c.lags[i] -= by
		}
	}
}

// draw moves the clock back. What follows may come out before what was sent
// already: it is kept behind that, and the clock is not moved on for it.
func (c *clock) draw(by, at int64) {
	c.shift(-by)
	c.drawn += by
	c.behind = max(c.behind, at+by+opening)
}

// slew brings the clock nearer to another's, by 1 ms a second at most. Where it
// is too far off for that it is set anew.
func (c *clock) slew(to *clock, at int64) (anew bool) {
	if !c.full || !to.full {
		c.slewn, c.near = at, at
		return false
	}
	off := c.lag() - to.lag()
	switch {
	case off >= -apart && off <= apart:
		c.near = at
	case at-c.near <= endured:
	case off > 0:
		c.shift(off)
		return true
	default:
		c.draw(-off, at)
		return true
	}
	most := min(at-c.slewn, slewStep) / slewRate
	if most == 0 {
		return false
	}
	c.slewn = at
	if off > slack || off < -slack {
		c.shift(max(-most, min(most, off)))
	}
	return false
}
