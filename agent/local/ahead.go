package local

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
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

// A conn reads ahead once it is told to.
type conn struct {
	net.Conn
	ahead *bufio.Reader
}

func (c *conn) Read(b []byte) (int, error) {
	if c.ahead == nil {
		return c.Conn.Read(b)
	}
	return c.ahead.Read(b)
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
func (b body) Buffered() int { return b.conn.ahead.Buffered() }

// readingAhead returns a request's body, of a connection that reads ahead from now
// on. One without a body is watched by net/http itself.
func readingAhead(r *http.Request) io.Reader {
	c, ok := r.Context().Value(connKey{}).(*conn)
	if !ok || r.ContentLength == 0 {
		return r.Body
	}
	if c.ahead == nil {
		c.ahead = bufio.NewReaderSize(c.Conn, readAhead)
	}
	return body{r.Body, c}
}
