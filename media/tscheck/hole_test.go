package tscheck_test

import (
	"math"
	"slices"
	"testing"
	"time"

	"vw/media/mpegts"
	"vw/media/tscheck"
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

// TestALongSilenceIsNoHole puts all clocks forward: twice as far is more than half of
// what 33 bits can tell apart.
func TestALongSilenceIsNoHole(t *testing.T) {
	for _, silence := range []time.Duration{20 * time.Second, 6 * time.Hour, 8 * time.Hour, 12 * time.Hour} {
		ps := packets(t, "two of each")
		shift(ps[middle(t, ps, hasPCR):], true, []uint16{0x100, 0x101, 0x102, 0x103}, silence.Milliseconds())
		c := tscheck.New(tscheck.Options{MaxSilence: 24 * time.Hour})
		c.Write(joined(ps))
		if r := c.Report(); len(counts(r)) != 0 || r.Programs[0].Silences != 1 {
			t.Errorf("%v: faults %v, %d silences", silence, counts(r), r.Programs[0].Silences)
		}
	}
}

// TestAStreamThatEndsSoonAfterASilenceHasNoHole ends a stream behind the first stamps after
// a silence, before a second PCR. 20 h are nearer the end of what 33 bits hold.
func TestAStreamThatEndsSoonAfterASilenceHasNoHole(t *testing.T) {
	for _, begin := range []time.Duration{0, 20 * time.Hour, 26 * time.Hour} {
		ps := packets(t, "mpeg1video and mp2")
		both := []uint16{videoPID, audioPID}
		shift(ps, true, both, begin.Milliseconds())
		first := middle(t, ps, startOf(audioPID))
		shift(ps[first:], true, both, time.Hour.Milliseconds())
		next := first + slices.IndexFunc(ps[first:], hasPCR)
		pcr, _ := ps[next].PCR()
		ps = slices.Insert(ps, first, mpegts.Packet(mpegts.AppendPCR(nil, videoPID, ps[next].Continuity()-1, pcr)))
		for end := first + 2; end <= next; end++ {
			c := tscheck.New(tscheck.Options{MaxSilence: 2 * time.Hour})
			c.Write(joined(ps[:end]))
			if r := c.Report(); r.Programs[0].Tracks[0].Holes+r.Programs[0].Tracks[1].Holes > 0 || r.Programs[0].Silences != 1 {
				t.Errorf("from %v on, %d packets behind the silence: faults %v, %d silences", begin, end-first, counts(r), r.Programs[0].Silences)
			}
		}
	}
}

// TestAHoleIsFoundWhereverTheStampsBegin has pictures half a second late in streams whose
// stamps begin anywhere in the 26.5 h that 33 bits hold.
func TestAHoleIsFoundWhereverTheStampsBegin(t *testing.T) {
	for begin := range 27 {
		ps := packets(t, "mpeg1video and mp2")
		shift(ps, true, []uint16{videoPID, audioPID}, int64(begin)*time.Hour.Milliseconds())
		shift(ps[middle(t, ps, startOf(videoPID)):], false, []uint16{videoPID}, 550)
		if got := counts(check(joined(ps))); got["holes"] != 1 || len(got) != 1 {
			t.Errorf("from %d h on: faults %v, want one hole", begin, got)
		}
	}
}

// TestAHoleIsFoundSoonAfterASilence has pictures half a second late, half a second
// after 20 s in which there was nothing.
func TestAHoleIsFoundSoonAfterASilence(t *testing.T) {
	ps := packets(t, "mpeg1video and mp2")
	rest := ps[middle(t, ps, hasPCR):]
	shift(rest, true, []uint16{videoPID, audioPID}, 20_000)
	for range 13 {
		rest = rest[1+slices.IndexFunc(rest[1:], startOf(videoPID)):]
	}
	shift(rest, false, []uint16{videoPID}, 550)
	if got := counts(check(joined(ps))); got["holes"] != 1 || len(got) != 1 {
		t.Errorf("faults %v, want one hole", got)
	}
}
