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

// A studio is a router with the feeds v, a and av, and a frame of each that is
// sent every 40 ms.
type studio struct {
	*media.Router
	sources map[string]*source
	posts   map[string]*post
}

func newStudio(t testing.TB) *studio {
	s := &studio{media.NewRouter(), map[string]*source{"v": newSource(8, 0), "a": newSource(0, 2), "av": newSource(9, 3)}, map[string]*post{}}
	for name := range s.sources {
		s.posts[name] = open(t, s.Router, name)
	}
	return s
}

// play sends for d, and lets what was sent last arrive.
func (s *studio) play(t testing.TB, d time.Duration) {
	for end := time.Now().Add(d); time.Now().Before(end); time.Sleep(frameTime) {
		for name, p := range s.posts {
			p.send(t, s.sources[name].frame())
		}
	}
	synctest.Wait()
}

// kinds counts the packets of each kind of track in b that came from a source, not
// from the filler; a reader has seen b's end from its start.
func kinds(t testing.TB, seen, b []byte) map[string]int {
	n := map[string]int{}
	for _, g := range soundButUnfilled(t, seen).Programs {
		for _, track := range g.Tracks {
			for p := range mpegts.Packets(only(b, track.PID)) {
				if !isFiller(p) {
					n[track.Kind]++
				}
			}
		}
	}
	return n
}

// isFiller reports whether a packet is not of a source of these tests, which is
// random up to its end. What stuffs it before its payload says nothing.
func isFiller(p mpegts.Packet) bool {
	end := p.Payload()
	end = end[max(0, len(end)-88):]
	return len(end) == 0 || bytes.Count(end, end[:1]) == len(end)
}

func TestNothingThatWasRemovedIsHandedOut(t *testing.T) {
	both, none := []string{"video", "audio"}, []string(nil)
	for _, c := range []struct {
		name string
		of   string // what the readers follow
		rule []string
		do   func(*studio) *media.PendingWrites
		undo func(*studio) *media.PendingWrites
		left []string // kinds
	}{
		{"a feed left out of the rule", "s", []string{"v", "a"},
			func(s *studio) *media.PendingWrites { return s.SetStreams(map[string][]string{"s": {"v"}}) }, nil, []string{"video"}},
		{"the feed of the clock left out of the rule", "s", []string{"v", "a"},
			func(s *studio) *media.PendingWrites { return s.SetStreams(map[string][]string{"s": {"a"}}) }, nil, []string{"audio"}},
		{"the sound of a feed left out", "s", []string{"av"},
			func(s *studio) *media.PendingWrites { return s.SetStreams(map[string][]string{"s": {"av:video"}}) }, nil, []string{"video"}},
		{"the picture of a feed left out", "s", []string{"av:video", "av:audio"},
			func(s *studio) *media.PendingWrites { return s.SetStreams(map[string][]string{"s": {"av:audio"}}) }, nil, []string{"audio"}},
		{"an empty rule", "s", []string{"v", "a"},
			func(s *studio) *media.PendingWrites { return s.SetStreams(map[string][]string{"s": {}}) }, nil, none},
		{"the rule deleted", "s", []string{"v", "a"},
			func(s *studio) *media.PendingWrites { return s.SetStreams(nil) }, nil, none},
		{"the sound muted by the owner", "s", []string{"av"},
			func(s *studio) *media.PendingWrites { return s.SetMutes([]string{"av:audio"}) },
			func(s *studio) *media.PendingWrites { return s.SetMutes(nil) }, []string{"video"}},
		{"a feed muted by the owner", "s", []string{"v", "a"},
			func(s *studio) *media.PendingWrites { return s.SetMutes([]string{"v"}) },
			func(s *studio) *media.PendingWrites { return s.SetMutes(nil) }, []string{"audio"}},
		{"all muted by the owner", "s", []string{"v", "av"},
			func(s *studio) *media.PendingWrites { return s.SetMutes([]string{media.MuteAll}) },
			func(s *studio) *media.PendingWrites { return s.SetMutes(nil) }, none},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStudio(t)
				rules := map[string][]string{"s": c.rule}
				s.SetStreams(rules)
				quick, slow := follow(t, s.Router, media.Subscription{Name: c.of}), subscribe(t, s.Router, media.Subscription{Name: c.of})
				s.play(t, time.Second)
				seen := waiting(slow)
				s.play(t, time.Second)
				seenQuick := quick.got()

				c.do(s).Wait(t.Context())
				backlog := waiting(slow)
				s.play(t, time.Second)
				backlog = append(backlog, waiting(slow)...)
				for p := range mpegts.Packets(backlog) {
					if _, opens := p.PES(); c.left == nil && opens && !isFiller(p) {
						t.Errorf("a packet of PID %#x", p.PID())
					}
				}
				if c.name == "the rule deleted" && len(backlog) > 0 {
					t.Errorf("%d bytes of a stream without a rule", len(backlog))
				}
				muted := quick.got()
				if kinds(t, muted, seenQuick)["video"] == 0 || kinds(t, muted, seenQuick)["audio"] == 0 {
					t.Fatal("there was nothing to remove")
				}

				if c.undo == nil {
					c.undo = func(s *studio) *media.PendingWrites { return s.SetStreams(rules) }
				}
				c.undo(s).Wait(t.Context())
				s.play(t, 2*time.Second)
				back := waiting(slow)
				all := quick.got()
				soundButUnfilled(t, all)
				for _, kind := range both {
					here := slices.Contains(c.left, kind)
					if n := kinds(t, all, muted[len(seenQuick):])[kind]; (n > 0) != here {
						t.Errorf("%d packets of %s after the change", n, kind)
					}
					if n := kinds(t, slices.Concat(seen, backlog, back), backlog)[kind]; (n > 0) != here {
						t.Errorf("%d packets of %s handed out of the backlog and after", n, kind)
					}
					if kinds(t, all, all[len(muted):])[kind] == 0 {
						t.Errorf("no %s after it has come back", kind)
					}
				}
			})
		})
	}
}

