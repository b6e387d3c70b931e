package agent_test

import (
	"context"
	"io"
	"log/slog"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"vw/agent/forward"
	"vw/agent/link"
	"vw/command"
	"vw/media"
	"vw/testrelay"
)

// A bubble is a relay and an agent's destinations in a world of their own, in
// which time passes when everybody waits.
type bubble struct {
	*forward.Forwarder
	t     *testing.T
	relay *testrelay.Relay
	log   *logbook
}

// inBubble runs a test in a bubble.
func inBubble(t *testing.T, ping time.Duration, test func(b *bubble)) {
	t.Helper()
	inBubbleWith(t, testrelay.Config{}, ping, test)
}

func inBubbleWith(t *testing.T, c testrelay.Config, ping time.Duration, test func(b *bubble)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		relay, err := testrelay.New(c)
		if err != nil {
			t.Fatal(err)
		}
		ln := &pipes{accepted: make(chan net.Conn), closed: make(chan struct{})}
		ctx, cancel := context.WithCancel(context.Background())
		served := make(chan error, 1)
		go func() { served <- relay.Serve(ctx, ln) }()
		log := &logbook{}
		dialer := link.New(link.Config{Policy: link.Policy{Loopback: true}, Ping: ping, Dial: ln.dial})
		b := &bubble{forward.New(forward.Config{Router: media.NewRouter(), Dialer: dialer, Log: slog.New(slog.NewJSONHandler(log, nil))}), t, relay, log}
		defer func() {
			b.Close()
			cancel()
			if err := <-served; err != nil {
				t.Errorf("relay: %v", err)
			}
			if t.Failed() {
				t.Logf("log:\n%.20000s", log)
			}
		}()
		test(b)
	})
}

// route makes a rule the only one.
func (b *bubble) route(path string) {
	b.apply(command.Destination{ID: "0", Stream: "video0", Destination: "ws://localhost" + path})
}

func (b *bubble) apply(rule command.Destination) {
	b.Apply(map[string]command.Destination{rule.ID: rule}, nil).Wait(b.t.Context())
}

// flow feeds numbered packets at a steady pace until it is stopped.
func (b *bubble) flow(every time.Duration) (stop func() (sent int)) {
	read, write := io.Pipe()
	posted, quit := make(chan error, 1), make(chan struct{})
	go func() { posted <- b.Router.Post("video0", func() {}).Copy(read) }()
	sent := make(chan int)
	go func() {
		n := 0
		defer func() { sent <- n }()
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			if _, err := write.Write(numbered(1, n, 7)); err != nil {
				return
			}
			n += 7
			select {
			case <-quit:
				return
			case <-tick.C:
			}
		}
	}()
	return func() int {
		close(quit)
		n := <-sent
		write.Close()
		if err := <-posted; err != nil {
			b.t.Errorf("post: %v", err)
		}
		return n
	}
}

// pipes is a listener, and who dials it.
type pipes struct {
	accepted chan net.Conn
	once     sync.Once
	closed   chan struct{}
}

func (p *pipes) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	near, far := net.Pipe()
	select {
	case p.accepted <- far:
		return near, nil
	case <-p.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.accepted:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 80} }

// patient bounds a wait for something that must happen in the bubble.
func (b *bubble) patient() context.Context {
	ctx, cancel := context.WithTimeout(b.t.Context(), 2*time.Minute)
	b.t.Cleanup(cancel)
	return ctx
}
