package program_test

import (
	"fmt"
	"testing"
	"time"

	"vw/media/mpegts"
)

// TestASourceThatHasEndedIsFilledSoon has one end whose pictures come at different
// rates: it is missed when the next but one is overdue, and after 0.1 s at least.
func TestASourceThatHasEndedIsFilledSoon(t *testing.T) {
	for _, c := range []struct {
		fps   int64
		after time.Duration
	}{{50, 100 * time.Millisecond}, {25, 100 * time.Millisecond}, {5, 300 * time.Millisecond}, {1, time.Second}} {
		r := &rig{feed: "v", camera: camera(), frame: mpegts.PTSHz / c.fps}
		p := selecting("v")
		events := r.filmed(30 * time.Second)
		play(t, p, events)
		p.End("v")
		due, ok := p.Due()
		if got := due - end(events); !ok || got < c.after-time.Millisecond || got > c.after+time.Millisecond {
			t.Errorf("at %d pictures a second it is missed after %v, want %v", c.fps, got, c.after)
		}
		if black := unitsOf(p.Fill(nil, due), 0x100); len(black) == 0 || !black[0].access {
			t.Errorf("at %d pictures a second nothing is black then", c.fps)
		}
	}
}

// TestASourceThatFollowsAtOnceShowsNoBlack has posts of one feed follow each other.
func TestASourceThatFollowsAtOnceShowsNoBlack(t *testing.T) {
	for _, c := range []struct {
		fps   int64
		pause time.Duration
		black bool
	}{{25, 60 * time.Millisecond, false}, {25, 90 * time.Millisecond, false}, {5, 250 * time.Millisecond, false}, {25, 150 * time.Millisecond, true}} {
		t.Run(fmt.Sprint(c.fps, " ", c.pause), func(t *testing.T) {
			r := &rig{feed: "v", camera: camera(), frame: mpegts.PTSHz / c.fps}
			p := selecting("v")
			first := r.filmed(5 * time.Second)
			out := play(t, p, first)
			p.End("v")
			at := end(first) + c.pause
			out = fill(p, out, at)
			p.Restart("v")
			second := r.filmed(5 * time.Second)
			for _, e := range second {
				out = fill(p, out, at+e.at)
				out = p.Append(out, e.feed, e.data, at+e.at)
			}
			sound(t, out)
			own := len(first) + len(second) - 2
			if all := len(unitsOf(out, 0x100)); (all > own) != c.black {
				t.Errorf("%d pictures, %d of the source", all, own)
			}
		})
	}
}
