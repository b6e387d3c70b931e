package link

import (
	"context"
	"errors"
	"io"
	"net"
	"runtime"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

const (
	// writeTimeout bounds every write, to a second less at the most.
	writeTimeout = 10 * time.Second
	// closeTimeout bounds the closing handshake.
	closeTimeout = 500 * time.Millisecond
	// deadAfter is how many ping intervals without a pong a link survives.
	deadAfter = 3
	// sendBuffer is what the kernel may hold of a link, in bytes, where what
	// it has not sent cannot be bounded by itself.
	sendBuffer = 128 << 10
)

var errTooLong = errors.New("message too long")

// A Conn is one live websocket, dialled or accepted. Write is for one goroutine
// at a time; the other methods for any.
type Conn struct {
	// Pong, where it is set before Serve, is called with the data of each pong.
	Pong func(data string)

	ws      *websocket.Conn
	ping    time.Duration
	timeout time.Duration // of what comes before the link is up
	goodbye int           // the close code
	pong    chan struct{} // closed by the first pong
	once    sync.Once

	deadline time.Time // of writes; moved once a second, since it costs a timer
}

// Accepted returns the Conn of a websocket that was accepted, and is closed
// with the word that we are going away.
func Accepted(ws *websocket.Conn, ping time.Duration) *Conn {
	c := newConn(ws, ping, dialTimeout)
	c.goodbye = websocket.CloseGoingAway
	return c
}

func newConn(ws *websocket.Conn, ping, timeout time.Duration) *Conn {
	c := &Conn{ws: ws, ping: ping, timeout: timeout, goodbye: websocket.CloseNormalClosure, pong: make(chan struct{})}
	if tcp := c.tcp(); tcp != nil && runtime.GOOS != "linux" {
		_ = tcp.SetWriteBuffer(sendBuffer) // what remains is said in SECURITY.md
	}
	c.ws.SetPongHandler(func(data string) error {
		c.once.Do(func() { close(c.pong) })
		if c.Pong != nil {
			c.Pong(data)
		}
		return c.alive()
	})
	_ = c.alive() // a broken socket shows at the first read
	return c
}

// alive puts off the end that comes without pongs. Nothing else puts it off:
// a link can carry media one way long after nobody is there.
func (c *Conn) alive() error { return c.ws.SetReadDeadline(time.Now().Add(deadAfter * c.ping)) }

// tcp is the connection under TLS and all else, nil where it is none.
func (c *Conn) tcp() *net.TCPConn {
	for inner := c.ws.NetConn(); ; {
		switch x := inner.(type) {
		case *net.TCPConn:
			return x
		case interface{ NetConn() net.Conn }:
			inner = x.NetConn()
		default:
			return nil
		}
	}
}

// Serve reads and pings while work does, until work returns, the link is lost
// or ctx ends; each ends the other two. Then it says goodbye, and returns why it
// ended. What comes in goes to receive; a message longer than limit bytes is
// read past and is nil there.
func (c *Conn) Serve(ctx context.Context, limit int, receive func(data []byte, isText bool), work func(life context.Context) error) error {
	life, lost := context.WithCancelCause(ctx)
	var wg sync.WaitGroup
	wg.Go(func() { lost(c.read(limit, receive)) })
	wg.Go(func() { c.keepAlive(life) })
	served := make(chan struct{})
	wg.Go(func() { c.abortAfter(life, served) })
	err := work(life)
	lost(err)
	close(served)
	c.close()
	timer := time.AfterFunc(closeTimeout, c.Abort)
	wg.Wait()
	if timer.Stop() {
		_ = c.ws.Close()
	}
	return context.Cause(life)
}

// AwaitPong waits for the first pong: some relays upgrade whoever they refuse,
// and then say nothing.
func (c *Conn) AwaitPong(ctx context.Context) error {
	timer := time.NewTimer(c.timeout)
	defer timer.Stop()
	select {
	case <-c.pong:
		return nil
	case <-timer.C:
		return errNoPong
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Ponged reports whether the other end has answered a ping.
func (c *Conn) Ponged() bool {
	select {
	case <-c.pong:
		return true
	default:
		return false
	}
}

// read hands on what comes in until the link is lost, and says why it was.
func (c *Conn) read(limit int, handle func(data []byte, isText bool)) error {
	for {
		data, kind, err := c.next(limit)
		switch {
		case errors.Is(err, errTooLong):
			data = nil
		case CodeOf(err) == CodeTimeout:
			return errNoPong
		case err != nil:
			return err
		}
		handle(data, kind == websocket.TextMessage)
	}
}

func (c *Conn) next(limit int) (data []byte, kind int, err error) {
	kind, r, err := c.ws.NextReader()
	if err != nil {
		return nil, 0, err
	}
	if data, err = io.ReadAll(io.LimitReader(r, int64(limit)+1)); err != nil {
		return nil, 0, err
	}
	if len(data) > limit {
		if _, err = io.Copy(io.Discard, r); err == nil {
			err = errTooLong
		}
		return nil, kind, err
	}
	return data, kind, nil
}

// keepAlive pings until ctx ends, the first time at once.
func (c *Conn) keepAlive(ctx context.Context) {
	tick := time.NewTicker(c.ping)
	defer tick.Stop()
	for {
		_ = c.Ping("") // that it failed shows in the missing pong
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// Ping sends a ping.
func (c *Conn) Ping(data string) error {
	return c.ws.WriteControl(websocket.PingMessage, []byte(data), time.Now().Add(writeTimeout))
}

// Write sends one message, in one system call where it is no longer than 64 KiB.
func (c *Conn) Write(isText bool, parts ...[]byte) error {
	kind := websocket.BinaryMessage
	if isText {
		kind = websocket.TextMessage
	}
	if now := time.Now(); c.deadline.Sub(now) < writeTimeout-time.Second {
		c.deadline = now.Add(writeTimeout)
		_ = c.ws.SetWriteDeadline(c.deadline)
	}
	w, err := c.ws.NextWriter(kind)
	if err != nil {
		return err
	}
	for _, part := range parts {
		if _, err := w.Write(part); err != nil {
			return err
		}
	}
	return w.Close()
}

// WriteText sends one text message.
func (c *Conn) WriteText(b []byte) error { return c.Write(true, b) }

// close says goodbye; who reads then sees the other end's answer. What does
// not come in time is not waited for.
func (c *Conn) close() {
	_ = c.ws.SetReadDeadline(time.Now().Add(closeTimeout))
	err := c.ws.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(c.goodbye, ""), time.Now().Add(closeTimeout))
	if err != nil {
		c.Abort()
	}
}

// abortAfter aborts the link where what serves it has not come to its end in
// time after ctx has: a write to somebody who reads nothing takes long.
func (c *Conn) abortAfter(ctx context.Context, served <-chan struct{}) {
	<-ctx.Done()
	timer := time.NewTimer(closeTimeout)
	defer timer.Stop()
	select {
	case <-served:
	case <-timer.C:
		c.Abort()
	}
}

// Abort ends the link at once: what the kernel has not sent yet is thrown away.
func (c *Conn) Abort() {
	if tcp := c.tcp(); tcp != nil {
		_ = tcp.SetLinger(0)
		_ = tcp.Close()
		return
	}
	_ = c.ws.NetConn().Close()
}
