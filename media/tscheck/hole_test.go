package tscheck_test

import (
	"math"
	"slices"
	"testing"
	"time"

	"vw/media/mpegts"
)

// TestHolesAreFoundInATrackThatGoesOn shifts the stamps of one track from the
// middle on: by one frame of sound (1,152 samples of MPEG audio, 1,024 of AAC, at
// 44,100 a second), by two, by less than half a second of pictures, by more.
func TestHolesAreFoundInATrackThatGoesOn(t *testing.T) {
	for _, c := range []struct {
		clip  string
		pid   uint16
		late  time.Duration
		holes int64
	}{
		{"mpeg1video and mp2", audioPID, 26 * time.Millisecond, 0},
		{"mpeg1video and mp2", audioPID, 52 * time.Millisecond, 1},
		{"h264 and aac", audioPID, 23 * time.Millisecond, 0},
		{"h264 and aac", audioPID, 46 * time.Millisecond, 1},
		{"opus", videoPID, 450 * time.Millisecond, 0}, // whose frames are not counted
		{"opus", videoPID, 550 * time.Millisecond, 1},
		{"mpeg1video and mp2", videoPID, 450 * time.Millisecond, 0},
		{"mpeg1video and mp2", videoPID, 550 * time.Millisecond, 1},
		{"hevc", videoPID, 450 * time.Millisecond, 0},
		{"hevc", videoPID, 550 * time.Millisecond, 1},
	} {
		ps := packets(t, c.clip)
		i := middle(t, ps, startOf(c.pid))
		shift(ps[i:], false, []uint16{c.pid}, c.late.Milliseconds())
		r := check(joined(ps))
		if got := counts(r); got["holes"] != c.holes || int64(len(got)) != c.holes {
			t.Errorf("%s, PID %#x, %v late: faults %v, want %d holes", c.clip, c.pid, c.late, got, c.holes)
		}
		for _, track := range r.Programs[0].Tracks {
			if c.holes == 1 && track.PID == c.pid && (math.Abs(track.LongestHoleSeconds-c.late.Seconds()) > 0.001 ||
				math.Abs(track.FirstHoleAtSeconds-3) > 0.6) {
				t.Errorf("%s: %.3f s after %.2f s, want %v in the middle", c.clip, track.LongestHoleSeconds, track.FirstHoleAtSeconds, c.late)
			}
		}
	}
}

// TestBreaksThatAreToldAreNoHoles loses sound, and says so or is found to
// have by the counters.
func TestBreaksThatAreToldAreNoHoles(t *testing.T) {
	for name, want := range map[string]int64{"announced": 0, "lost": 1} {
		ps := packets(t, "mpeg1video and mp2")
		i := middle(t, ps, startOf(audioPID))
		next := ps[i].Continuity()
		rest := without(ps, i, 20, isTable(audioPID))
		for _, p := range rest[i:] {
			if p.PID() == audioPID {
				next = p.Continuity()
				break
			}
		}
		if name == "announced" {
			rest = slices.Insert(rest, i, mpegts.Packet(mpegts.AppendDiscontinuity(nil, audioPID, next)))
		}
		if got := counts(check(joined(rest))); got["holes"] != 0 || got["continuity_errors"] != want {
			t.Errorf("%s: faults %v", name, got)
		}
	}
}
