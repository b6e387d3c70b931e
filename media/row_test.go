package media_test

import (
	"bytes"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"vw/media"
	"vw/media/mpegts"
)

// postTold posts b and returns what is told of its begin.
func postTold(t testing.TB, r *media.Router, b []byte) (told []int) {
	t.Helper()
	p := r.Post("feed", nil)
	p.Begun = func(posts int) { told = append(told, posts) }
	if err := p.Copy(bytes.NewReader(b)); err != nil {
		t.Fatal(err)
	}
	return told
}

// GStreamer's souphttpclientsink sends every buffer as a PUT of its own.
func TestPostsThatGoOnFromEachOtherAreOneSource(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := media.NewRouter()
		follower := subscribe(t, r, media.Subscription{Name: "feed"})
		pending := r.SetStreams(map[string][]string{"stream": {"feed"}})
		pending.Wait(t.Context())
		viewer := subscribe(t, r, media.Subscription{Name: "stream", Client: true})
		src := newSource(5, 2)
		var sent, seen []byte
		var told []int
		for range 100 * 25 {
			b := src.frame()
			sent = append(sent, b...)
			for part := range slices.Chunk(b, 3*mpegts.PacketSize) {
				told = append(told, postTold(t, r, part)...)
			}
			if i := r.Feeds()["feed"]; len(sent) > 8*mpegts.PacketSize && (!i.Source || len(i.Tracks) != 2 || int(i.Packets) != len(sent)/mpegts.PacketSize) {
				t.Fatalf("between two posts: %+v", i)
			}
			seen = append(seen, waiting(viewer)...)
			time.Sleep(frameTime)
			same(t, waiting(follower), b)
		}
		if i := r.Feeds()["feed"]; i.TakenOver != 0 || i.ContinuityErrors != 0 || i.Tracks[0].Packets != 100*25*5 {
			t.Errorf("in the end: %+v", i)
		}
		if len(told) != 3 || told[0] != 1 || told[1] != 2 {
			t.Errorf("in 100 s it is told of these posts: %v", told)
		}
		sound(t, seen)
		time.Sleep(3 * time.Second)
		if r.Feeds()["feed"].Source {
			t.Error("3 s after its last post the source is still there")
		}
		// it may come back, as another source
		if told := postTold(t, r, src.take(1)); !slices.Equal(told, []int{1}) {
			t.Errorf("after a pause it is told of these posts: %v", told)
		}
	})
}

// The next picture of a slow source is a post of its own too, and comes after 0.2 s, once
// after 0.7 s.
func TestPostsThatGoOnFromEachOtherAreNotFilled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := media.NewRouter()
		r.SetStreams(map[string][]string{"stream": {"feed"}}).Wait(t.Context())
		viewer := subscribe(t, r, media.Subscription{Name: "stream", Client: true})
		src := newSource(3, 0)
		var seen []byte
		for i := range 25 {
			b := src.frame()
			for p := range mpegts.Packets(b) {
				if pes, ok := p.PES(); ok && p.RandomAccess() { // that black pictures are made of
					copy(pes.Data(), "\x00\x00\x01\xb3\x14\x00\xf0\x13\xff\xff\xe0\x18\x00\x00\x01\x00")
				}
			}
			postTold(t, r, b)
			seen = append(seen, waiting(viewer)...)
			time.Sleep(5 * frameTime)
			if i == 12 {
				time.Sleep(500 * time.Millisecond)
			}
		}
		pictures := only(seen, 0x100)
		if n := len(pictures) / mpegts.PacketSize; n != 25*3 {
			t.Errorf("%d packets of pictures, want %d", n, 25*3)
		}
		time.Sleep(2 * time.Second)
		if len(only(waiting(viewer), 0x100)) == 0 {
			t.Error("when the last post is over for long, nothing is black")
		}
	})
}

// What was killed, comes late, or counts otherwise does not go on from it.
func TestPostThatDoesNotGoOnIsAnotherSource(t *testing.T) {
	for _, c := range []struct {
		name  string
		pause time.Duration
		end   error
		next  func(src *source) []byte
		posts int
	}{
		{"it goes on", time.Second, nil, func(src *source) []byte { return src.take(3) }, 2},
		{"a packet comes twice", time.Second, nil, func(src *source) []byte {
			src.counters[videoPID]--
			return only(src.take(1), videoPID, mpegts.PATPID)
		}, 1},
		{"a packet comes twice, the tables go on", time.Second, nil, func(src *source) []byte {
			src.counters[videoPID]--
			src.frames = 10
			return src.take(1)
		}, 2},
		{"it goes on late", 2100 * time.Millisecond, nil, func(src *source) []byte { return src.take(3) }, 1},
		{"the first was broken off", time.Second, io.ErrUnexpectedEOF, func(src *source) []byte { return src.take(3) }, 1},
		{"it begins from zero", time.Second, nil, func(*source) []byte { return newSource(5, 2).take(3) }, 1},
		{"a packet is missing", time.Second, nil, func(src *source) []byte { return src.take(3)[mpegts.PacketSize:] }, 1},
		{"it has other PIDs", time.Second, nil, func(src *source) []byte { return only(src.take(3), 0x1fff-1) }, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := media.NewRouter()
				src := newSource(5, 2)
				body := io.Reader(bytes.NewReader(src.take(9)))
				if c.end != nil {
					body = io.MultiReader(body, readerFunc(func([]byte) (int, error) { return 0, c.end }))
				}
				if err := r.Post("feed", nil).Copy(body); err != c.end {
					t.Fatal(err)
				}
				time.Sleep(c.pause)
				b := c.next(src)
				if len(b) == 0 { // a PID that nobody has seen
					b = bytes.Repeat(append([]byte{mpegts.SyncByte, 0x1f, 0xfe, 0x10}, make([]byte, mpegts.PacketSize-4)...), 3)
				}
				if told := postTold(t, r, b); !slices.Equal(told, []int{c.posts}) {
					t.Errorf("it is told of these posts: %v, want %d", told, c.posts)
				}
			})
		})
	}
}

func TestPostIsASourceBeforeItsFirstPacket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := media.NewRouter()
		p := open(t, r, "feed")
		p.send(t, []byte(strings.Repeat("a film of another kind ", 1000)))
		synctest.Wait()
		if i := r.Feeds()["feed"]; !i.Source || i.UnknownBytes != 23_000 {
			t.Errorf("while it is not known what it is: %+v", i)
		}
		p.send(t, newSource(5, 2).take(3))
		synctest.Wait()
		if i := r.Feeds()["feed"]; !i.Source || i.UnknownBytes != 0 || len(i.Tracks) != 2 {
			t.Errorf("when it is known: %+v", i)
		}
		if err := p.finish(); err != nil {
			t.Error(err)
		}
		if r.Feeds()["feed"].Source {
			t.Error("when it has ended there is a source")
		}
	})
}
