package local

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"sync"
)

// readAhead is how much is read of a post's connection at once, in bytes: net/http
// reads 4 KiB, then the rest of an HTTP chunk, then what ends it.
const readAhead = 64 << 10

// A listener accepts connections that can read ahead.
type listener struct{ net.Listener }

func (l listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &conn{Conn: c}, nil
}

// aheads are buffers of connections that have ended: posts come and go.
var aheads = sync.Pool{New: func() any { return bufio.NewReaderSize(nil, readAhead) }}

// A conn reads ahead once it is told to.
type conn struct {
	net.Conn
	ahead *bufio.Reader
}

// Read gives the buffer back when the connection has ended. Only who reads does that:
// net/http watches a connection from another goroutine when a request has been read.
func (c *conn) Read(b []byte) (n int, err error) {
	if c.ahead == nil {
		return c.Conn.Read(b)
	}
	n, err = c.ahead.Read(b)
	if err != nil && c.ahead.Buffered() == 0 {
		c.ahead.Reset(nil)
		aheads.Put(c.ahead)
		c.ahead = nil
	}
	return n, err
}

// NetConn is what the connection really is.
func (c *conn) NetConn() net.Conn { return c.Conn }

type connKey struct{}

// withConn returns a context that tells a request's connection.
func withConn(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, c)
}

// A body tells what has been read ahead.
type body struct {
	io.Reader
	conn *conn
}

// Buffered returns how many bytes have come that Read need not wait for, at least.
func (b body) Buffered() int {
	if b.conn.ahead == nil {
		return 0
	}
	return b.conn.ahead.Buffered()
}

// readingAhead returns a request's body, of a connection that reads ahead from now
// on. One without a body is watched by net/http itself.
func readingAhead(r *http.Request) io.Reader {
	c, ok := r.Context().Value(connKey{}).(*conn)
	if !ok || r.ContentLength == 0 {
		return r.Body
	}
	if c.ahead == nil {
		c.ahead = aheads.Get().(*bufio.Reader)
		c.ahead.Reset(c.Conn)
	}
	return body{r.Body, c}
}
