package media_test

import (
	"bytes"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"vw/media"
)

// A program that reads each burst into one buffer passes every test but this:
// while one reader holds a message and another never reads, bursts come in and
// buffers go round.
func TestSlowReaderNeverSeesChangedBytes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := media.NewRouter()
		subscribe(t, r, media.Subscription{Name: "feed"}) // never reads
		slow := subscribe(t, r, media.Subscription{Name: "feed"})
		quick := follow(t, r, media.Subscription{Name: "feed"})
		r.SetStreams(map[string][]string{"stream": {"feed"}})
		stream := subscribe(t, r, media.Subscription{Name: "stream"})
		other := follow(t, r, media.Subscription{Name: "other"})

		var wg sync.WaitGroup
		var got []byte
		hold := func(s *media.Subscriber, keep func([]byte)) {
			random := rand.New(rand.NewPCG(5, 6))
			for {
				m, err := s.Take(t.Context())
				if err != nil {
					return
				}
				was := bytes.Join(m.Parts, nil)
				time.Sleep(time.Duration(random.IntN(9_000)) * time.Microsecond)
				same(t, bytes.Join(m.Parts, nil), was)
				keep(was)
				s.Done(true)
			}
		}
		wg.Go(func() { hold(slow, func(b []byte) { got = append(got, b...) }) })
		wg.Go(func() { hold(stream, func([]byte) {}) })

		var sent, sentOther []byte
		p, q := open(t, r, "feed"), open(t, r, "other")
		src, otherSrc := newSource(60, 3), newSource(7, 0)
		for range 800 {
			b, c := src.take(1+src.frames%3), otherSrc.take(3)
			sent, sentOther = append(sent, b...), append(sentOther, c...)
			p.send(t, b)
			q.send(t, c)
			time.Sleep(5 * time.Millisecond)
		}
		time.Sleep(time.Second)
		slow.Close()
		stream.Close()
		wg.Wait()
		same(t, quick.got(), sent)
		same(t, other.got(), sentOther)
		same(t, got, sent)
		if i := slow.Info(); i.Dropped != 0 {
			t.Errorf("%d packets dropped: the reader was too slow to show anything", i.Dropped)
		}
	})
}
