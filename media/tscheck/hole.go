package tscheck

import "vw/media/mpegts"

// maxHole is how much later than the one before it ends a picture may come, and a
// sound whose frames cannot be counted or that comes back from a silence, in
// 1/90,000 s: 0.5 s. Otherwise a sound may come one frame later, and a millisecond
// for stamps that are rounded.
const (
	maxHole  = mpegts.PTSHz / 2
	rounding = mpegts.PTSHz / 1000
)

// maxOverlap is how much earlier a sound may begin than the frames before it end, in
// 1/90,000 s: 2 ms, twice what stamps are off by that were rounded to milliseconds,
// as those of Matroska and FLV are.
const maxOverlap = mpegts.PTSHz / 500

// maxPicture is how long one picture, or a PES packet of sound that is not counted, can
// last, in 1/90,000 s: 10 s. A longer step does not tell its length.
const maxPicture = 10 * mpegts.PTSHz

// An extent is how far a track's frames reach: what begins later than there
// leaves a hole, and sound that begins earlier overlaps. The zero value is that of
// a track of which nothing has come.
type extent struct {
	set    bool
	end    uint64 // of what has come, as a DTS
	last   uint64 // the last DTS
	length int64  // of the PES packet before it, in 1/90,000 s; 0: not known
	coded  frameCounter
}

// next takes the DTS of the next PES packet. It returns how much later than the
// end of what came before it begins, and how much later it may; and how much earlier
// than the frames of the one before end, where they were counted. All are in 1/90,000 s.
func (e *extent) next(dts uint64) (late, most, overlap int64) {
	length, frame := e.coded.take()
	if e.set && frame > 0 {
		overlap = max(0, length-mpegts.PTSDelta(dts, e.last))
	}
	most = frame + rounding
	if frame == 0 {
		length, most = e.length, maxHole
	}
	if !e.set {
		e.end = dts
	} else if end := e.last + uint64(length); mpegts.PTSDelta(end, e.end) > 0 {
		e.end = end
	}
	if e.set && length > 0 {
		late = mpegts.PTSDelta(dts, e.end)
	}
	step := mpegts.PTSDelta(dts, e.last)
	if !e.set || late > most || step < 0 || step > maxPicture {
		step = 0 // a hole or a silence is not its length
	}
	e.length = step
	e.set, e.last = true, dts
	return late, most, overlap
}

// A frameCounter counts the coded frames of MPEG audio and AAC, by their
// headers.
type frameCounter struct {
	synced  bool   // it is known where they begin
	left    int    // bytes of the frame that is not over
	partial []byte // of a header
	last    mpegts.AudioFrame
	samples int  // of the frames that have begun
	lost    bool // some have not been counted
}

// begin takes the data that a PES packet begins with: a frame, as a rule.
func (c *frameCounter) begin(data []byte) {
	if _, ok := mpegts.ReadAudioFrame(data); ok {
		c.synced, c.left, c.partial = true, 0, c.partial[:0]
	}
	c.write(data)
}

func (c *frameCounter) write(b []byte) {
	c.lost = c.lost || !c.synced
	for c.synced && len(b) > 0 {
		n := min(c.left, len(b))
		c.left -= n
		b = b[n:]
		n = min(mpegts.AudioHeader-len(c.partial), len(b))
		c.partial = append(c.partial, b[:n]...)
		b = b[n:]
		if len(c.partial) < mpegts.AudioHeader {
			return
		}
		c.last, c.synced = mpegts.ReadAudioFrame(c.partial)
		c.lost = !c.synced
		c.left, c.partial = c.last.Bytes-mpegts.AudioHeader, c.partial[:0]
		c.samples += c.last.Samples
	}
}

// take returns how long the frames last that have begun since it was last
// asked, and one of them, in 1/90,000 s; 0 where they could not be counted.
func (c *frameCounter) take() (all, one int64) {
	samples, lost := c.samples, c.lost
	c.samples, c.lost = 0, false
	if lost || samples == 0 {
		return 0, 0
	}
	rate := int64(c.last.Rate)
	return int64(samples) * mpegts.PTSHz / rate, int64(c.last.Samples) * mpegts.PTSHz / rate
}
