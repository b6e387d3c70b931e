package media_test

import (
	"bytes"
	"fmt"
	"runtime"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"vw/media"
	"vw/media/mpegts"
)

// retable gives a source's packets another PMT, and moves tracks to other PIDs.
func retable(b []byte, moves map[uint16]uint16, tracks ...mpegts.Track) []byte {
	var out []byte
	for p := range mpegts.Packets(bytes.Clone(b)) {
		if p.PID() == pmtPID {
			pmt := mpegts.PMT{Program: 1, PCRPID: tracks[0].PID, Tracks: tracks}
			out, _ = mpegts.AppendSection(out, pmtPID, p.Continuity(), pmt.Section())
			continue
		}
		if to, ok := moves[p.PID()]; ok {
			p.SetPID(to)
		}
		out = append(out, p...)
	}
	return out
}

// leaked counts packets in out whose payload is that of a packet in of.
func leaked(out, of []byte) (n int) {
	tails := map[string]bool{}
	for p := range mpegts.Packets(of) {
		tails[string(p[100:])] = true
	}
	for p := range mpegts.Packets(out) {
		if tails[string(p[100:])] {
			n++
		}
	}
	return n
}

func TestOfAFeedMutedInPartLeavesWhatIsKnownToBeOfAnotherKind(t *testing.T) {
	const x = audioPID
	private := func(descriptors ...byte) mpegts.Track {
		return mpegts.Track{PID: x, Type: 0x06, Descriptors: descriptors}
	}
	klv := private([]byte("\x05\x04KLVA")...)
	for _, c := range []struct {
		name  string
		track mpegts.Track // beside the video
		mute  string
		stays bool
	}{
		{"sound, sound muted", mpegts.Track{PID: x, Type: 0x0f}, "av:audio", false},
		{"sound, picture muted", mpegts.Track{PID: x, Type: 0x0f}, "av:video", true},
		{"sound on a PID of tables, sound muted", mpegts.Track{PID: 0x1e, Type: 0x03}, "av:audio", false},
		{"sound on the PID of the SDT, sound muted", mpegts.Track{PID: 0x11, Type: 0x03}, "av:audio", false},
		{"sound on a PID of tables, picture muted", mpegts.Track{PID: 0x1e, Type: 0x03}, "av:video", true},
		{"private data, sound muted", private(), "av:audio", false},
		{"private data, picture muted", private(), "av:video", false},
		{"a stream type that nobody knows", mpegts.Track{PID: x, Type: 0x80}, "av:audio", false},
		{"KLV, sound muted", klv, "av:audio", true},
		{"KLV, picture muted", klv, "av:video", true},
		{"teletext", private(0x56, 5, 'e', 'n', 'g', 9, 0), "av:audio", true},
		{"an ID that no PMT names", mpegts.Track{}, "av:audio", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := media.NewRouter()
				r.SetStreams(map[string][]string{"s": {"av"}})
				tracks := []mpegts.Track{{PID: videoPID, Type: 0x02}, c.track}
				if c.track.PID == 0 {
					tracks = tracks[:1]
				}
				src, p := newSource(4, 2), open(t, r, "av")
				next := func() []byte {
					var b []byte
					for range 12 {
						f := retable(src.frame(), map[uint16]uint16{audioPID: max(c.track.PID, 0x10)}, tracks...)
						p.send(t, f)
						synctest.Wait()
						time.Sleep(frameTime)
						b = append(b, f...)
					}
					return only(b, max(c.track.PID, 0x10))
				}
				queued := []*media.Subscriber{subscribe(t, r, media.Subscription{Name: "av"}), subscribe(t, r, media.Subscription{Name: "s"})}
				of := next()
				r.SetMutes([]string{c.mute}).Wait(t.Context())
				live := []*media.Subscriber{subscribe(t, r, media.Subscription{Name: "av"}), subscribe(t, r, media.Subscription{Name: "s"})}
				of = append(of, next()...)
				for i, subs := range [][]*media.Subscriber{queued, live} {
					for j, sub := range subs {
						out := waiting(sub)
						streamed := j == 1 && c.track.PID < 0x20 && c.stays // its start waits for a stamp
						if n := leaked(out, of); (n > 0) != c.stays && !streamed {
							t.Errorf("%s of the %s: %d packets", []string{"backlog", "live"}[i], []string{"feed", "stream"}[j], n)
						}
						if c.mute == "av:audio" && j == 0 && len(only(out, videoPID)) == 0 {
							t.Error("the picture does not leave")
						}
					}
				}
			})
		})
	}
}

