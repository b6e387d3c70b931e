package media_test

import (
	"testing"
	"testing/synctest"
	"time"

	"vw/media"
	"vw/media/mpegts"
)

func TestDropsOfAStreamAreLegalOnThatLinkAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStudio(t)
		s.SetStreams(map[string][]string{"s": {"v", "a"}})
		quick, slow := follow(t, s.Router, media.Subscription{Name: "s"}), subscribe(t, s.Router, media.Subscription{Name: "s"})
		feed := subscribe(t, s.Router, media.Subscription{Name: "v"})
		s.play(t, time.Second)
		seen := waiting(slow)
		for range 5 {
			s.play(t, 3*time.Second)
			if _, err := slow.Take(over()); err != nil {
				t.Fatal(err)
			}
			slow.Done(false) // what tells of the gap is not lost with a write
			seen = append(seen, waiting(slow)...)
		}
		if slow.Info().Dropped == 0 {
			t.Fatal("nothing was dropped")
		}
		if n := sound(t, seen).Programs[0].PCRJumps; n != 0 {
			t.Errorf("%d jumps", n)
		}
		if n := discontinuities(seen); n < 5 {
			t.Errorf("%d packets say that there is a gap", n)
		}
		sound(t, quick.got())
		if n := discontinuities(quick.got()); n != 0 {
			t.Errorf("%d gaps on a link that lost nothing", n)
		}
		if got := waiting(feed); feed.Info().Dropped == 0 || discontinuities(got) != 0 {
			t.Error("a packet was added to a feed's own")
		}
	})
}

func discontinuities(b []byte) (n int) {
	for p := range mpegts.Packets(b) {
		if p.Discontinuity() {
			n++
		}
	}
	return n
}

func TestDropsDuringAWriteThatFailsAreLegal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStudio(t)
		s.SetStreams(map[string][]string{"s": {"v", "a"}})
		x := subscribe(t, s.Router, media.Subscription{Name: "s"})
		s.play(t, time.Second)
		seen := waiting(x)
		for range 3 {
			s.play(t, 200*time.Millisecond)
			if _, err := x.Take(over()); err != nil {
				t.Fatal(err)
			}
			before := x.Info().Dropped
			s.play(t, 3*time.Second)
			if x.Info().Dropped == before {
				t.Fatal("nothing was dropped")
			}
			x.Done(false)
			seen = append(seen, waiting(x)...)
		}
		sound(t, seen)
	})
}

func TestMessagesOfAStreamWithGapsAreNoLonger(t *testing.T) {
	for size := 1; size < 30; size++ {
		synctest.Test(t, func(t *testing.T) {
			r := media.NewRouter()
			r.SetStreams(map[string][]string{"s": {"feed"}})
			x := subscribe(t, r, media.Subscription{Name: "s"})
			src, p := newSource(size, 1), open(t, r, "feed")
			for range 130 {
				p.send(t, src.frame())
				time.Sleep(frameTime / 2)
			}
			synctest.Wait()
			for _, m := range drain(x) {
				if len(m) > media.MaxMessage {
					t.Errorf("frames of %d packets: a message of %d bytes", size, len(m))
				}
			}
		})
	}
}

