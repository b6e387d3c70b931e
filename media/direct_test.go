package media_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"vw/media"
)

// A pipe is a Writer that takes some of the messages at once.
type pipe struct {
	takes func() bool  // at once
	waits func() error // of what it does not take at once; nil: not at all
	begun []byte       // a message of which TryWrite has written half
	got   []byte       // what came out of it
	tried int
}

func (p *pipe) TryWrite(m media.Message) (all bool) {
	b := bytes.Join(m.Parts, nil)
	n := len(b)
	if all = p.takes(); !all {
		n /= 2
		p.begun = b
	}
	p.tried++
	p.got = append(p.got, b[:n]...)
	return all
}

func (p *pipe) Write(m media.Message) error {
	b := bytes.Join(m.Parts, nil)
	if p.waits != nil {
		if err := p.waits(); err != nil {
			return err
		}
	}
	if p.begun != nil && !bytes.Equal(b, p.begun) {
		return errors.New("another message was begun")
	}
	if p.begun != nil {
		b = b[len(b)/2:]
	}
	p.begun = nil
	p.got = append(p.got, b...)
	return nil
}

func TestWhoBringsAChunkWritesItWhereNobodyNeedsToWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := media.NewRouter()
		src := newSource(20, 3)
		x := subscribe(t, r, media.Subscription{Name: "feed"})
		p := open(t, r, "feed")
		w := &pipe{takes: func() bool { return true }, waits: func() error { return errors.New("it has waited") }}
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		var wg sync.WaitGroup
		wg.Go(func() {
			if err := x.Forward(ctx, w); err != nil {
				t.Error(err)
			}
		})
		synctest.Wait()
		var sent []byte
		for range 50 {
			b := src.take(1)
			sent = append(sent, b...)
			p.send(t, b)
			synctest.Wait()
		}
		stop()
		wg.Wait()
		same(t, w.got, sent)
		p.send(t, src.take(1))
		synctest.Wait()
		if w.tried != 50 {
			t.Errorf("tried %d times", w.tried)
		}
	})
}

func TestWhatIsLeftOfAMessageIsWrittenBeforeTheNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := media.NewRouter()
		src := newSource(20, 3)
		x := subscribe(t, r, media.Subscription{Name: "feed"})
		random := rand.New(rand.NewPCG(1, 2))
		var got []byte
		var wg sync.WaitGroup
		p := open(t, r, "feed")
		var sent []byte
		for range 20 { // one writer after the other
			w := &pipe{takes: func() bool { return random.IntN(3) > 0 }}
			w.waits = func() error { time.Sleep(time.Duration(random.IntN(100)) * time.Millisecond); return nil }
			ctx, stop := context.WithCancel(t.Context())
			wg.Go(func() {
				if err := x.Forward(ctx, w); err != nil {
					t.Error(err)
				}
			})
			synctest.Wait()
			for range 20 {
				b := src.take(1)
				sent = append(sent, b...)
				p.send(t, b)
				time.Sleep(20 * time.Millisecond)
			}
			stop()
			wg.Wait()
			if w.begun != nil {
				t.Error("a message that was begun has not been written to its end")
			}
			got = append(got, w.got...)
		}
		same(t, append(got, waiting(x)...), sent)
		if i := x.Info(); i.Dropped > 0 || i.SentBytes != uint64(len(sent)) {
			t.Errorf("%+v", i)
		}
	})
}

func TestAMuteWaitsForAMessageThatWasBegun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := media.NewRouter()
		src := newSource(20, 3)
		cuts := make(chan struct{}, 1)
		x := subscribe(t, r, media.Subscription{Name: "feed", Cut: func() { cuts <- struct{}{} }})
		p := open(t, r, "feed")
		w := &pipe{takes: func() bool { return false }, waits: func() error { <-cuts; return errors.New("cut") }}
		failed := make(chan error)
		go func() { failed <- x.Forward(t.Context(), w) }()
		synctest.Wait()
		p.send(t, src.take(1))
		synctest.Wait()
		begun := time.Now()
		r.SetMutes([]string{"feed"}).Wait(t.Context())
		if waited := time.Since(begun); waited != 100*time.Millisecond {
			t.Errorf("waited for %v", waited)
		}
		if err := <-failed; err == nil || err.Error() != "cut" {
			t.Error(err)
		}
		if b := waiting(x); len(b) > 0 {
			t.Errorf("%d bytes of what is muted are handed out again", len(b))
		}
	})
}

// A buffered source comes in pieces, and tells how much of it has come.
type buffered struct {
	io.Reader
	come []int // bytes that may be read without waiting, after each read
}

func (b *buffered) Read(p []byte) (int, error) {
	b.come = b.come[1:]
	return b.Reader.Read(p)
}

func (b *buffered) Buffered() int { return b.come[0] }

func TestWhatHasComeTogetherIsWrittenTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := media.NewRouter()
		x := subscribe(t, r, media.Subscription{Name: "feed"})
		w := &pipe{takes: func() bool { return true }}
		ctx, stop := context.WithCancel(t.Context())
		go func() { _ = x.Forward(ctx, w) }()
		synctest.Wait()
		ts := newSource(100, 0).take(3)
		src := &buffered{pieces(ts, func() int { return 20 << 10 }), []int{0, 40 << 10, 20 << 10, 0, 0}}
		if err := r.Post("feed", nil).Copy(src); err != nil {
			t.Fatal(err)
		}
		stop()
		same(t, w.got, ts)
		if w.tried != 1 || len(ts) < 40<<10 {
			t.Errorf("%d messages for %d bytes", w.tried, len(ts))
		}
	})
}

func TestAWriterThatHasFailedIsNotTriedAgain(t *testing.T) {
	r := media.NewRouter()
	src := newSource(3, 0)
	x := subscribe(t, r, media.Subscription{Name: "feed"})
	p := open(t, r, "feed")
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		for ctx.Err() == nil {
			p.send(t, src.take(1))
		}
	})
	for range 2000 {
		w := &pipe{takes: func() bool { return false }, waits: func() error { return errors.New("broken") }}
		if err := x.Forward(t.Context(), w); err == nil {
			t.Fatal("it has not failed")
		}
	}
	stop()
	wg.Wait()
	if len(waiting(x)) == 0 {
		t.Error("nothing is handed out any more")
	}
}
