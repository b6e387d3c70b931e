package media_test

import (
	"bytes"
	"context"
	"io"
	"slices"
	"sync"
	"testing"

	"vw/media"
	"vw/media/mpegts"
	"vw/media/tscheck"
)

// over is a context that has ended: with it Take does not wait.
func over() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

// subscribe adds a reader that has started, and closes it with the test.
func subscribe(t testing.TB, r *media.Router, o media.Subscription) *media.Subscriber {
	s := r.Subscribe(o)
	t.Cleanup(func() { s.Close() })
	s.Start()
	return s
}

// drain takes what waits, and leaves each message as it was handed out.
func drain(s *media.Subscriber) [][]byte {
	var messages [][]byte
	for {
		m, err := s.Take(over())
		if err != nil {
			return messages
		}
		messages = append(messages, bytes.Join(m.Parts, nil))
		s.Done(true)
	}
}

// waiting is what waits, in one piece.
func waiting(s *media.Subscriber) []byte { return bytes.Join(drain(s), nil) }

// A tail writes down what a subscriber is given, as a link's writer does.
type tail struct {
	*media.Subscriber
	end  func()
	mu   sync.Mutex
	data []byte
}

// follow starts a tail, which ends with the test.
func follow(t testing.TB, r *media.Router, o media.Subscription) *tail {
	ctx, cancel := context.WithCancel(context.Background())
	x := &tail{Subscriber: subscribe(t, r, o)}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			m, err := x.Take(ctx)
			if err != nil {
				return
			}
			if m.Len() > media.MaxMessage || !m.Text && m.Len()%mpegts.PacketSize != 0 {
				t.Errorf("a message of %d bytes", m.Len())
			}
			x.mu.Lock()
			x.data = append(x.data, bytes.Join(m.Parts, nil)...)
			x.mu.Unlock()
			x.Done(true)
		}
	})
	x.end = func() { cancel(); wg.Wait() }
	t.Cleanup(x.end)
	return x
}

// got is what has come so far.
func (x *tail) got() []byte {
	x.mu.Lock()
	defer x.mu.Unlock()
	return bytes.Clone(x.data)
}

// A post is a post that is under way: what is written to it is its body.
type post struct {
	*io.PipeWriter
	done chan struct{}
	err  error // once done is closed
}

// open posts to a feed until the test ends.
func open(t testing.TB, r *media.Router, feed string) *post {
	body, w := io.Pipe()
	p := &post{PipeWriter: w, done: make(chan struct{})}
	source := r.Post(feed, func() { body.CloseWithError(io.ErrClosedPipe) })
	go func() {
		defer close(p.done)
		p.err = source.Copy(body)
		body.CloseWithError(io.ErrClosedPipe)
	}()
	t.Cleanup(func() { p.finish() })
	return p
}

// send writes to the body.
func (p *post) send(t testing.TB, b []byte) {
	t.Helper()
	if _, err := p.Write(b); err != nil {
		t.Fatalf("post: %v", err)
	}
}

// finish ends the body and says how the post ended.
func (p *post) finish() error {
	p.Close()
	<-p.done
	return p.err
}

// copyAll posts b at once.
func copyAll(t testing.TB, r *media.Router, feed string, b []byte) {
	t.Helper()
	if err := r.Post(feed, nil).Copy(bytes.NewReader(b)); err != nil {
		t.Fatal(err)
	}
}

// same fails the test where got is not want, and says where they part.
func same(t testing.TB, got, want []byte) {
	t.Helper()
	if bytes.Equal(got, want) {
		return
	}
	n := 0
	for n < min(len(got), len(want)) && got[n] == want[n] {
		n++
	}
	t.Errorf("%d bytes, want %d: they part at %d", len(got), len(want), n)
}

// sound fails the test unless tscheck finds no fault in what a reader saw.
func sound(t testing.TB, b []byte) tscheck.Report {
	t.Helper()
	return faultless(t, b, tscheck.Options{})
}

// soundButUnfilled is sound where tracks were muted: a source's payloads are random, so
// that nothing can take their place, and the PMT leaves the track out; where all are left
// out, all pause. Out of a backlog
// the track that carried the clock may have been purged: the PCRs went with its packets.
func soundButUnfilled(t testing.TB, b []byte) tscheck.Report {
	t.Helper()
	r := faultless(t, b, tscheck.Options{MaxPCRInterval: queueAge, Interrupted: true})
	for _, p := range r.Programs {
		if p.TrackMoves > 0 {
			t.Errorf("tracks move: %+v", p.Moves)
		}
		pauses := !slices.ContainsFunc(p.Tracks, func(track tscheck.TrackReport) bool { return track.Holes == 0 })
		for _, track := range p.Tracks {
			if track.Holes > 0 && !pauses {
				t.Errorf("%d holes in PID %#x", track.Holes, track.PID)
			}
		}
	}
	return r
}

func faultless(t testing.TB, b []byte, o tscheck.Options) tscheck.Report {
	t.Helper()
	r := report(b, o)
	for _, fault := range r.Faults() {
		t.Error(fault)
	}
	return r
}

func report(b []byte, o ...tscheck.Options) tscheck.Report {
	c := tscheck.New(append(o, tscheck.Options{})[0])
	c.Write(b)
	return c.Report()
}
