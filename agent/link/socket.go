package link

import (
	"net"
	"sync"
	"time"
)

// A socket is the connection under the websocket, TLS and all else. While it is
// tried nothing that is written to it waits: what the kernel does not take at
// once is kept, and leaves before what is written next.
type socket struct {
	net.Conn
	trial *trial // nil: it cannot be tried

	mu       sync.Mutex
	tried    bool
	waiting  int    // writes that may wait now
	rest     []byte // written, but not taken by the kernel yet
	deadline time.Time

	turn sync.Mutex // of those that may wait
}

func newSocket(c net.Conn) *socket {
	s := &socket{Conn: c}
	if tcp, ok := c.(*net.TCPConn); ok {
		if raw, err := tcp.SyscallConn(); err == nil {
			s.trial = newTrial(raw)
		}
	}
	return s
}

// NetConn is what the connection really is.
func (s *socket) NetConn() net.Conn { return s.Conn }

// SetWriteDeadline passes on a deadline that is not the one already set: the
// websocket sets it at every write, and every change is a timer's.
func (s *socket) SetWriteDeadline(t time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t.Equal(s.deadline) {
		return nil
	}
	s.deadline = t
	return s.Conn.SetWriteDeadline(t)
}

// try begins a time in which no write waits, whoever writes. It is false where one
// waits already.
func (s *socket) try() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tried = s.trial != nil && s.waiting == 0 && len(s.rest) == 0
	return s.tried
}

// endTry ends it, and reports whether the kernel has taken all.
func (s *socket) endTry() (all bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tried = false
	return len(s.rest) == 0
}

// Write writes what is left from before, and then b.
func (s *socket) Write(b []byte) (n int, err error) {
	s.mu.Lock()
	if s.tried {
		defer s.mu.Unlock()
		return s.writeNow(b)
	}
	s.waiting++
	s.mu.Unlock()
	n, err = s.wait(b)
	s.mu.Lock()
	s.waiting--
	s.mu.Unlock()
	return n, err
}

// writeNow writes what the kernel takes at once, and keeps the rest. The caller
// holds the lock.
func (s *socket) writeNow(b []byte) (n int, err error) {
	if len(s.rest) == 0 {
		n, err = s.trial.write(b)
	}
	if err == nil {
		s.rest = append(s.rest, b[n:]...)
		n = len(b)
	}
	return n, err
}

func (s *socket) wait(b []byte) (n int, err error) {
	s.turn.Lock()
	defer s.turn.Unlock()
	s.mu.Lock()
	rest := s.rest
	s.rest = nil
	s.mu.Unlock()
	if len(rest) > 0 {
		if _, err = s.Conn.Write(rest); err != nil {
			return 0, err
		}
	}
	if len(b) == 0 {
		return 0, nil
	}
	return s.Conn.Write(b)
}
