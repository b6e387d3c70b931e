package media_test

import (
	"bytes"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"vw/media"
	"vw/media/mpegts"
)

// A stage is one feed, played frame by frame.
type stage struct {
	*media.Router
	*source
	post *post
	sent []byte
}

func newStage(t testing.TB, src *source) *stage {
	r := media.NewRouter()
	return &stage{Router: r, source: src, post: open(t, r, "feed")}
}

// play sends n frames, one every 40 ms.
func (s *stage) play(t testing.TB, n int) {
	for range n {
		b := s.frame()
		s.sent = append(s.sent, b...)
		s.post.send(t, b)
		time.Sleep(frameTime)
	}
	synctest.Wait()
}

// lastGroup is where in what was sent the tables before the newest random
// access point begin.
func (s *stage) lastGroup() int {
	for n := len(s.sent) - mpegts.PacketSize; n >= 0; n -= mpegts.PacketSize {
		if mpegts.Packet(s.sent[n:]).PID() == mpegts.PATPID {
			return n
		}
	}
	return -1
}

// tablesOnly are the newest tables that were sent.
func (s *stage) tablesOnly() []byte {
	n := s.lastGroup()
	return slices.Clone(s.sent[n : n+2*mpegts.PacketSize])
}

func TestJoinerGetsEverythingSinceTheLastRandomAccessPoint(t *testing.T) {
	for frames := range 10 {
		synctest.Test(t, func(t *testing.T) {
			s := newStage(t, newSource(5, 2))
			s.play(t, 21+frames)
			group := s.lastGroup()
			x := subscribe(t, s.Router, media.Subscription{Name: "feed", Client: true})
			same(t, waiting(x), s.sent[group:])
			s.play(t, 30)
			if got := waiting(x); !bytes.HasSuffix(s.sent, got) || len(got) == 0 {
				t.Error("what follows the start is not what came in")
			}
		})
	}
}

func TestJoinerGetsThePastOnlyWhereItIsShort(t *testing.T) {
	for _, c := range []struct {
		name   string
		src    *source
		frames int
		past   bool
	}{
		{"random access point 0.96 s old", newSource(3, 1), 24, true},
		{"random access point more than 1 s old", newSource(3, 1), 27, false},
		{"less than 4 MiB since", newSource(1000, 1), 22, true},
		{"more than 4 MiB since", newSource(1000, 1), 23, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c.src.group = 40
				s := newStage(t, c.src)
				s.play(t, c.frames)
				x := subscribe(t, s.Router, media.Subscription{Name: "feed", Client: true})
				if c.past {
					same(t, waiting(x), s.sent)
					before := len(s.sent)
					s.play(t, 5)
					same(t, waiting(x), s.sent[before:])
					return
				}
				same(t, waiting(x), s.tablesOnly())
				s.play(t, c.src.group-c.frames)
				if got := waiting(x); len(got) > 0 {
					t.Errorf("%d bytes of a group of pictures without its beginning", len(got))
				}
				s.play(t, 3)
				same(t, waiting(x), s.sent[s.lastGroup():])
				before := len(s.sent)
				s.play(t, 5)
				same(t, waiting(x), s.sent[before:])
			})
		})
	}
}

func TestJoinerWaitsForARandomAccessPointFor2SecondsAtMost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := newSource(3, 1)
		src.group = 1000
		s := newStage(t, src)
		s.play(t, 30)
		x := subscribe(t, s.Router, media.Subscription{Name: "feed"})
		same(t, waiting(x), s.tablesOnly())
		s.play(t, 50)
		if got := waiting(x); len(got) > 0 {
			t.Errorf("%d bytes in the first 2 s", len(got))
		}
		before := len(s.sent)
		s.play(t, 5)
		same(t, waiting(x), s.sent[before:])
	})
}

func TestJoinerOfAFeedWithoutVideoStartsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, newSource(0, 3))
		s.play(t, 14)
		x := subscribe(t, s.Router, media.Subscription{Name: "feed"})
		same(t, waiting(x), s.tablesOnly())
		before := len(s.sent)
		s.play(t, 2)
		same(t, waiting(x), s.sent[before:])
	})
}

func TestStopForgetsAndStartBeginsAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, newSource(5, 2))
		x := subscribe(t, s.Router, media.Subscription{Name: "feed"})
		s.play(t, 3)
		x.Stop()
		if got := waiting(x); len(got) > 0 {
			t.Errorf("%d bytes wait after Stop", len(got))
		}
		s.play(t, 12)
		if got := waiting(x); len(got) > 0 {
			t.Errorf("%d bytes came after Stop", len(got))
		}
		x.Start()
		same(t, waiting(x), s.sent[s.lastGroup():])
		x.Start()
		same(t, waiting(x), s.sent[s.lastGroup():])
		before := len(s.sent)
		s.play(t, 1)
		same(t, waiting(x), s.sent[before:])
	})
}

func TestDestinationGetsNothingFromBeforeItsRule(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, newSource(5, 2))
		s.play(t, 12)
		rule := s.Subscribe(media.Subscription{Name: "feed"}) // its link is not up
		defer rule.Close()
		s.play(t, 2)
		rule.Start()
		same(t, waiting(rule), s.tablesOnly())
		s.play(t, 8)
		same(t, waiting(rule), s.sent[s.lastGroup():])
		s.play(t, 2)
		rule.Start() // again, with a random access point since the rule
		same(t, waiting(rule), s.sent[s.lastGroup():])

		s.play(t, 3)
		rule.Follow("other", false)
		rule.Follow("feed", false) // a rule that was changed back is a new rule
		same(t, waiting(rule), s.tablesOnly())
	})
}

func TestJoinerOfAStreamGetsASoundStart(t *testing.T) {
	for frames := range 12 {
		synctest.Test(t, func(t *testing.T) {
			s := newStudio(t)
			s.SetStreams(map[string][]string{"s": {"v", "a"}})
			first := follow(t, s.Router, media.Subscription{Name: "s"})
			s.play(t, 2*time.Second+time.Duration(frames)*frameTime)
			x := subscribe(t, s.Router, media.Subscription{Name: "s", Client: true})
			start := waiting(x)
			if len(start) < 3*mpegts.PacketSize || mpegts.Packet(start).PID() != mpegts.PATPID || !isEntry(start[2*mpegts.PacketSize:]) {
				t.Error("the start is not tables and a random access point")
			}
			if n := len(start) / mpegts.PacketSize; n > 15*(8+2)+8 {
				t.Errorf("%d packets of the past: more than since the last random access point", n)
			}
			s.play(t, time.Second)
			all := append(start, waiting(x)...)
			if n := kinds(t, all, all); n["video"] == 0 || n["audio"] == 0 {
				t.Errorf("packets: %v", n)
			}
			sound(t, all)
			if !bytes.HasSuffix(first.got(), all[2*mpegts.PacketSize:]) {
				t.Error("what follows the tables is not the stream")
			}
		})
	}
}

func TestNewDestinationOfAStreamStartsAtARandomAccessPoint(t *testing.T) {
	for frames := range 12 {
		synctest.Test(t, func(t *testing.T) {
			s := newStudio(t)
			s.SetStreams(map[string][]string{"s": {"v", "a"}})
			s.play(t, 2*time.Second+time.Duration(frames)*frameTime)
			x := subscribe(t, s.Router, media.Subscription{Name: "s"})
			s.play(t, time.Second)
			all := waiting(x)
			sound(t, all)
			for p := range mpegts.Packets(all) {
				if p.PID() == mpegts.PATPID || p.PID() == 0x20 {
					continue
				}
				if !isEntry(p) {
					t.Errorf("%d frames: the first packet of PID %#x is no random access point", frames, p.PID())
				}
				break
			}
		})
	}
}

