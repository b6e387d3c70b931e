package media_test

import (
	"bytes"
	"cmp"
	"os/exec"
	"testing"
	"testing/synctest"
	"time"

	"vw/media"
	"vw/media/mpegts"
)

func TestFollowGoesOnOnTheSameLink(t *testing.T) {
	for _, c := range []struct {
		name  string
		first string
		next  []string
	}{
		{"from a stream to another", "s", []string{"x", "s", "x"}},
		{"from a feed to a stream", "v", []string{"x"}},
		{"from a feed to a stream and another", "av", []string{"s", "x"}},
		{"from a feed by way of another to a stream", "av", []string{"v", "x"}},
		{"from a stream by way of a feed to it", "s", []string{"v", "s"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStudio(t)
				s.SetStreams(map[string][]string{"s": {"v", "a"}, "x": {"av"}})
				quick, slow := follow(t, s.Router, media.Subscription{Name: c.first}), subscribe(t, s.Router, media.Subscription{Name: c.first})
				down := subscribe(t, s.Router, media.Subscription{Name: c.first}) // its link is, at each change
				var seen, seenDown []byte
				counted := func(b []byte) (n int64) {
					r := report(b)
					return r.ContinuityErrors + r.UnmarkedChanges
				}
				for _, name := range c.next {
					ofStream := len(name) == 1 && name != "v"
					s.play(t, time.Second+7*frameTime)
					seen, seenDown = append(seen, waiting(slow)...), append(seenDown, waiting(down)...)
					errorsDown := counted(seenDown)
					down.Stop()
					s.play(t, time.Second)
					before, errors := quick.got(), counted(seen)
					slow.Follow(name, ofStream)
					if got := slow.Info().Bytes; got > 2*mpegts.PacketSize {
						t.Errorf("%d bytes wait", got)
					}
					quick.Follow(name, ofStream).Wait(t.Context())
					down.Follow(name, ofStream)
					s.play(t, 100*time.Millisecond)
					down.Start()
					s.play(t, time.Second)
					if len(quick.got()) == len(before) {
						t.Error("nothing comes any more")
					}
					seen, seenDown = append(seen, waiting(slow)...), append(seenDown, waiting(down)...)
					if n := counted(seenDown) - errorsDown; ofStream && n > 0 {
						t.Errorf("%d errors in following %s while the link was down", n, name)
					}
					if n, m := counted(quick.got())-counted(before), counted(seen)-errors; ofStream && (n > 0 || m > 0) {
						t.Errorf("%d and %d errors in following %s", n, m, name)
					}
				}
			})
		})
	}
}

func TestReaderOfAFeedOfSeveralSourcesGoesOnToAStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStudio(t)
		s.SetStreams(map[string][]string{"x": {"av"}})
		x := follow(t, s.Router, media.Subscription{Name: "v"})
		s.play(t, time.Second)
		s.sources["v"] = newSource(0, 3) // no video any more
		s.posts["v"] = open(t, s.Router, "v")
		s.play(t, time.Second)
		before := x.got()
		x.Follow("x", true)
		s.play(t, time.Second)
		if n := report(x.got()).ContinuityErrors - report(before).ContinuityErrors; n != 0 {
			t.Errorf("%d continuity errors", n)
		}
	})
}

func TestBurstOfManyTablesIsCutIntoMessages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := media.NewRouter()
		r.SetStreams(map[string][]string{"s": {"feed"}})
		x := subscribe(t, r, media.Subscription{Name: "s"})
		copyAll(t, r, "feed", newSource(0, 1).take(400)) // 16 s of sound at once
		messages := drain(x)
		for _, m := range messages {
			if len(m) > media.MaxMessage || len(m)%mpegts.PacketSize != 0 {
				t.Errorf("a message of %d bytes", len(m))
			}
		}
		if n := len(only(bytes.Join(messages, nil), 0x100)); n < 400*mpegts.PacketSize {
			t.Errorf("%d bytes of sound", n)
		}
	})
}

func TestWhoFollowsAFeedFollowsTheStreamOfItsName(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStudio(t)
		x := follow(t, s.Router, media.Subscription{Name: "v"})
		s.play(t, time.Second)
		before := len(x.got())
		s.SetStreams(map[string][]string{"v": {"a"}}).Wait(t.Context())
		s.play(t, time.Second)
		if n := kinds(t, x.got()[before:], x.got()[before:]); n["audio"] == 0 || n["video"] > 0 {
			t.Errorf("packets: %v", n)
		}
		s.SetStreams(nil).Wait(t.Context())
		before = len(x.got())
		s.play(t, time.Second)
		if n := len(x.got()) - before; n > 0 {
			t.Errorf("%d bytes when the stream had been deleted: it is no feed again", n)
		}
		x.Follow("v", false)
		s.play(t, time.Second)
		if len(x.got()) == before {
			t.Error("a new rule does not get the feed")
		}
	})
}

