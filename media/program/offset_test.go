package program_test

import (
	"testing"
	"time"

	"vw/media/mpegts"
)

// duet is a camera and a microphone of one feed, on one clock.
func duet() (v, a *device, tables []byte) {
	v, a = camera(), microphone()
	a.pid, a.pcr = 0x101, false
	return v, a, v.tables(mpegts.Track{PID: a.pid, Type: a.coding})
}

func TestUnmutedFeedKeepsItsOffset(t *testing.T) {
	r := newRun(t, "v", "a")
	v, a := camera(), microphone()
	r.p.Append(nil, "v", v.tables(), 0)
	r.p.Append(nil, "a", a.tables(), 0)
	for now := frameTime; now < time.Minute; now += frameTime {
		switch now {
		case 20 * time.Second:
			r.p.Select(rule("v"))
		case 40 * time.Second:
			r.p.Select(rule("v", "a"))
			r.p.Append(nil, "a", a.tables(), now)
		}
		r.send("v", v.frame(now), now, now)
		late := time.Duration(0)
		if now == 40*time.Second {
			late = 30 * time.Millisecond
		}
		if change, ok := r.send("a", a.frame(now), now, now+late); change != 0 {
			t.Fatalf("moved by %d at %v", change, now)
		} else if muted := now >= 20*time.Second && now < 40*time.Second; ok == muted {
			t.Fatalf("passed: %v, at %v", ok, now)
		}
	}
}

func TestOneDamagedStampDoesNotDriveTimeAway(t *testing.T) {
	for _, wild := range []time.Duration{time.Hour, -time.Hour, 5 * time.Second, -5 * time.Second} {
		r := newRun(t, "v")
		v := camera()
		r.p.Append(nil, "v", v.tables(), 0)
		for i := range 100 {
			now := time.Duration(i+1) * frameTime
			stamp := now
			if i == 50 {
				stamp += wild
			}
			if _, ok := r.send("v", v.frame(stamp+2*time.Hour), stamp+2*time.Hour, now); !ok {
				t.Fatal("frame lost")
			}
		}
		want := 10*mpegts.PTSHz - ticks(2*time.Hour+frameTime)
		if off := r.offsets["v"] - want; off > 200*ms || off < 0 {
			t.Errorf("after a stamp that was %v off, time is %d ms off", wild, off/ms)
		}
	}
}

func TestDamagedDTSLosesThatStampAlone(t *testing.T) {
	v := camera()
	events := filmed("v", v, 20)
	now := 21 * frameTime
	head := pesHeader(0xe0, uint64(ticks(now)))
	head[7], head[8] = 0xc0, 10
	head = append(head[:14], 0x11, 0xfb, 0xed, 0xff, 0x01, 0xde, 0xad) // a DTS of hours later
	p := selecting("v")
	out := play(t, p, events, []event{{at: now, feed: "v", data: v.packet(head, now, true)}})
	now += frameTime
	out = p.Append(out, "v", v.frame(now), now)
	r := sound(t, out)
	if n := r.Programs[0].Tracks[0].Frames; n != 22 {
		t.Errorf("%d frames", n)
	}
	if d := r.Programs[0].Tracks[0].LastPTSSeconds - 10; d > 1 {
		t.Errorf("time has run %.0f s ahead", d)
	}
}

func TestDamagedFirstStampOfATrackDoesNotMoveTheOthers(t *testing.T) {
	for _, wild := range []time.Duration{0, time.Hour, -time.Hour} {
		r := newRun(t, "av")
		v, a, tables := duet()
		r.p.Append(nil, "av", tables, 0)
		for i := range 100 {
			now := time.Duration(i+1) * frameTime
			r.send("av", v.frame(now), now, now)
			if i == 50 {
				r.p.Append(nil, "av", a.frame(now+wild), now)
			} else if i > 50 {
				r.send("av", a.frame(now), now, now)
			}
			if off := r.offsets["av"] - 10*mpegts.PTSHz + ticks(frameTime); off > 200*ms || off < -200*ms {
				t.Fatalf("first stamp %v off: time is %d ms off at %v", wild, off/ms, now)
			}
		}
	}
}

func TestFeedThatJoinsIsAlignedToTheOthers(t *testing.T) {
	r := newRun(t, "v", "a")
	v, a := camera(), microphone()
	r.p.Append(nil, "v", v.tables(), 0)
	r.p.Append(nil, "a", a.tables(), 0)
	for now := frameTime; now < 20*time.Second; now += frameTime {
		late := max(0, 400*time.Millisecond-now/4) // as the source starts
		r.send("v", v.frame(now), now, now+late)
		if now > 15*time.Second {
			r.send("a", a.frame(now), now, now)
			if d := r.apart("v", now, "a", now); d > 20*ms || d < -20*ms {
				t.Fatalf("%d ms apart at %v", d/ms, now)
			}
		}
	}
}

