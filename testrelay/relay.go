package testrelay

import (
	"cmp"
	"context"
	"crypto/tls"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/gorilla/websocket"
	"golang.org/x/time/rate"
)

const (
	// headerWait is longer than any client's patience with a relay that
	// accepts and says nothing.
	headerWait = time.Minute
	// writeWait is how long a client may take nothing before it is cut off.
	writeWait = 10 * time.Second
	// sendBuffer is the kernel's for a client that goes on at key frames, in bytes:
	// what waits there is late, and cannot be dropped.
	sendBuffer = 256 << 10
	// closeWait is how long a client has to answer a close frame.
	closeWait = 500 * time.Millisecond
)

// Config says what a relay is. The zero value is a plain, open, well-behaved one.
type Config struct {
	// TLS makes the relay speak TLS. Defaults to nil: plaintext.
	TLS *TLS
	// Auth is how a client shows its token. Defaults to NoAuth.
	Auth Auth
	// Token is what a client has to show. Defaults to "", which nobody can
	// show; see also SetToken.
	Token string
	// CodeLife is how long a code of the access flow can be used. Defaults
	// to 30 s.
	CodeLife time.Duration
	// Keep keeps every message that arrives for subscriptions made later, in
	// memory and without bound. Defaults to false.
	Keep bool
	// QueueBytes bounds what is waiting for one client. When more is waiting
	// the oldest messages are dropped. Defaults to 8 MiB.
	QueueBytes int
	// MaxMessage bounds one incoming message, in bytes: a longer one ends its
	// sender's link with close code 1009. Defaults to QueueBytes.
	MaxMessage int
	// MaxClients and MaxTopics bound how many there are at a time: the next
	// handshake is answered 503. They default to a million.
	MaxClients, MaxTopics int
	// KeyFrames has whoever joins a topic of MPEG-TS begin with PAT, PMT and a
	// random access point of the video, for 2 s at most, and whoever is too slow
	// go on with the next one; what waits is joined. Defaults to false: every
	// message as it came.
	KeyFrames bool
	// PingInterval is the time between pings to every client, which is cut off
	// after three without an answer. Defaults to none.
	PingInterval time.Duration
	// Tokens tells what a token may do, in place of Token. Defaults to nil.
	Tokens Tokens
	// Certificate returns what the relay shows, in place of TLS, and has it
	// speak TLS 1.2 or later. Defaults to nil.
	Certificate func(*tls.ClientHelloInfo) (*tls.Certificate, error)
	// Visits is how many visits are remembered over all paths, with their
	// headers; -1 is none. Defaults to 10,000.
	Visits int
	// Log is told of links that come up and go. Defaults to nothing.
	Log *slog.Logger
}

func (c Config) withDefaults() Config {
	c.CodeLife = cmp.Or(c.CodeLife, 30*time.Second)
	c.QueueBytes = cmp.Or(c.QueueBytes, 8<<20)
	c.MaxMessage = cmp.Or(c.MaxMessage, c.QueueBytes)
	c.MaxClients = cmp.Or(c.MaxClients, 1_000_000)
	c.MaxTopics = cmp.Or(c.MaxTopics, 1_000_000)
	c.Visits = cmp.Or(c.Visits, 10_000)
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c
}

// Relay is a relay without a listener. What it has seen, its faults and its
// subscriptions outlive Serve, so that it can be served again.
type Relay struct {
	*journal
	*door
	*clients
	*topics
	*guard
	*authority // nil: no throw-away one

	cfg      Config
	upgrader websocket.Upgrader
	counters *counters
	refusals rate.Sometimes // that are logged
}

// New returns a relay. It fails only if certificates cannot be made.
func New(cfg Config) (*Relay, error) {
	cfg = cfg.withDefaults()
	r := &Relay{
		cfg:      cfg,
		journal:  &journal{limit: cfg.Visits},
		clients:  &clients{limit: cfg.MaxClients, all: map[*client]struct{}{}},
		topics:   &topics{keep: cfg.Keep, keyFrames: cfg.KeyFrames, limit: cfg.MaxTopics, all: map[string]*topic{}},
		refusals: rate.Sometimes{First: 10, Interval: time.Second},
	}
	r.door = newDoor(r.journal, cfg.MaxClients, cfg.Log)
	if cfg.KeyFrames {
		r.door.buffer = sendBuffer
	}
	r.guard = &guard{auth: cfg.Auth, tokens: cfg.Tokens, codeLife: cfg.CodeLife, token: cfg.Token,
		secure: cfg.TLS != nil || cfg.Certificate != nil, codes: map[string]code{}}
	r.counters = newCounters(r.clients.count, r.topics.count)
	r.upgrader.CheckOrigin = func(*http.Request) bool { return true }
	if cfg.TLS != nil {
		a, err := newAuthority(*cfg.TLS)
		if err != nil {
			return nil, err
		}
		r.authority = a
	}
	return r, nil
}

// Serve accepts clients on ln until ctx ends, which is no error, or ln fails.
// It closes ln, sends the clients a close frame (1001, going away) and
// returns when all of them are gone, after half a second at most. A relay is
// served on one listener at a time.
func (r *Relay) Serve(ctx context.Context, ln net.Listener) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var conns sync.WaitGroup
	srv := r.httpServer(ctx, &conns)
	r.clients.serve(true)
	var listener net.Listener = entrance{ln, r.door}
	switch {
	case r.authority != nil:
		listener = tls.NewListener(listener, r.authority.config)
	case r.cfg.Certificate != nil:
		listener = tls.NewListener(listener, &tls.Config{GetCertificate: r.cfg.Certificate, MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}})
	}
	if r.cfg.Tokens != nil {
		conns.Go(func() { r.watch(ctx) })
	}
	ended := make(chan error, 1)
	go func() { ended <- srv.Serve(listener) }()
	var err error
	select {
	case <-ctx.Done():
		ln.Close()
		<-ended
	case err = <-ended:
	}
	cancel()
	r.dismiss()
	srv.Close()
	conns.Wait()
	return err
}

// httpServer counts in conns every connection until its handler, or the
// server itself, has done with it: http.Server forgets those it upgraded.
func (r *Relay) httpServer(ctx context.Context, conns *sync.WaitGroup) *http.Server {
	return &http.Server{
		ReadHeaderTimeout: headerWait,
		IdleTimeout:       headerWait,
		ErrorLog:          log.New(io.Discard, "", 0),
		BaseContext:       func(net.Listener) context.Context { return ctx },
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			return context.WithValue(ctx, connKey{}, connOf(c))
		},
		ConnState: func(c net.Conn, state http.ConnState) {
			switch state {
			case http.StateNew:
				conns.Add(1)
			case http.StateHijacked:
				connOf(c).hijacked = true
			case http.StateClosed:
				conns.Done()
			}
		},
		Handler: http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			c := req.Context().Value(connKey{}).(*conn)
			defer func() {
				if c.hijacked {
					conns.Done()
				}
			}()
			r.handle(w, req, c)
		}),
	}
}

// watch sends those away whose token has expired or been taken back.
func (r *Relay) watch(ctx context.Context) {
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			r.clients.expel(r.guard)
		}
	}
}

// dismiss upgrades nobody any more and sees off who has been.
func (r *Relay) dismiss() {
	r.clients.serve(false)
	goodbye(r.clients.under("/"), websocket.CloseGoingAway)
}
