package program_test

import (
	"testing"
	"time"

	"vw/media/program"
)

// What a program costs in which nobody is. PCRs ten times a second are 15 kbit/s, the
// tables 8, and layer II has no rate below 32. Each turn is a timer's.
func TestAFilledProgramCostsLittle(t *testing.T) {
	t.Parallel()
	const begin, minute, turns = 10 * time.Second, time.Minute, 12
	for name, c := range map[string]struct {
		clip []string
		most float64 // kbit/s
	}{
		"H.264 and AAC":       {both("3", "libx264", "aac"), 34},
		"H.264":               {video("3", "libx264"), 26},
		"AAC":                 {audio("3", "aac"), 26},
		"MPEG-1 and layer II": {both("3", "mpeg1video", "mp2"), 68},
		"layer II":            {audio("3", "mp2"), 58},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := selecting("cam")
			fill(p, play(t, p, paced("cam", clip(t, c.clip...), 0), call(3*time.Second, func(p *program.Program) { p.End("cam") })), begin)
			var bits, calls float64
			for due, ok := p.Due(); ok && due < begin+minute; due, ok = p.Due() {
				calls++
				bits += float64(8 * len(p.Fill(nil, due)))
			}
			got, often := bits/1000/minute.Seconds(), calls/minute.Seconds()
			if got > c.most || got < c.most/2 || often > turns {
				t.Errorf("it costs %.1f kbit/s and %.1f turns a second; want %v and %v at most", got, often, c.most, turns)
			}
		})
	}
}
