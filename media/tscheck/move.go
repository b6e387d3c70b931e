package tscheck

import (
	"slices"

	"vw/media/mpegts"
)

// moves are the changes of a PMT that no player should have to follow: a track
// that goes on on another PID, and one that comes back.
type moves struct {
	absent  []*track // sent and named once, and nothing alike in place of them
	moved   int64
	returns int64
	first   []TrackMove
}

// judge compares the tracks of two PMTs, the second of which comes into force at a time.
func (m *moves) judge(before, now []*track, at float64) {
	for _, t := range before {
		if !slices.Contains(now, t) {
			t.inForce, t.extent = false, extent{}
			if !t.stamped {
				continue // nothing of it has come: nobody misses it
			}
			t.left = true
			m.absent = append(m.absent, t)
		}
	}
	for _, t := range now {
		if t.inForce {
			continue
		}
		t.inForce = true
		m.absent = slices.DeleteFunc(m.absent, func(x *track) bool { return x == t })
		from := t
		if i := slices.IndexFunc(m.absent, t.alike); i >= 0 {
			from = m.absent[i]
			m.absent = slices.Delete(m.absent, i, i+1)
		}
		switch {
		case t.left:
			m.returns++
		case from != t:
			m.moved++
		default:
			continue
		}
		if len(m.first) < maxHistory {
			m.first = append(m.first, TrackMove{AtSeconds: at, PID: t.PID, FromPID: from.PID, Returned: t.left})
		}
	}
}

// alike reports whether x carries pictures or sound of the same coding.
func (t *track) alike(x *track) bool {
	name, kind := t.Codec()
	other, _ := x.Codec()
	return kind != mpegts.Other && t.Type == x.Type && name == other
}
