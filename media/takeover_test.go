package media_test

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"

	"vw/media"
	"vw/media/mpegts"
)

func TestSecondPostTakesOverWithItsFirstPacket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := media.NewRouter()
		reader := follow(t, r, media.Subscription{Name: "feed"})
		first, second := open(t, r, "feed"), open(t, r, "feed")
		before, after := newSource(4, 0).take(5), newSource(5, 0).take(5)

		first.send(t, before)
		second.send(t, after[:300]) // no three packets yet
		first.send(t, before)
		synctest.Wait()
		same(t, reader.got(), append(bytes.Clone(before), before...))

		second.send(t, after[300:])
		<-first.done
		if first.err != media.ErrTakenOver {
			t.Errorf("the first post ended with %v", first.err)
		}
		if err := second.finish(); err != nil {
			t.Errorf("the second post ended with %v", err)
		}
		synctest.Wait()
		same(t, reader.got(), bytes.Join([][]byte{before, before, after}, nil))
		if n := r.Feeds()["feed"].TakenOver; n != 1 {
			t.Errorf("taken over %d times", n)
		}
	})
}

func TestPostAfterAnotherHasEndedTakesNothingOver(t *testing.T) {
	r := media.NewRouter()
	for range 3 {
		copyAll(t, r, "feed", newSource(4, 0).take(5))
	}
	if i := r.Feeds()["feed"]; i.TakenOver != 0 || i.Source {
		t.Errorf("%+v", i)
	}
}

func TestPostThatIsNoTransportStreamLeavesTheFeedAsItWas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := media.NewRouter()
		reader := follow(t, r, media.Subscription{Name: "feed"})
		first, second := open(t, r, "feed"), open(t, r, "feed")
		ts := newSource(4, 0).take(10)
		first.send(t, ts[:5000])
		second.send(t, bytes.Repeat([]byte("no packets "), 1000))
		var no *media.NotTransportStreamError
		if err := second.finish(); !errors.As(err, &no) {
			t.Errorf("the second post ended with %v", err)
		}
		first.send(t, ts[5000:])
		if err := first.finish(); err != nil {
			t.Errorf("the first post ended with %v", err)
		}
		synctest.Wait()
		same(t, reader.got(), ts)
		if i := r.Feeds()["feed"]; i.TakenOver != 0 || i.SkippedBytes != 0 {
			t.Errorf("%+v", i)
		}
	})
}

func TestPacketsOfTwoPostsAreNeverMixed(t *testing.T) {
	const posts = 20
	r := media.NewRouter()
	reader := subscribe(t, r, media.Subscription{Name: "feed"})
	over := make(chan struct{})
	ended := make(chan error, posts)
	var wg sync.WaitGroup
	for i := range posts {
		var ts []byte
		for p := range mpegts.Packets(newSource(300, 0).frame()) {
			p = bytes.Clone(p)
			p.SetPID(0x200 + uint16(i))
			ts = append(ts, p...)
		}
		random := rand.New(rand.NewPCG(uint64(i), 0))
		evicted := make(chan struct{})
		src := io.MultiReader(
			pieces(ts[:200*mpegts.PacketSize], func() int { return 1 + random.IntN(1000) }),
			readerFunc(func([]byte) (int, error) {
				select {
				case <-evicted:
				case <-over:
				}
				return 0, io.EOF
			}),
			pieces(ts[200*mpegts.PacketSize:], func() int { return 5000 })) // what had come in before the end
		wg.Go(func() { ended <- r.Post("feed", sync.OnceFunc(func() { close(evicted) })).Copy(src) })
	}
	for range posts - 1 {
		if err := <-ended; err != media.ErrTakenOver {
			t.Errorf("a post ended with %v", err)
		}
	}
	close(over)
	wg.Wait()
	if err := <-ended; err != nil {
		t.Errorf("the last post ended with %v", err)
	}
	if n := r.Feeds()["feed"].TakenOver; n != posts-1 {
		t.Errorf("taken over %d times", n)
	}
	var last uint16
	seen := map[uint16]bool{}
	for p := range mpegts.Packets(waiting(reader)) {
		if p.PID() != last && seen[p.PID()] {
			t.Fatalf("post %#x goes on after another", p.PID())
		}
		last = p.PID()
		seen[last] = true
	}
	if len(seen) != posts {
		t.Errorf("packets of %d posts", len(seen))
	}
}
