package local

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"
)

const (
	// headerTimeout bounds how long a client may take to send its request's header.
	headerTimeout = 10 * time.Second
	// maxHeader bounds that header, in bytes.
	maxHeader = 32 << 10
	// idleTimeout is how long a connection without request is kept.
	idleTimeout = time.Minute
)

// A Server is the HTTP side that this machine sees.
type Server struct {
	handlers *handlers
	server   http.Server
	busy     sync.WaitGroup // connections, and handlers of hijacked ones
}

// New returns a server. Run has to be called, which closes the listeners.
func New(c Config) *Server {
	h := newHandlers(c)
	guarded := &guard{next: routes{h}, token: h.token, owner: c.Owner, log: c.Log}
	s := &Server{handlers: h}
	s.server = http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			s.busy.Add(1)
			defer s.busy.Done()
			guarded.ServeHTTP(w, r)
		}),
		ReadHeaderTimeout: headerTimeout,
		MaxHeaderBytes:    maxHeader,
		IdleTimeout:       idleTimeout,
		ConnContext:       withConn,
		ConnState:         s.count,
		ErrorLog:          slog.NewLogLogger(c.Log.Handler(), slog.LevelDebug),
	}
	return s
}

// URL is where this machine reaches the agent, without a slash at the end.
func (s *Server) URL() string {
	return fmt.Sprintf("http://127.0.0.1:%d", portOf(s.handlers.Listeners[0]))
}

// count keeps account of connections from the moment that they are accepted,
// so that none is missed at the end. Those that are hijacked are left to their
// handlers.
func (s *Server) count(_ net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		s.busy.Add(1)
	case http.StateClosed, http.StateHijacked:
		s.busy.Done()
	}
}

// Run serves until ctx ends: then posts and live replies are ended too, and
// waited for.
func (s *Server) Run(ctx context.Context) error {
	requests, end := context.WithCancelCause(context.WithoutCancel(ctx))
	s.server.BaseContext = func(net.Listener) context.Context { return requests }
	listeners := s.handlers.Listeners
	failed := make(chan error, 2) // 127.0.0.1 and ::1
	for _, l := range listeners {
		s.busy.Go(func() { failed <- s.server.Serve(listener{l}) })
	}
	if len(listeners) == 1 {
		s.busy.Go(func() {
			if six := lateIPv6(requests, portOf(listeners[0]), hasIPv6, s.handlers.Log); six != nil {
				failed <- s.server.Serve(listener{six})
			}
		})
	}
	var err error
	select {
	case <-ctx.Done():
	case err = <-failed:
		err = fmt.Errorf("serve HTTP: %w", err)
	}
	end(errStopping)
	err = errors.Join(err, s.server.Close())
	s.busy.Wait()
	return err
}