// TestWhatIsMutedInTheMiddleOfABacklogIsBridgedThere has a camera left out whose packets
// wait among others of its PID: the clocks between two pictures, and black ones.
func TestWhatIsMutedInTheMiddleOfABacklogIsBridgedThere(t *testing.T) {
	camera := liveClip(t, "testsrc2=s=160x112:r=3:d=10", "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")
	microphone := liveClip(t, "sine=d=10", "-c:a", "mp2")
	for tenths := range 10 {
		synctest.Test(t, func(t *testing.T) {
			r := media.NewRouter()
			playLive(t, r, "camera", camera)
			playLive(t, r, "microphone", microphone)
			with, without := map[string][]string{"s": {"camera", "microphone"}}, map[string][]string{"s": {"microphone"}}
			r.SetStreams(with)
			x := subscribe(t, r, media.Subscription{Name: "s"})
			time.Sleep(time.Second + time.Duration(tenths)*90*time.Millisecond)
			seen := waiting(x)
			time.Sleep(500 * time.Millisecond)
			r.SetStreams(without).Wait(t.Context())
			time.Sleep(200 * time.Millisecond)
			r.SetMutes([]string{"microphone"}).Wait(t.Context())
			time.Sleep(200 * time.Millisecond)
			if x.Info().Dropped > 0 {
				t.Fatal("more was removed than the camera")
			}
			seen = append(seen, waiting(x)...)
			time.Sleep(100 * time.Millisecond)
			seen = append(seen, waiting(x)...)
			if r := report(seen); r.ContinuityErrors > 0 {
				t.Errorf("%d tenths: %d continuity errors", tenths, r.ContinuityErrors)
			}
		})
	}
}

// TestTablesThatWereDroppedComeBeforeWhatIsLeft has a track come into a stream while a
// reader takes nothing: what that goes on with is of the new track too.
func TestTablesThatWereDroppedComeBeforeWhatIsLeft(t *testing.T) {
	for _, failed := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			s := newStudio(t)
			s.SetStreams(map[string][]string{"s": {"v"}})
			x := subscribe(t, s.Router, media.Subscription{Name: "s"})
			s.play(t, time.Second)
			seen := waiting(x)
			for _, rule := range []string{"a", "av"} {
				s.SetStreams(map[string][]string{"s": {"v", rule}})
				before := x.Info().Dropped
				s.play(t, 2500*time.Millisecond)
				if x.Info().Dropped == before {
					t.Fatal("nothing was dropped")
				}
				if failed { // the write that they come with
					if _, err := x.Take(over()); err != nil {
						t.Fatal(err)
					}
					x.Done(false)
				}
				got := waiting(x)
				tables := ""
				for p := range mpegts.Packets(got) {
					if p.HasPayload() {
						tables += map[uint16]string{0: "PAT ", 0x20: "PMT "}[p.PID()]
						if p.PID() >= 0x100 {
							break
						}
					}
				}
				if tables != "PAT PMT " {
					t.Errorf("failed %v: %q is before the first packet of a track", failed, tables)
				}
				seen = append(seen, got...)
			}
			sound(t, seen)
		})
	}
}

// TestReaderThatStartsAgainIsToldOfTheGap has a link go down and up again, with what came
// in meanwhile left out or what was sent before sent again: who reads at the other end has
// seen the counters of the link before.
func TestReaderThatStartsAgainIsToldOfTheGap(t *testing.T) {
	for name, meanwhile := range map[string]func(t *testing.T, s *studio, x *media.Subscriber){
		"nothing":        func(*testing.T, *studio, *media.Subscriber) {},
		"a picture":      func(t *testing.T, s *studio, _ *media.Subscriber) { s.play(t, frameTime) },
		"three seconds":  func(t *testing.T, s *studio, _ *media.Subscriber) { s.play(t, 3*time.Second) },
		"another stream": func(_ *testing.T, _ *studio, x *media.Subscriber) { x.Follow("other", true) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStudio(t)
				s.SetStreams(map[string][]string{"s": {"v", "a", "av"}, "other": {"av"}})
				x := subscribe(t, s.Router, media.Subscription{Name: "s"})
				s.play(t, time.Second)
				seen := waiting(x)
				if n := discontinuities(seen); n > 0 {
					t.Errorf("%d gaps announced at the first start", n)
				}
				for i := range 5 {
					x.Stop()
					meanwhile(t, s, x)
					x.Start()
					s.play(t, time.Duration(i)*200*time.Millisecond)
					seen = append(seen, waiting(x)...)
				}
				sound(t, seen)
			})
		})
	}
}
