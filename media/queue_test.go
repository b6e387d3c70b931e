package media_test

import (
	"bytes"
	"fmt"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"vw/media"
	"vw/media/mpegts"
)

const (
	queueBytes = 8 << 20
	queueAge   = 2 * time.Second
	itemCost   = 200 // bytes that each chunk or message counts besides its own
)

// overflow sends frames to a reader that takes none, wait after each, until
// packets are dropped. It returns what was sent.
func overflow(t *testing.T, src *source, wait time.Duration, s *media.Subscriber, p *post) []byte {
	t.Helper()
	var sent []byte
	begun := time.Now()
	for {
		b := src.frame()
		sent = append(sent, b...)
		p.send(t, b)
		synctest.Wait()
		i := s.Info()
		if i.Bytes > queueBytes {
			t.Fatalf("%d bytes wait", i.Bytes)
		}
		age := time.Since(begun)
		switch full := len(sent) > queueBytes || age > queueAge; {
		case !full && i.Dropped > 0 && len(sent) < queueBytes*98/100: // the rest is what chunks cost
			t.Fatalf("%d packets dropped after %v and %d bytes", i.Dropped, age, len(sent))
		case full && i.Dropped == 0:
			t.Fatalf("none dropped after %v and %d bytes", age, len(sent))
		case i.Dropped > 0:
			if i.Bytes+int(i.Dropped)*mpegts.PacketSize != len(sent) {
				t.Fatalf("%d dropped and %d bytes waiting of %d bytes", i.Dropped, i.Bytes, len(sent))
			}
			return sent
		}
		time.Sleep(wait)
	}
}

func TestFullQueueDropsToTheNewestRandomAccessPoint(t *testing.T) {
	for _, c := range []struct {
		name string
		size int // of a frame, packets
		wait time.Duration
	}{
		{"after 8 MiB", 100, 0},
		{"after 8 MiB, frames larger than a chunk", 500, 0},
		{"after 2 s", 10, frameTime},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := media.NewRouter()
				s := subscribe(t, r, media.Subscription{Name: "feed"})
				src, p := newSource(c.size, 0), open(t, r, "feed")
				src.group = 7
				sent := overflow(t, src, c.wait, s, p)
				got := waiting(s)
				if !isEntry(got) || !bytes.HasSuffix(sent, got) {
					t.Fatalf("what is left is not the end of what was sent from a random access point on")
				}
				for rest := got[mpegts.PacketSize:]; len(rest) > 0; rest = rest[mpegts.PacketSize:] {
					if isEntry(rest) {
						t.Fatal("there is a newer random access point")
					}
				}
				more := src.take(30)
				p.send(t, more)
				synctest.Wait()
				same(t, waiting(s), more)
			})
		})
	}
}

func TestFullQueueDropsAllWhereNoRandomAccessPointMakesRoom(t *testing.T) {
	for _, c := range []struct {
		name         string
		video, audio int
		group, first int
		wait         time.Duration
	}{
		{"none, after 2 s", 0, 5, 1, 0, frameTime},
		{"none, after 8 MiB", 0, 100, 1, 0, 0},
		{"near its head, after 2 s", 10, 1, 1000, 0, frameTime},
		{"near its head, after 8 MiB", 100, 0, 1000, 0, 0},
		{"1.4 s old, after 2 s", 10, 0, 40, 25, frameTime},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := media.NewRouter()
				s := subscribe(t, r, media.Subscription{Name: "feed"})
				src, p := newSource(c.video, c.audio), open(t, r, "feed")
				src.group, src.frames = c.group, c.first
				overflow(t, src, c.wait, s, p)
				if got := waiting(s); len(got) > 0 {
					t.Errorf("%d bytes are left", len(got))
				}
				more := src.take(30)
				p.send(t, more)
				synctest.Wait()
				same(t, waiting(s), more)
			})
		})
	}
}

// talk is a feed of messages: who sends, and who listens.
func talk(t *testing.T) (sender, reader *media.Subscriber) {
	r := media.NewRouter()
	return subscribe(t, r, media.Subscription{Name: "feed", Client: true}), subscribe(t, r, media.Subscription{Name: "feed"})
}

func TestFullQueueDropsTheOldestMessages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sender, reader := talk(t)
		for i := range 12 {
			sender.Send(bytes.Repeat([]byte{byte(i)}, queueBytes/8-itemCost), false)
		}
		if i := reader.Info(); i.Dropped != 4 || i.Bytes != queueBytes-8*itemCost {
			t.Errorf("%+v", i)
		}
		got := drain(reader)
		if len(got) != 8 || got[0][0] != 4 || got[7][0] != 11 {
			t.Errorf("%d messages, the first %d", len(got), got[0][0])
		}
		for i := range 12 {
			sender.Send([]byte{byte(i)}, false)
			time.Sleep(queueAge / 4)
		}
		if got = drain(reader); len(got) != 5 || got[0][0] != 7 {
			t.Errorf("%d messages: %v", len(got), got)
		}
	})
}