// What is replaced goes on until the next one can start: for who sees it, and for
// nobody who joins meanwhile.
func TestWhoJoinsGetsNothingOfWhatIsReplaced(t *testing.T) {
	went := 0
	for frames := range 12 {
		synctest.Test(t, func(t *testing.T) {
			s := newStudio(t)
			s.sources["av"].group = 35
			s.SetStreams(map[string][]string{"s": {"v", "a"}})
			stays := follow(t, s.Router, media.Subscription{Name: "s"})
			s.play(t, 2*time.Second+time.Duration(frames)*frameTime)
			before := len(stays.got())
			changed := s.SetStreams(map[string][]string{"s": {"av"}})
			joins := []*tail{follow(t, s.Router, media.Subscription{Name: "s"}), follow(t, s.Router, media.Subscription{Name: "s", Client: true})}
			s.play(t, frameTime)
			joins = append(joins, follow(t, s.Router, media.Subscription{Name: "s"}))
			s.play(t, 3*time.Second/2)
			changed.Wait(t.Context())
			joins = append(joins, follow(t, s.Router, media.Subscription{Name: "s", Client: true}))
			replaced := only(append(newSource(8, 0).take(100), newSource(0, 2).take(100)...), videoPID, audioPID)
			went += leaked(stays.got()[before:], replaced)
			s.play(t, time.Second)
			for i, x := range joins {
				all := x.got()
				if n := leaked(all, replaced); n > 0 {
					t.Errorf("%d frames, joiner %d: %d packets of what was replaced", frames, i, n)
				}
				if n := kinds(t, all, all); n["video"] == 0 || n["audio"] == 0 {
					t.Errorf("%d frames, joiner %d: packets: %v", frames, i, n)
				}
			}
		})
	}
	if went == 0 {
		t.Error("nothing of what is replaced went on")
	}
}

// A black picture that stands alone comes once a second, and for who joins at once.
func TestNewDestinationOfABlackStreamStartsSoon(t *testing.T) {
	camera, microphone := liveClip(t, "testsrc=s=160x112:r=25:d=10", "-c:v", "mpeg1video"), liveClip(t, "sine=d=10", "-c:a", "mp2")
	for tenths := range 12 {
		synctest.Test(t, func(t *testing.T) {
			r := media.NewRouter()
			playLive(t, r, "v", camera)
			playLive(t, r, "a", microphone)
			r.SetStreams(map[string][]string{"s": {"v", "a"}})
			time.Sleep(2 * time.Second)
			r.SetStreams(map[string][]string{"s": {"a"}})
			time.Sleep(time.Second + time.Duration(tenths)*100*time.Millisecond)
			x := subscribe(t, r, media.Subscription{Name: "s", OfStream: true})
			time.Sleep(100 * time.Millisecond)
			got := waiting(x)
			if !slices.ContainsFunc(slices.Collect(mpegts.Packets(got)), func(p mpegts.Packet) bool { return isEntry(p) }) {
				t.Errorf("no picture that stands alone among %d packets of the first 100 ms", len(got)/mpegts.PacketSize)
			}
			time.Sleep(time.Second)
			sound(t, append(got, waiting(x)...))
		})
	}
}

func TestMuteEmptiesTheStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStudio(t)
		s.SetStreams(map[string][]string{"s": {"v", "a"}})
		s.play(t, time.Second+3*frameTime)
		s.SetStreams(map[string][]string{"s": {"a"}})
		x := subscribe(t, s.Router, media.Subscription{Name: "s", Client: true})
		if got := waiting(x); len(got) > 2*mpegts.PacketSize {
			t.Errorf("%d bytes of the past after a mute", len(got))
		}
		s.SetStreams(map[string][]string{"s": {"v", "a"}})
		y := subscribe(t, s.Router, media.Subscription{Name: "s", Client: true})
		if got := waiting(y); len(got) > 2*mpegts.PacketSize {
			t.Errorf("%d bytes of the past after it was taken back", len(got))
		}
		s.play(t, time.Second)
		if got := waiting(y); kinds(t, got, got)["video"] == 0 {
			t.Error("the video does not come back")
		}
	})
}

func TestOwnersMuteEmptiesTheStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, newSource(5, 2))
		x := subscribe(t, s.Router, media.Subscription{Name: "feed"})
		s.play(t, 13)
		s.SetMutes([]string{"feed"})
		s.SetMutes(nil)
		x.Start()
		same(t, waiting(x), s.tablesOnly())
	})
}