func TestOwnersMuteOfAFeedHoldsForThoseBeyondTheMachine(t *testing.T) {
	for _, c := range []struct {
		mute string
		left []uint16
	}{
		{"av", nil},
		{media.MuteAll, nil},
		{"av:audio", []uint16{mpegts.PATPID, pmtPID, videoPID}},
		{"av:video", []uint16{mpegts.PATPID, pmtPID, audioPID}},
	} {
		t.Run(c.mute, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStudio(t)
				quick, slow := follow(t, s.Router, media.Subscription{Name: "av"}), subscribe(t, s.Router, media.Subscription{Name: "av"})
				client := follow(t, s.Router, media.Subscription{Name: "av", Client: true})
				slowClient := subscribe(t, s.Router, media.Subscription{Name: "av", Client: true})
				s.play(t, time.Second)
				before := quick.got()
				s.SetMutes([]string{c.mute}).Wait(t.Context())
				late := subscribe(t, s.Router, media.Subscription{Name: "av"})
				same(t, waiting(slow), only(before, c.left...))
				same(t, waiting(slowClient), before)
				s.play(t, time.Second)
				all := client.got()
				same(t, quick.got(), append(bytes.Clone(before), only(all[len(before):], c.left...)...))
				same(t, waiting(slow), only(all[len(before):], c.left...))
				if got := waiting(late); len(got) != len(only(got, c.left...)) {
					t.Error("somebody who came later is given what is muted")
				}
				s.SetMutes(nil).Wait(t.Context())
				muted := quick.got()
				s.play(t, time.Second)
				same(t, quick.got()[len(muted):], client.got()[len(all):])
			})
		})
	}
}

func TestMuteWaitsForAWriteThatHoldsWhatItRemoves(t *testing.T) {
	for _, c := range []struct {
		name  string
		lasts time.Duration
		do    func(*studio, *media.Subscriber) *media.PendingWrites
		waits time.Duration
		cuts  int
	}{
		{"a short write", 60 * time.Millisecond, leaveOutSound, 60 * time.Millisecond, 0},
		{"a long write", time.Hour, leaveOutSound, 100 * time.Millisecond, 1},
		{"a write of what stays", time.Hour, func(s *studio, _ *media.Subscriber) *media.PendingWrites {
			return s.SetStreams(map[string][]string{"s": {"v", "a", "av"}})
		}, 0, 0},
		{"the rule deleted", time.Hour, func(s *studio, _ *media.Subscriber) *media.PendingWrites { return s.SetStreams(nil) }, 100 * time.Millisecond, 1},
		{"muted by the owner", time.Hour, func(s *studio, _ *media.Subscriber) *media.PendingWrites { return s.SetMutes([]string{"a"}) }, 100 * time.Millisecond, 1},
		{"another source", time.Hour, func(_ *studio, x *media.Subscriber) *media.PendingWrites { return x.Follow("v", false) }, 100 * time.Millisecond, 1},
		{"the same source", time.Hour, func(_ *studio, x *media.Subscriber) *media.PendingWrites { return x.Follow("s", true) }, 0, 0},
		{"closed", time.Hour, func(_ *studio, x *media.Subscriber) *media.PendingWrites { return x.Close() }, 100 * time.Millisecond, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStudio(t)
				s.SetStreams(map[string][]string{"s": {"v", "a"}})
				cuts := 0
				x := subscribe(t, s.Router, media.Subscription{Name: "s", Cut: func() { cuts++ }})
				s.play(t, 2*frameTime)
				if _, err := x.Take(over()); err != nil {
					t.Fatal(err)
				}
				end := time.AfterFunc(c.lasts, func() { x.Done(true) })
				defer end.Stop()
				begun := time.Now()
				together := &media.PendingWrites{}
				together.Join(c.do(s, x), &media.PendingWrites{})
				together.Wait(t.Context())
				if waited := time.Since(begun); waited != c.waits || cuts != c.cuts {
					t.Errorf("waited for %v, cut %d times", waited, cuts)
				}
			})
		})
	}
}

