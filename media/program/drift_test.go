package program_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"vw/media/mpegts"
	"vw/media/program"
	"vw/media/tscheck"
)

const ms = mpegts.PTSHz / 1000

// A run feeds devices to a program and follows what each one's stamps become.
type run struct {
	t       *testing.T
	p       *program.Program
	buf     []byte
	check   *tscheck.Checker // of all that comes out
	offsets map[string]int64 // output stamp less the device's, 33 bits wide
	at      map[string]time.Duration
}

func newRun(t *testing.T, feeds ...string) *run {
	return &run{t: t, p: selecting(feeds...), offsets: map[string]int64{}, at: map[string]time.Duration{}}
}

// send feeds one packet that opens a PES packet stamped stamp, and returns by
// how much the feed's offset has changed. ok is false if it did not come out.
func (r *run) send(feed string, packets []byte, stamp, at time.Duration) (change int64, ok bool) {
	r.buf = r.p.Append(r.buf[:0], feed, packets, at)
	if r.check != nil {
		r.check.Write(r.buf)
	}
	for q := range mpegts.Packets(r.buf) {
		s, opens := q.PES()
		if !opens {
			continue
		}
		pts, _ := s.PTS()
		offset := mpegts.PTSDelta(pts, uint64(ticks(stamp)))
		if _, known := r.offsets[feed]; known {
			change = mpegts.PTSDelta(uint64(offset), uint64(r.offsets[feed]))
		}
		r.offsets[feed] = offset
		return change, true
	}
	return 0, false
}

// apart is by how much b is played after a, where both have stamped the same
// moment with those stamps.
func (r *run) apart(a string, stampA time.Duration, b string, stampB time.Duration) int64 {
	return mpegts.PTSDelta(uint64(r.offsets[b]+ticks(stampB)), uint64(r.offsets[a]+ticks(stampA)))
}

func TestDriftOf100ppmIsSlewedFor30Days(t *testing.T) {
	const tick = 3 * time.Second
	const day = 24 * time.Hour
	for _, c := range []struct {
		name   string
		drifts [2]time.Duration // of video and audio, in parts per million
		length time.Duration
	}{
		{"the audio is fast", [2]time.Duration{0, 100}, 30 * day},
		{"the audio is slow", [2]time.Duration{0, -100}, day},
		{"the video is fast", [2]time.Duration{100, 0}, day},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRun(t, "v", "a")
			devices := map[string]*device{"v": camera(), "a": microphone()}
			for feed, d := range devices {
				r.p.Append(nil, feed, d.tables(), 0)
			}
			rnd := rand.New(rand.NewPCG(3, 4))
			var stamps [2]time.Duration
			for now := tick; now < c.length; now += tick {
				for i, feed := range [...]string{"v", "a"} {
					stamps[i] = now + now/1_000_000*c.drifts[i]
					at := now + time.Duration(i)*10*time.Millisecond + time.Duration(rnd.Int64N(int64(40*time.Millisecond)))
					if rnd.IntN(10) == 0 {
						at += 700 * time.Millisecond // a stall
					}
					r.at[feed] = max(at, r.at["v"], r.at["a"])
					change, ok := r.send(feed, devices[feed].frame(stamps[i]), stamps[i], r.at[feed])
					switch {
					case !ok:
						t.Fatalf("frame lost at %v", now)
					case i == 0 && change != 0:
						t.Fatalf("the clock was stepped by %d at %v", change, now)
					case change > ms*int64(tick/time.Second) || change < -ms*int64(tick/time.Second):
						t.Fatalf("the audio was stepped by %d ms at %v", change/ms, now)
					}
				}
				if d := r.apart("v", stamps[0], "a", stamps[1]); d > 100*ms || d < -100*ms {
					t.Fatalf("%d ms apart after %v", d/ms, now)
				}
			}
			if s := r.p.Stats(); s.Jumps != 0 {
				t.Errorf("%d jumps", s.Jumps)
			}
		})
	}
}

func TestRestartAfterLongDriftIsInTime(t *testing.T) {
	const tick = time.Second
	r := newRun(t, "v", "a")
	v, a := camera(), microphone()
	r.p.Append(nil, "v", v.tables(), 0)
	r.p.Append(nil, "a", a.tables(), 0)
	for now := tick; now < 6*time.Hour; now += tick {
		stamp := now - now/10_000
		r.send("v", v.frame(stamp), stamp, now)
		r.send("a", a.frame(now), now, now)
	}
	r.p.Restart("v")
	v = camera()
	now := 6*time.Hour + 10*time.Millisecond
	r.p.Append(nil, "v", v.tables(), now)
	r.send("v", v.frame(0), 0, now)
	if d := r.apart("v", 0, "a", now); d > 100*ms || d < -100*ms {
		t.Errorf("%d ms apart", d/ms)
	}
}

func TestJitterStallsAndBurstsDoNotMoveOffsets(t *testing.T) {
	const frame = 40 * time.Millisecond
	r := newRun(t, "v", "a")
	r.check = tscheck.New(tscheck.Options{})
	v, a := camera(), microphone()
	r.p.Append(nil, "v", v.tables(), 0)
	r.p.Append(nil, "a", a.tables(), 0)
	rnd := rand.New(rand.NewPCG(5, 6))
	var total int64
	var at time.Duration
	for now := frame; now < 10*time.Minute; now += frame {
		at = max(at, now+time.Duration(rnd.Int64N(int64(30*time.Millisecond))))
		r.send("v", v.frame(now), now, at)
		arrival := at
		if now%(7*time.Second) > 6400*time.Millisecond {
			arrival = now.Truncate(7*time.Second) + 7*time.Second // 600 ms are held up, and come at once
		}
		at = max(at, arrival)
		change, _ := r.send("a", a.frame(now), now, at)
		total += max(change, -change)
	}
	if total > 30*ms {
		t.Errorf("the audio's offset moved by %d ms in all", total/ms)
	}
	if d := r.apart("v", 0, "a", 0); d > 40*ms || d < -40*ms {
		t.Errorf("%d ms apart", d/ms)
	}
	for _, fault := range r.check.Report().Faults() {
		t.Error(fault)
	}
}

// A source that is late at its start, as ffmpeg is while it opens devices,
// must not push the program's time further with each restart.
func TestManyLateStartsDoNotAddUp(t *testing.T) {
	const frame = 40 * time.Millisecond
	r := newRun(t, "v", "a")
	a := microphone()
	r.p.Append(nil, "a", a.tables(), 0)
	var v *device
	var born, sent time.Duration // of the source, its last frame
	for now := frame; now < 30*time.Minute; now += frame {
		if now%(10*time.Second) < frame {
			v, born, sent = camera(), now, now
			r.p.Restart("v")
			r.p.Append(nil, "v", v.tables(), now)
		}
		r.send("a", a.frame(now), now, now)
		if v == nil || now-born > 8*time.Second {
			continue // killed
		}
		delay := max(0, 400*time.Millisecond-(now-born)/2)
		for ; sent+delay <= now; sent += frame {
			r.send("v", v.frame(sent-born), sent-born, now)
		}
		if d := r.apart("v", now-born, "a", now); now-born > time.Second && (d > 500*ms || d < -500*ms) {
			t.Fatalf("%d ms apart at %v", d/ms, now)
		}
	}
	// Program time begins 10 s before arrival time.
	if off := r.offsets["a"] - 10*mpegts.PTSHz; off > 500*ms || off < -500*ms {
		t.Errorf("program time is %d ms off", off/ms)
	}
}