func TestTracksThatJumpOneAfterTheOtherStayTogether(t *testing.T) {
	// The microphone sends every 200 ms, so it does not go back by 100 ms.
	for _, jump := range []time.Duration{-100 * time.Millisecond, -10 * time.Second, 10 * time.Second} {
		r := newRun(t, "av")
		v, a, tables := duet()
		r.p.Append(nil, "av", tables, 0)
		shift := func(now, since time.Duration) time.Duration {
			if now < since {
				return 0
			}
			return jump
		}
		out, offset := map[uint16]int64{}, map[uint16]int64{}
		for now := frameTime; now < 20*time.Second; now += frameTime {
			for _, x := range []struct {
				d     *device
				stamp time.Duration
			}{{v, now + shift(now, 10*time.Second)}, {a, now + shift(now, 10300*time.Millisecond)}} {
				if x.d == a && now%(200*time.Millisecond) != 0 {
					continue
				}
				r.buf = r.p.Append(r.buf[:0], "av", x.d.frame(x.stamp+time.Hour), now)
				for q := range mpegts.Packets(r.buf) {
					if s, ok := q.PES(); ok {
						dts, _ := s.DTS()
						if last, ok := out[q.PID()]; ok && int64(dts) <= last {
							t.Fatalf("PID %#x goes back at %v", q.PID(), now)
						}
						out[q.PID()] = int64(dts)
						// Before, between and behind the two jumps, all comes on time.
						off := int64(dts) - 10*mpegts.PTSHz - ticks(now-frameTime)
						if off > 150*ms || off < -150*ms {
							t.Fatalf("PID %#x is %d ms off at %v, jump %v", q.PID(), off/ms, now, jump)
						}
						offset[q.PID()] = off
					}
				}
			}
		}
		if d := offset[0x100] - offset[0x101]; d > 5*ms || d < -5*ms {
			t.Errorf("jump of %v: %d ms apart", jump, d/ms)
		}
	}
}

func TestFeedWithABacklogDoesNotTakeTheClock(t *testing.T) {
	v, a := camera(), microphone()
	events := filmed("a", a, 500)
	for _, e := range filmed("v", v, 400) {
		if e.at > 5*time.Second {
			e.at += 3 * time.Second // held up for 3 s, and late from then on
		}
		events = append(events, e)
	}
	r := newRun(t, "v", "a")
	out := play(t, r.p, events)
	last := int64(-1)
	var pid uint16
	var sections mpegts.SectionReader
	for q := range mpegts.Packets(out) {
		if q.PID() == 0x20 {
			sections.Feed(q, func(b []byte) {
				pmt, _ := mpegts.ParsePMT(b)
				pid = pmt.PCRPID
			})
		}
		if pcr, ok := q.PCR(); ok {
			if last >= 0 && (int64(pcr) < last || int64(pcr)-last > mpegts.PCRHz/5) {
				t.Fatalf("PCR %d after %d", pcr, last)
			}
			last = int64(pcr)
		}
	}
	if pid != videoPID(out) {
		t.Errorf("the PCR is on PID %#x", pid)
	}
}

// videoPID is the PID of the video in a stream's last PMT.
func videoPID(ts []byte) (pid uint16) {
	var sections mpegts.SectionReader
	for q := range mpegts.Packets(ts) {
		if q.PID() == 0x20 {
			sections.Feed(q, func(b []byte) {
				pmt, _ := mpegts.ParsePMT(b)
				for _, x := range pmt.Tracks {
					if _, kind := x.Codec(); kind == mpegts.Video {
						pid = x.PID
					}
				}
			})
		}
	}
	return pid
}

func TestBurstAfterAStallHasItsTables(t *testing.T) {
	d := camera()
	events := filmed("v", d, 250)
	for i := range events {
		if events[i].at > 2*time.Second {
			events[i].at = 10 * time.Second // 8 s at once
		}
	}
	sound(t, play(t, selecting("v"), events))
}

func TestOutputOfAStalledFeedComesInTheCallThatBringsIt(t *testing.T) {
	d := camera()
	p := selecting("v")
	for _, e := range filmed("v", d, 50) {
		before := p.Stats().Sent
		out := p.Append(nil, e.feed, e.data, e.at)
		if e.at > 0 && (len(out) == 0 || p.Stats().Sent != before+1) {
			t.Fatalf("held back at %v", e.at)
		}
	}
}
