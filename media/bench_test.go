package media_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"runtime"
	"sync"
	"testing"

	"vw/media"
	"vw/media/mpegts"
)

// frames is a second of a 4 Mbit/s feed with sound.
func frames() [][]byte {
	src := newSource(104, 3)
	var all [][]byte
	for range 25 {
		all = append(all, src.frame())
	}
	return all
}

// clip gives frame after frame, round and round, n times in all.
func clip(frames [][]byte, n int) io.Reader {
	i := 0
	var rest []byte
	return readerFunc(func(p []byte) (int, error) {
		if len(rest) == 0 {
			if i == n {
				return 0, io.EOF
			}
			rest = frames[i%len(frames)]
			i++
		}
		k := copy(p, rest)
		rest = rest[k:]
		return k, nil
	})
}

// pump sends frames through a router to as many readers, no faster than they
// read. A frame is one operation. The bytes are those of the feed.
func pump(b *testing.B, name string, readers int, rules map[string][]string) {
	all := frames()
	r := media.NewRouter()
	r.SetStreams(rules)
	var wg sync.WaitGroup
	var subs []*media.Subscriber
	for range readers {
		s := subscribe(b, r, media.Subscription{Name: name})
		subs = append(subs, s)
		wg.Go(func() {
			for {
				if _, err := s.Take(context.Background()); err != nil {
					return
				}
				s.Done(true)
			}
		})
	}
	b.SetBytes(int64(len(bytes.Join(all, nil)) / len(all)))
	b.ReportAllocs()
	b.ResetTimer()
	src := clip(all, b.N)
	caughtUp := func() {
		for _, s := range subs {
			for s.Info().Bytes > 0 {
				runtime.Gosched()
			}
		}
	}
	reads := 0
	err := r.Post("feed", nil).Copy(readerFunc(func(p []byte) (int, error) {
		if reads++; reads%100 == 0 { // at most 6 MiB
			caughtUp()
		}
		return src.Read(p)
	}))
	if err != nil {
		b.Fatal(err)
	}
	caughtUp()
	b.StopTimer()
	for _, s := range subs {
		if n := s.Info().Dropped; n > 0 {
			b.Errorf("%d packets dropped", n)
		}
		s.Close()
	}
	wg.Wait()
}

func BenchmarkReader(b *testing.B) { pump(b, "feed", 0, nil) }

func BenchmarkFanOut(b *testing.B) {
	for _, n := range []int{1, 10, 50} {
		b.Run(fmt.Sprint(n), func(b *testing.B) { pump(b, "feed", n, nil) })
	}
}

func BenchmarkStream(b *testing.B) {
	for _, n := range []int{1, 10, 50} {
		b.Run(fmt.Sprint(n), func(b *testing.B) { pump(b, "s", n, map[string][]string{"s": {"feed"}}) })
	}
}

// BenchmarkQueue is a reader that is always behind: its queue is full all the
// time, drops, and is handed out joined.
func BenchmarkQueue(b *testing.B) {
	r := media.NewRouter()
	s := subscribe(b, r, media.Subscription{Name: "feed"})
	all := frames()
	n := 0
	src := clip(all, b.N)
	b.SetBytes(int64(len(bytes.Join(all, nil)) / len(all)))
	b.ReportAllocs()
	b.ResetTimer()
	err := r.Post("feed", nil).Copy(readerFunc(func(p []byte) (int, error) {
		if n++; n%1000 == 0 {
			for range 20 {
				if m, err := s.Take(over()); err == nil && m.Len()%mpegts.PacketSize == 0 {
					s.Done(true)
				}
			}
		}
		return src.Read(p)
	}))
	if err != nil {
		b.Fatal(err)
	}
}