func leaveOutSound(s *studio, _ *media.Subscriber) *media.PendingWrites {
	return s.SetStreams(map[string][]string{"s": {"v"}})
}

func TestWaitForAWriteEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStudio(t)
		s.SetStreams(map[string][]string{"s": {"a"}})
		cut := false
		x := subscribe(t, s.Router, media.Subscription{Name: "s", Cut: func() { cut = true }})
		s.play(t, 2*frameTime)
		if _, err := x.Take(over()); err != nil {
			t.Fatal(err)
		}
		begun := time.Now()
		leaveOutSound(s, x).Wait(over())
		if !cut || time.Since(begun) > 0 {
			t.Errorf("cut %v after %v", cut, time.Since(begun))
		}
	})
}

func TestWriteThatFailedAfterAMuteIsNotHandedOutAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStudio(t)
		s.SetStreams(map[string][]string{"s": {"v", "a"}})
		x := subscribe(t, s.Router, media.Subscription{Name: "s"})
		s.play(t, time.Second)
		seen := waiting(x)
		s.play(t, 200*time.Millisecond)
		m, err := x.Take(over())
		if err != nil {
			t.Fatal(err)
		}
		failed := bytes.Join(m.Parts, nil)
		leaveOutSound(s, x)
		x.Done(false)
		s.play(t, time.Second)
		muted := waiting(x)
		if kinds(t, append(seen, muted...), failed)["audio"] == 0 {
			t.Fatal("there was no sound in the write")
		}
		if n := kinds(t, append(seen, muted...), muted); n["audio"] != 0 || n["video"] == 0 {
			t.Errorf("after the failed write: %v packets", n)
		}
	})
}

func TestEmptyMessageWhoseWriteFailedIsNotHandedOutAfterAMute(t *testing.T) {
	r := media.NewRouter()
	x := subscribe(t, r, media.Subscription{Name: "log"})
	sender := subscribe(t, r, media.Subscription{Name: "log", Client: true})
	if err := sender.Send(nil, true); err != nil {
		t.Fatal(err)
	}
	if _, err := x.Take(over()); err != nil {
		t.Fatal(err)
	}
	r.SetMutes([]string{"log"})
	x.Done(false)
	if m, err := x.Take(over()); err == nil {
		t.Errorf("%q of what is muted", m.Parts)
	}
}

func TestFiftyMutesUnderBacklogAreSound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStudio(t)
		rules := []map[string][]string{{"s": {"v", "a"}}, {"s": {"v"}}, {"s": {"v", "a"}}, {"s": {"a"}}}
		s.SetStreams(rules[0])
		x := subscribe(t, s.Router, media.Subscription{Name: "s"})
		var seen []byte
		for i := range 100 {
			s.SetStreams(rules[i%len(rules)]).Wait(t.Context())
			for range 7 {
				s.play(t, 2*frameTime)
				m, err := x.Take(over()) // one message for every two frames: a backlog
				if err == nil {
					seen = append(seen, bytes.Join(m.Parts, nil)...)
					x.Done(true)
				}
			}
		}
		seen = append(seen, waiting(x)...)
		for kind, n := range kinds(t, seen, seen) {
			if n < 500 {
				t.Errorf("%d packets of %s", n, kind)
			}
		}
	})
}

// The tables of a chunk go by themselves to who waits for its random access point, and
// are where that chunk begins.
func TestMuteOfABacklogTellsAChunkFromItsBeginning(t *testing.T) {
	for _, waitsFirst := range []bool{true, false} { // of the two readers
		synctest.Test(t, func(t *testing.T) {
			s := newStage(t, newSource(5, 0))
			goesOn := s.Subscribe(media.Subscription{Name: "feed"})
			defer goesOn.Close()
			s.play(t, 3)
			waits := s.Subscribe(media.Subscription{Name: "feed"})
			defer waits.Close()
			readers := []*media.Subscriber{goesOn, waits}
			if waitsFirst {
				slices.Reverse(readers)
			}
			for _, x := range readers {
				x.Start()
			}
			s.play(t, s.group-3)
			waiting(goesOn)
			waiting(waits)
			at := len(s.sent)
			s.play(t, 1)
			s.SetMutes([]string{"feed:audio"}).Wait(t.Context())
			same(t, waiting(goesOn), s.sent[at:])
			same(t, waiting(waits), s.sent[at:])
		})
	}
}
