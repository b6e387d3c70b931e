package tscheck

import "vw/media/mpegts"

// minStep is how near two pictures of a track are decoded at least, in 1/90,000 s:
// 1/172 s, what every level of H.264 below 6 asks for (ITU-T H.264, A.3.1, A.3.3: fR).
// A track whose pictures usually come faster may have them a quarter as far apart
// as usual.
const minStep = mpegts.PTSHz / 172

// A pace is how far apart the pictures of a track are decoded.
type pace struct {
	steps int
	usual float64 // about the median distance of their DTS, in 1/90,000 s
}

// crowds takes the distance of a picture from the one before, and reports whether it is too near.
func (p *pace) crowds(step int64) bool {
	const known, slowness = 8, 128 // steps that it is known after, and follows in
	d := float64(step)
	p.steps++
	switch {
	case p.steps == 1, p.steps <= known && d < p.usual:
		p.usual = d
		return false
	case p.steps <= known:
		return false
	case d > p.usual:
		p.usual += p.usual / slowness
	default:
		p.usual -= p.usual / slowness
	}
	return step < minStep && d < p.usual/4
}
