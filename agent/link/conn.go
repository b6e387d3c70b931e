package link

import (
	"context"
	"errors"
	"net"
	"runtime"
	"sync"
	"time"

	"github.com/gorilla/websocket"
	"golang.org/x/sync/semaphore"
)

const (
	// writeTimeout bounds every write, to a second less at the most.
	writeTimeout = 10 * time.Second
	// closeTimeout is how long the end of a link waits for the other end's close
	// frame. While the kernel holds something that was sent before, it waits for
	// stallTimeout without any progress, and for drainTimeout at the most.
	closeTimeout = 500 * time.Millisecond
	stallTimeout = 2 * time.Second
	drainTimeout = 10 * time.Second
	// deadAfter is how many ping intervals without a pong a link survives.
	deadAfter = 3
	// sendBuffer is what the kernel may hold of a link, in bytes, where what
	// it has not sent cannot be bounded by itself.
	sendBuffer = 128 << 10
)

// A Conn is one live websocket, dialled or accepted. Write is for one goroutine
// at a time; the other methods for any.
type Conn struct {
	// Pong, where it is set before Serve, is called with the data of each pong.
	Pong func(data string)

	ws      *websocket.Conn
	target  Target
	ping    time.Duration
	timeout time.Duration // of what comes before the link is up
	goodbye int           // the close code
	pong    chan struct{} // closed by the first pong
	once    sync.Once
	pinged  chan string // the newest ping that is to be answered
	room    *semaphore.Weighted
	rest    time.Time // when a message that takes room has to be over; of who reads

	texts    sync.Mutex // held while one is written: 10 s at most
	deadline time.Time  // of writes; moved once a second, since it costs a timer
	socket   *socket    // nil: it was accepted
	begun    bool       // TryWrite has not written all of a message
}

// Accepted returns the Conn of a websocket that was accepted, and is closed
// with the word that we are going away. It shares the dialer's bounds.
func (d *Dialer) Accepted(ws *websocket.Conn) *Conn {
	c := d.conn(ws)
	c.goodbye = websocket.CloseGoingAway
	return c
}

func (d *Dialer) conn(ws *websocket.Conn) *Conn {
	c := &Conn{ws: ws, ping: d.Ping, timeout: d.Timeout, room: d.bounds.room, goodbye: websocket.CloseNormalClosure, pong: make(chan struct{}), pinged: make(chan string, 1)}
	c.socket = under[*socket](ws.NetConn())
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
	c.ws.SetPingHandler(func(data string) error {
		select {
		case <-c.pinged: // RFC 6455, 5.5.3: the newest is enough
		default:
		}
		c.pinged <- data
		return nil
	})
	_ = c.alive() // a broken socket shows at the first read
	return c
}

// Target is where it was dialled, with the token that was used.
func (c *Conn) Target() Target { return c.target }

// Relay is the host at which it was dialled, "" where it was accepted.
func (c *Conn) Relay() string { return c.target.Host() }

// alive puts off the end that comes without pongs. Nothing else puts it off:
// a link can carry media one way long after nobody is there.
func (c *Conn) alive() error {
	deadline := time.Now().Add(deadAfter * c.ping)
	if !c.rest.IsZero() && c.rest.Before(deadline) {
		deadline = c.rest
	}
	return c.ws.SetReadDeadline(deadline)
}

// tcp is the connection under TLS and all else, nil where it is none.
func (c *Conn) tcp() *net.TCPConn { return under[*net.TCPConn](c.ws.NetConn()) }

// under returns the connection of a type that others are wrapped around, nil
// where there is none.
func under[T net.Conn](c net.Conn) (found T) {
	for {
		switch x := c.(type) {
		case T:
			return x
		case interface{ NetConn() net.Conn }:
			c = x.NetConn()
		default:
			return found
		}
	}
}

