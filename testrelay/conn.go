package testrelay

import (
	"crypto/tls"
	"errors"
	"net"
	"os"
	"sync"
	"time"
)

const (
	// stalledBuffer is the kernel's receive buffer, in bytes, of a connection
	// that is read slowly or not at all: the backlog shall be the sender's.
	stalledBuffer = 4 << 10
	// easedBuffer is what it becomes later: the kernel's own choice is not to
	// be had again.
	easedBuffer = 1 << 20
)

type connKey struct{}

func connOf(c net.Conn) *conn {
	if t, ok := c.(*tls.Conn); ok {
		c = t.NetConn()
	}
	return c.(*conn)
}

// conn is a connection whose reading can be held up. Deadlines are kept while
// it is: http.Server and the websocket end a Read by them.
type conn struct {
	net.Conn
	door     *door
	hijacked bool   // the handler's goroutine only
	path     string // door.mu; "" until a request has been read

	once   sync.Once
	closed chan struct{}

	mu       sync.Mutex
	stalled  bool
	rate     int // bytes per second; 0: as they come
	deadline time.Time
	eased    chan struct{} // closed when one of these changes
}

func (c *conn) pace(f Faults) {
	c.mu.Lock()
	defer c.mu.Unlock()
	slow, was := f.Stall || f.ReadRate > 0, c.stalled || c.rate > 0
	if tc, ok := c.Conn.(*net.TCPConn); ok && slow {
		tc.SetReadBuffer(stalledBuffer)
	} else if ok && was {
		tc.SetReadBuffer(easedBuffer)
	}
	c.stalled, c.rate = f.Stall, f.ReadRate
	c.ease()
}

func (c *conn) ease() {
	close(c.eased)
	c.eased = make(chan struct{})
}

// Read gives nothing away while the connection is stalled, not even what a
// read begun before had already fetched.
func (c *conn) Read(p []byte) (int, error) {
	if err := c.hold(0); err != nil {
		return 0, err
	}
	c.mu.Lock()
	rate := c.rate
	c.mu.Unlock()
	if rate > 0 { // ten reads a second at most
		p = p[:min(len(p), max(1, rate/10))]
	}
	n, err := c.Conn.Read(p)
	if n > 0 && errors.Is(c.hold(n), net.ErrClosed) {
		return 0, net.ErrClosed
	}
	return n, err
}

// hold waits while the connection is stalled and, at the present rate, for as
// long as n bytes take. It ends with the connection or the read deadline.
func (c *conn) hold(n int) error {
	paid := n == 0
	for {
		c.mu.Lock()
		stalled, rate, deadline, eased := c.stalled, c.rate, c.deadline, c.eased
		c.mu.Unlock()
		if !stalled && (paid || rate == 0) {
			return nil
		}
		var due, late <-chan time.Time
		if !stalled {
			due = time.After(time.Duration(n) * time.Second / time.Duration(rate))
		}
		if !deadline.IsZero() {
			late = time.After(time.Until(deadline))
		}
		select {
		case <-eased:
		case <-due:
			paid = true
		case <-late:
			return os.ErrDeadlineExceeded
		case <-c.closed:
			return net.ErrClosed
		}
	}
}

func (c *conn) SetDeadline(t time.Time) error {
	c.setReadDeadline(t)
	return c.Conn.SetDeadline(t)
}

func (c *conn) SetReadDeadline(t time.Time) error {
	c.setReadDeadline(t)
	return c.Conn.SetReadDeadline(t)
}

func (c *conn) setReadDeadline(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.deadline = t
	c.ease()
}

// Close closes the TCP connection, without a word to a peer that speaks TLS
// or websocket.
func (c *conn) Close() error {
	err := net.ErrClosed
	c.once.Do(func() {
		close(c.closed)
		c.door.forget(c)
		err = c.Conn.Close()
	})
	return err
}