// Whoever writes to a topic sends as many messages as it likes, of no byte even,
// to a reader who takes none. The bounds of time are loose: they tell a cost
// that grows with the square of what waits.
func TestFloodOfTinyMessagesIsBoundedAndHoldsNobodyUp(t *testing.T) {
	const flood = 1_000_000
	for _, size := range []int{0, 19} {
		r := media.NewRouter()
		reader := subscribe(t, r, media.Subscription{Name: "data", Client: true, Incoming: true})
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		flooded := make(chan struct{})
		begun := time.Now()
		go func() {
			defer close(flooded)
			for range flood {
				r.Deliver("data", make([]byte, size, 512), false) // as io.ReadAll returns them
			}
		}()
		other, feed := newSource(8, 0), open(t, r, "v")
		var longest time.Duration
		for going := true; going; {
			select {
			case <-flooded:
				going = false
			default:
				at := time.Now()
				feed.send(t, other.frame())
				r.SetMutes([]string{"v"})
				r.SetMutes(nil)
				longest = max(longest, time.Since(at))
			}
		}
		t.Logf("%d messages of %d bytes in %v; a frame and two mutes took %v at the most", flood, size, time.Since(begun), longest)
		if d := time.Since(begun); d > time.Minute || longest > 10*time.Second {
			t.Errorf("the flood took %v, and held others up for %v", d, longest)
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		if n := int64(after.HeapAlloc) - int64(before.HeapAlloc); n > 2*queueBytes {
			t.Errorf("%d MiB are held", n>>20)
		}
		i, most := reader.Info(), queueBytes/(itemCost+size)
		if waits := flood - int(i.Dropped); waits > most || i.Bytes != waits*size {
			t.Errorf("%d messages wait, %+v", waits, i)
		}
	}
}

func TestMessagesAreNeverJoinedCutOrReordered(t *testing.T) {
	sender, reader := talk(t)
	var want, got []string
	for i := range 60 {
		m := fmt.Sprintf("%d %t %s", i, i%3 == 0, bytes.Repeat([]byte("G"), 188*(i%7)*(i%50)))
		want = append(want, m)
		if err := sender.Send([]byte(m), i%3 == 0); err != nil {
			t.Fatal(err)
		}
	}
	for i := range want {
		m, err := reader.Take(over())
		if err != nil || m.Text != (i%3 == 0) {
			t.Fatalf("message %d: %v, text %v", i, err, m.Text)
		}
		got = append(got, string(bytes.Join(m.Parts, nil)))
		reader.Done(true)
	}
	for i, m := range want {
		if got[i] != m {
			t.Errorf("message %d: %d bytes, want %d", i, len(got[i]), len(m))
		}
	}
	if i := reader.Info(); i.Sent != 60 || i.Bytes != 0 {
		t.Errorf("%+v", i)
	}
}

func TestBacklogOfPacketsIsJoined(t *testing.T) {
	for size := 1; size < 60; size += 7 {
		synctest.Test(t, func(t *testing.T) {
			r := media.NewRouter()
			s := subscribe(t, r, media.Subscription{Name: "feed"})
			p := open(t, r, "feed")
			src := newSource(size, 0)
			var sent []byte
			for range 150 {
				b := src.frame()
				sent = append(sent, b...)
				p.send(t, b)
			}
			synctest.Wait()
			messages := drain(s)
			for i, m := range messages {
				if len(m)%mpegts.PacketSize != 0 || len(m) > media.MaxMessage {
					t.Errorf("a message of %d bytes", len(m))
				}
				if least := media.MaxMessage - (size+2)*mpegts.PacketSize; i < len(messages)-1 && len(m) < least {
					t.Errorf("a message of %d bytes: another chunk would have fitted", len(m))
				}
			}
			same(t, bytes.Join(messages, nil), sent)
			if i := s.Info(); i.SentBytes != uint64(len(sent)) || i.Sent != uint64(len(sent)/mpegts.PacketSize) {
				t.Errorf("%+v", i)
			}
		})
	}
}

func TestMessageThatWasNotWrittenIsHandedOutAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := media.NewRouter()
		s := subscribe(t, r, media.Subscription{Name: "feed"})
		ts := newSource(60, 0).take(30)
		copyAll(t, r, "feed", ts)
		for range 3 {
			m, err := s.Take(over())
			if err != nil {
				t.Fatal(err)
			}
			same(t, bytes.Join(m.Parts, nil), ts[:m.Len()])
			s.Done(false)
		}
		if i := s.Info(); i.Sent != 0 || i.Bytes != len(ts) {
			t.Errorf("%+v", i)
		}
		same(t, waiting(s), ts)
	})
}

func TestTakeWaitsUntilThereIsSomethingOrItIsClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sender, reader := talk(t)
		begun := time.Now()
		time.AfterFunc(time.Second, func() { sender.Send([]byte("late"), true) })
		if m, err := reader.Take(t.Context()); err != nil || string(m.Parts[0]) != "late" || time.Since(begun) != time.Second {
			t.Errorf("%q, %v after %v", m.Parts, err, time.Since(begun))
		}
		reader.Done(true)
		time.AfterFunc(time.Second, func() { reader.Close() })
		if _, err := reader.Take(t.Context()); err != media.ErrClosed {
			t.Errorf("%v", err)
		}
		if _, err := reader.Take(t.Context()); err != media.ErrClosed {
			t.Errorf("the second time: %v", err)
		}
	})
}