// Serve reads and pings while work does, until work returns, the link is lost
// or ctx ends; each ends the other two. Then it says goodbye, and returns why it
// ended. What comes in goes to receive; a message longer than limit bytes is
// read past and is nil there.
func (c *Conn) Serve(ctx context.Context, limit int, receive func(data []byte, isText bool), work func(life context.Context) error) error {
	begun, denied := time.Now(), ""
	life, lost := context.WithCancelCause(ctx)
	var wg sync.WaitGroup
	wg.Go(func() {
		lost(c.read(life, limit, func(data []byte, isText bool) {
			if isText && denied == "" {
				denied = denial(data)
			}
			if life.Err() == nil { // what comes in during the goodbye is for nobody
				receive(data, isText)
			}
		}))
	})
	wg.Go(func() { c.keepAlive(life) })
	ended, watched := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(watched)
		c.abortAfter(ctx, life, ended)
	}()
	lost(work(life))
	c.close()
	wg.Wait()
	close(ended)
	<-watched
	_ = c.ws.Close()
	err, closed := context.Cause(life), (*websocket.CloseError)(nil)
	if time.Since(begun) < SteadyAfter && errors.As(err, &closed) && closed.Code == websocket.ClosePolicyViolation {
		return c.target.closeError(denied, closed.Text)
	}
	return err
}

// UntilLost is Serve's work where there is none: it waits for the end of the link
// and returns why that has come.
func UntilLost(life context.Context) error {
	<-life.Done()
	return context.Cause(life)
}

// awaitPong waits for the first pong: some relays upgrade whoever they refuse,
// and then say nothing.
func (c *Conn) awaitPong(ctx context.Context) error {
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
func (c *Conn) read(life context.Context, limit int, handle func(data []byte, isText bool)) error {
	for {
		kind, r, err := c.ws.NextReader()
		if err == nil {
			err = c.take(life, r, limit, func(data []byte) { handle(data, kind == websocket.TextMessage) })
		}
		if CodeOf(err) == CodeTimeout {
			return errNoPong
		} else if err != nil {
			return err
		}
	}
}

// keepAlive pings until ctx ends, the first time at once, and answers pings: on
// a slow link both wait for the message that is being written.
func (c *Conn) keepAlive(ctx context.Context) {
	tick := time.NewTicker(c.ping)
	defer tick.Stop()
	_ = c.Ping("") // that it failed shows in the missing pong
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			_ = c.Ping("")
		case data := <-c.pinged:
			_ = c.ws.WriteControl(websocket.PongMessage, []byte(data), time.Now().Add(writeTimeout))
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
	if c.begun {
		c.begun = false
		_ = c.socket.SetWriteDeadline(c.deadline)
		_, err := c.socket.Write(nil)
		return err
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

// TryWrite is Write that does not wait. It reports whether it has written all of
// the message; if not, Write comes next, with the same message, and writes the rest.
func (c *Conn) TryWrite(isText bool, parts ...[]byte) (all bool) {
	if c.socket == nil || !c.socket.try() {
		return false
	}
	err := c.Write(isText, parts...)
	all = c.socket.endTry()
	c.begun = err == nil && !all
	return err == nil && all
}

// WriteText sends one text message. It may be called from anywhere where nobody
// calls Write.
func (c *Conn) WriteText(b []byte) error {
	c.texts.Lock()
	defer c.texts.Unlock()
	return c.Write(true, b)
}

// close says goodbye; who reads then sees the other end's answer.
func (c *Conn) close() {
	deadline := time.Now().Add(drainTimeout)
	_ = c.ws.SetReadDeadline(deadline)
	err := c.ws.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(c.goodbye, ""), deadline)
	if err != nil && !errors.Is(err, websocket.ErrCloseSent) { // the other end said it first
		c.Abort()
	}
}

// abortAfter ends the link where that has not come to its end in time after its
// life has. A link that was dialled and that ctx ended, not its other end, is
// waited for as long as the kernel still sends something.
func (c *Conn) abortAfter(ctx, life context.Context, ended <-chan struct{}) {
	<-life.Done()
	tick := time.NewTicker(closeTimeout / 5)
	defer tick.Stop()
	begun, held := time.Now(), unsent(c.tcp())
	for moved := begun; ; {
		select {
		case <-ended:
			return
		case now := <-tick.C:
			if n := unsent(c.tcp()); n != held {
				held, moved = n, now
			}
			patience := closeTimeout
			if held > 0 && ctx.Err() != nil && c.goodbye == websocket.CloseNormalClosure {
				patience = stallTimeout
			}
			if now.Sub(moved) < patience && now.Sub(begun) < drainTimeout {
				continue
			}
		}
		if held > 0 {
			c.Abort()
		} else {
			_ = c.ws.Close() // what the other end has not read yet stays good
		}
		return
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
