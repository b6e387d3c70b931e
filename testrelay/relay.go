package testrelay

import (
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
)

const (
	// headerWait is longer than any client's patience with a relay that
	// accepts and says nothing.
	headerWait = time.Minute
	// writeWait is how long a client may take nothing before it is cut off.
	writeWait = 10 * time.Second
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
	// the oldest messages are dropped. It bounds one incoming message too: a
	// longer one ends its sender's link with close code 1009. Defaults to 8 MiB.
	QueueBytes int
	// Log is told of links that come up and go. Defaults to nothing.
	Log *slog.Logger
}

func (c Config) withDefaults() Config {
	if c.CodeLife == 0 {
		c.CodeLife = 30 * time.Second
	}
	if c.QueueBytes == 0 {
		c.QueueBytes = 8 << 20
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c
}

// Relay is a relay without a listener. What it has seen, its faults and its
// subscriptions outlive Serve, so that it can be served again.
type Relay struct {
	cfg       Config
	authority *authority // nil: plaintext
	upgrader  websocket.Upgrader
	views     views

	mu       sync.Mutex
	serving  bool
	token    string
	codes    map[string]code
	faults   map[string]Faults
	conns    map[*conn]struct{}
	clients  map[*client]struct{}
	subs     map[*Subscription]struct{}
	kept     map[string][]Message // by topic; only if cfg.Keep
	visits   []*Visit
	accepted int
	changed  chan struct{} // closed at the next change; nil: nobody waits
}

// New returns a relay. It fails only if certificates cannot be made.
func New(cfg Config) (*Relay, error) {
	r := &Relay{
		cfg:     cfg.withDefaults(),
		token:   cfg.Token,
		codes:   make(map[string]code),
		faults:  make(map[string]Faults),
		conns:   make(map[*conn]struct{}),
		clients: make(map[*client]struct{}),
		subs:    make(map[*Subscription]struct{}),
		kept:    make(map[string][]Message),
	}
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
	r.mu.Lock()
	r.serving = true
	r.mu.Unlock()
	var listener net.Listener = &door{Listener: ln, relay: r}
	if r.authority != nil {
		listener = tls.NewListener(listener, r.authority.config)
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

// dismiss upgrades nobody any more and sees off who has been.
func (r *Relay) dismiss() {
	r.mu.Lock()
	r.serving = false
	clients := r.clientsUnder("/")
	r.mu.Unlock()
	goodbye(clients, websocket.CloseGoingAway)
}

// goodbye returns when every client has been sent a close frame or cut off.
func goodbye(clients []*client, code int) {
	var wg sync.WaitGroup
	for _, c := range clients {
		wg.Go(func() { c.goodbye(code) })
	}
	wg.Wait()
}

// notify wakes whoever awaits a change. Callers hold r.mu.
func (r *Relay) notify() {
	if r.changed != nil {
		close(r.changed)
		r.changed = nil
	}
}