func TestAPacketIsJudgedByTheTablesUnderWhichItCameIn(t *testing.T) {
	// First sound is on a PID, then the picture, as when ffmpeg is started again
	// with a camera too.
	sound := retable(newSource(0, 4).take(10), map[uint16]uint16{audioPID: videoPID}, mpegts.Track{PID: videoPID, Type: 0x03})
	camera := newSource(3, 2)
	camera.counters[mpegts.PATPID], camera.counters[pmtPID] = 1, 1 // the tables go on
	picture := camera.take(10)
	early := only(newSource(0, 5).take(3), audioPID) // before any table
	for name, send := range map[string]func(*testing.T, *media.Router){
		"of a former source": func(t *testing.T, r *media.Router) {
			for _, b := range [][]byte{sound, picture} {
				p := open(t, r, "av")
				p.send(t, b)
				synctest.Wait()
				p.finish()
			}
		},
		"in one chunk": func(t *testing.T, r *media.Router) { copyAll(t, r, "av", append(bytes.Clone(sound), picture...)) },
		"before the tables, in one chunk": func(t *testing.T, r *media.Router) {
			copyAll(t, r, "av", slices.Concat(early, picture))
		},
	} {
		for _, when := range []string{"before", "after"} {
			t.Run(name+", muted "+when, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					r := media.NewRouter()
					x := subscribe(t, r, media.Subscription{Name: "av"})
					if when == "before" {
						r.SetMutes([]string{"av:audio"})
					}
					send(t, r)
					r.SetMutes([]string{"av:audio"})
					out := waiting(x)
					if n := leaked(out, slices.Concat(only(sound, videoPID), only(picture, audioPID), early)); n > 0 {
						t.Errorf("%d packets of sound leave", n)
					}
					if leaked(out, only(picture, videoPID)) != 30 {
						t.Error("the picture does not leave")
					}
				})
			})
		}
	}
}

func TestFeedOfMessagesMutedInPartIsMutedWhole(t *testing.T) {
	for _, part := range []string{"m:audio", "m:video"} {
		r := media.NewRouter()
		r.SetStreams(map[string][]string{"s": {"m"}, "part": {part}})
		from := subscribe(t, r, media.Subscription{Name: "m", Client: true})
		feed, stream := subscribe(t, r, media.Subscription{Name: "m"}), subscribe(t, r, media.Subscription{Name: "s"})
		ofPart := subscribe(t, r, media.Subscription{Name: "part"})
		send := func() {
			from.Send([]byte("hello"), true)
			from.Send(newSource(3, 2).take(3), false) // packets, but who knows
		}
		send()
		if n := len(drain(feed)); n != 2 {
			t.Fatalf("%d messages before the mute", n)
		}
		send()
		r.SetMutes([]string{part})
		send()
		for name, x := range map[string]*media.Subscriber{"feed": feed, "stream": stream, "stream of a part": ofPart} {
			if got := drain(x); len(got) > 0 {
				t.Errorf("%s, %s muted: %d messages", name, part, len(got))
			}
		}
		r.SetMutes(nil)
		send()
		if n := len(drain(stream)); n != 2 {
			t.Errorf("%d messages after the mute", n)
		}
	}
}

// A mute of everything under a thousand streams of the same feeds took minutes
// when each feed wired each of its streams anew. The bound is loose: it is the
// order of growth that counts.
func TestMuteIsDecidedOncePerFeedAndStream(t *testing.T) {
	feeds := make([]string, 256)
	for i := range feeds {
		feeds[i] = fmt.Sprintf("feed%d", i)
	}
	rules := map[string][]string{}
	for i := range 1000 {
		rules[fmt.Sprintf("s%d", i)] = feeds
	}
	r := media.NewRouter()
	begun := time.Now()
	r.SetStreams(rules)
	wired := time.Since(begun)
	for _, mutes := range [][]string{{media.MuteAll}, nil, {"feed7:audio"}, nil} {
		begun = time.Now()
		r.SetMutes(mutes)
		d := time.Since(begun)
		t.Logf("mutes %q: %v, wired in %v", mutes, d, wired)
		if d > 10*time.Second {
			t.Errorf("mutes %q took %v", mutes, d)
		}
	}
	rules["s0"] = feeds[1:]
	begun = time.Now()
	r.SetStreams(rules)
	t.Logf("one rule changed: %v", time.Since(begun))
	r.SetStreams(nil)
	if d := time.Since(begun); d > 10*time.Second {
		t.Errorf("to change a rule and delete all took %v", d)
	}
}

func TestBufferOfAMutedChunkIsNotUsedAgainBeforeTheMuteIsOver(t *testing.T) {
	if during, after := media.FreeDuringAChange(); during || !after {
		t.Errorf("free during it: %v, after it: %v", during, after)
	}
	if media.KeptByAChange() {
		t.Error("it is kept by the change")
	}
}

func TestMuteOfABacklogIsSharedByAllQueues(t *testing.T) {
	r := media.NewRouter()
	r.SetStreams(map[string][]string{"s": {"av"}})
	for range 1000 {
		subscribe(t, r, media.Subscription{Name: "s"})
	}
	copyAll(t, r, "av", newSource(100, 2).take(40)) // 1.6 s of 4 Mbit/s
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	begun := time.Now()
	r.SetStreams(map[string][]string{"s": {"av:video"}})
	t.Logf("took %v", time.Since(begun))
	runtime.ReadMemStats(&after)
	if n := after.TotalAlloc - before.TotalAlloc; n > 16<<20 {
		t.Errorf("%d MiB allocated for a backlog of 1 MiB", n>>20)
	}
}