func TestDeletedStreamIsSilentAndComesBackAsItWas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStudio(t)
		rules := map[string][]string{"s": {"a", "v"}}
		s.SetStreams(rules)
		x := follow(t, s.Router, media.Subscription{Name: "s"})
		linkDown := s.Subscribe(media.Subscription{Name: "s"})
		defer linkDown.Close()
		s.play(t, time.Second)
		pids := report(x.got()).Programs[0].Tracks
		s.SetStreams(nil).Wait(t.Context())
		silent := len(x.got())
		late := subscribe(t, s.Router, media.Subscription{Name: "s", OfStream: true})
		linkDown.Start()
		s.play(t, 3*time.Second)
		if len(x.got()) != silent || len(waiting(late)) > 0 || len(waiting(linkDown)) > 0 {
			t.Error("a deleted stream is not silent")
		}
		s.SetStreams(rules)
		s.play(t, time.Second)
		if len(x.got()) == silent {
			t.Error("the stream does not come back")
		}
		tracks := sound(t, x.got()).Programs[0].Tracks
		if len(tracks) != 2 || len(pids) != 2 || tracks[0].PID != pids[0].PID || tracks[0].Kind != pids[0].Kind {
			t.Errorf("tracks %+v, before %+v", tracks, pids)
		}
		if got := waiting(late); !bytes.HasSuffix(x.got(), got) || len(got) == 0 {
			t.Error("who waited for the stream does not get it")
		}

		// Nobody names it any more: the next of that name is a new one.
		for _, sub := range []*media.Subscriber{x.Subscriber, late, linkDown} {
			sub.Close()
		}
		s.SetStreams(nil)
		s.SetStreams(map[string][]string{"s": {"v"}})
		y := follow(t, s.Router, media.Subscription{Name: "s"})
		s.play(t, time.Second)
		if tracks := sound(t, y.got()).Programs[0].Tracks; len(tracks) != 1 || tracks[0].PID != 0x100 {
			t.Errorf("tracks of a new stream: %+v", tracks)
		}
	})
}

func TestTheSameRuleAgainChangesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStudio(t)
		rules := func() map[string][]string { return map[string][]string{"s": {"v", "a"}} }
		s.SetStreams(rules())
		s.play(t, time.Second+3*frameTime)
		x := subscribe(t, s.Router, media.Subscription{Name: "s", Client: true})
		waits := x.Info().Bytes
		s.SetStreams(rules())
		y := subscribe(t, s.Router, media.Subscription{Name: "s", Client: true})
		if got := y.Info().Bytes; x.Info().Bytes != waits || got != waits || waits < 10*mpegts.PacketSize {
			t.Errorf("%d bytes wait, %d before; %d for who joins", x.Info().Bytes, waits, got)
		}
	})
}

func TestRestartedSourceOfAStreamGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStudio(t)
		s.SetStreams(map[string][]string{"s": {"v", "a"}})
		x := follow(t, s.Router, media.Subscription{Name: "s"})
		for range 3 {
			s.play(t, time.Second)
			s.sources["v"] = newSource(8, 0)
			s.posts["v"] = open(t, s.Router, "v") // takes over
		}
		s.play(t, time.Second)
		for range 2 {
			s.posts["v"].finish()
			s.sources["v"] = newSource(8, 0)
			s.posts["v"] = open(t, s.Router, "v")
			s.play(t, time.Second)
		}
		if tracks := sound(t, x.got()).Programs[0].Tracks; len(tracks) != 2 {
			t.Errorf("%d tracks", len(tracks))
		}
	})
}

func TestNothingOfANewSourcePassesAStreamBeforeItsTables(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStudio(t)
		s.SetStreams(map[string][]string{"s": {"v"}})
		x := follow(t, s.Router, media.Subscription{Name: "s"})
		s.play(t, time.Second)
		before := len(x.got())
		s.sources["v"] = newSource(8, 0)
		s.sources["v"].take(3) // lost on the way
		s.posts["v"] = open(t, s.Router, "v")
		s.play(t, 7*frameTime)
		if n := len(x.got()) - before; n > 0 {
			t.Errorf("%d bytes", n)
		}
		s.play(t, time.Second)
		if len(x.got()) == before {
			t.Error("nothing passes after them")
		}
		sound(t, x.got())
	})
}

func TestMessagesPassAStreamOfNoTransportStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := media.NewRouter()
		r.SetStreams(map[string][]string{"s": {"chat", "log"}, "other": {"chat"}, "mixed": {"chat", "v"}})
		chat, log := subscribe(t, r, media.Subscription{Name: "chat", Client: true}), subscribe(t, r, media.Subscription{Name: "log", Client: true})
		s, other, mixed := subscribe(t, r, media.Subscription{Name: "s"}), subscribe(t, r, media.Subscription{Name: "other"}), subscribe(t, r, media.Subscription{Name: "mixed"})
		chat.Send([]byte("one"), true)
		log.Send([]byte("two"), false)
		for name, c := range map[string]struct {
			sub  *media.Subscriber
			want string
		}{"s": {s, "onetwo"}, "other": {other, "one"}, "mixed": {mixed, "one"}} {
			if got := string(waiting(c.sub)); got != c.want {
				t.Errorf("%s: %q", name, got)
			}
		}
		ts := newSource(4, 0).take(11)
		copyAll(t, r, "v", ts)
		waiting(mixed)
		chat.Send([]byte("three"), true)
		if got := string(waiting(s)); got != "three" {
			t.Errorf("s: %q", got)
		}
		if got := waiting(mixed); len(got) > 0 {
			t.Errorf("a message among packets: %q", got)
		}
		if n := r.Feeds()["chat"].LeftOut; n != 1 {
			t.Errorf("%d messages left out", n)
		}

		// A backlog of messages is purged by what they are of.
		waiting(s)
		chat.Send([]byte("four"), true)
		log.Send([]byte("five"), true)
		r.SetStreams(map[string][]string{"s": {"log"}})
		if got := string(waiting(s)); got != "five" {
			t.Errorf("after a mute: %q", got)
		}
	})
}

// A stream that is deleted and added again is sent on to whoever still reads it, in time from its first packet on.
func TestAStreamThatIsAddedAgainIsInTime(t *testing.T) {
	camera, microphone := liveClip(t, "testsrc=s=160x112:r=25:d=10", "-c:v", "mpeg1video"), liveClip(t, "sine=d=10", "-c:a", "mp2")
	for _, away := range []time.Duration{300 * time.Millisecond, 1200 * time.Millisecond, 5 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			r := media.NewRouter()
			playLive(t, r, "v", camera)
			playLive(t, r, "a", microphone)
			r.SetStreams(map[string][]string{"s": {"v", "a"}})
			x := follow(t, r, media.Subscription{Name: "s", OfStream: true})
			time.Sleep(3 * time.Second)
			r.SetStreams(nil)
			time.Sleep(away)
			r.SetStreams(map[string][]string{"s": {"v", "a"}})
			time.Sleep(time.Second)
			for _, fault := range report(x.got()).Faults() {
				t.Errorf("away for %v: %s", away, fault)
			}
		})
	}
}

// liveClip is 10 s of a source that keeps nothing back.
func liveClip(t testing.TB, source string, codec ...string) []byte {
	t.Helper()
	args := append([]string{"-nostdin", "-v", "error", "-f", "lavfi", "-i", source}, codec...)
	ts, err := exec.Command("ffmpeg", append(args, "-g", "12", "-bf", "0", "-muxdelay", "0.1", "-muxpreload", "0", "-f", "mpegts", "-")...).Output()
	if err != nil {
		t.Fatal(err)
	}
	return ts
}

// playLive posts a clip as fast as its time stamps say, until the test ends.
func playLive(t testing.TB, r *media.Router, feed string, ts []byte) {
	p := open(t, r, feed)
	ended := make(chan struct{})
	t.Cleanup(func() { p.Close(); <-ended })
	go func() {
		defer close(ended)
		begun, first := time.Now(), uint64(0)
		for q := range mpegts.Packets(ts) {
			if pes, ok := q.PES(); ok {
				dts, _ := pes.DTS()
				first = cmp.Or(first, dts)
				time.Sleep(time.Until(begun.Add(time.Duration(mpegts.PTSDelta(dts, first)) * time.Second / mpegts.PTSHz)))
			}
			if _, err := p.Write(q); err != nil {
				return // the test has ended
			}
		}
	}()
}
