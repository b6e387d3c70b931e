package testrelay

import (
	"context"
	"fmt"
	"net"
	"sync"
)

// Server is a relay on a loopback port of its own.
type Server struct {
	*Relay
	addr string

	mu     sync.Mutex
	cancel context.CancelFunc
	ended  chan error // nil: closed
}

// Listen starts a relay on a free port of 127.0.0.1.
func Listen(cfg Config) (*Server, error) {
	relay, err := New(cfg)
	if err != nil {
		return nil, err
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	s := &Server{Relay: relay, addr: ln.Addr().String()}
	s.serve(ln)
	return s, nil
}

// URL is "ws://127.0.0.1:port", or "wss://…" with TLS; a path is to be added.
func (s *Server) URL() string {
	if s.guard.secure {
		return "wss://" + s.addr
	}
	return "ws://" + s.addr
}

// Close stops listening and returns when every client is gone: at once if
// they answer close frames, else after half a second. To be without such
// manners, Drop("/") first. Closing again does nothing.
func (s *Server) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended == nil {
		return nil
	}
	s.cancel()
	err := <-s.ended
	s.ended = nil
	return err
}

// Reopen listens again, on the same address, after Close. Faults, token,
// visits and subscriptions are as they were. If it is open nothing happens.
func (s *Server) Reopen() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended != nil {
		return nil
	}
	ln, err := net.Listen("tcp", s.addr)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	s.serve(ln)
	return nil
}

func (s *Server) serve(ln net.Listener) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	s.cancel, s.ended = cancel, ended
	go func() { ended <- s.Serve(ctx, ln) }()
}
