package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"vw/media"
)

const (
	// writeWithin bounds every write, to a second less at the most.
	writeWithin = 10 * time.Second
	// farewell bounds the closing handshake.
	farewell = 500 * time.Millisecond
	// deadAfter is how many ping intervals without a pong a link survives.
	deadAfter = 3
	// sendBuffer is what the kernel may hold of a link, in bytes, where what
	// it has not sent cannot be bounded by itself.
	sendBuffer = 128 << 10
)

var (
	errNoPong  = errors.New("the other end answers no ping")
	errNoReply = fmt.Errorf("the relay did not answer the token within %v", dialWithin)
	errTooLong = errors.New("message too long")
)

// A conn is one live websocket, dialled or accepted. Of its methods write is
// for one goroutine at a time, and read for one; the rest for any.
type conn struct {
	ws   *websocket.Conn
	ping time.Duration
	pong chan struct{} // closed by the first pong
	once sync.Once

	deadline time.Time // of writes; moved once a second, since it costs a timer
}

func newConn(ws *websocket.Conn, ping time.Duration) *conn {
	c := &conn{ws: ws, ping: ping, pong: make(chan struct{})}
	if tcp := c.tcp(); tcp != nil && runtime.GOOS != "linux" {
		_ = tcp.SetWriteBuffer(sendBuffer) // what remains is said in SECURITY.md
	}
	c.ws.SetPongHandler(func(string) error {
		c.once.Do(func() { close(c.pong) })
		return c.alive()
	})
	_ = c.alive() // a broken socket shows at the first read
	return c
}

// alive puts off the end that comes without pongs. Nothing else puts it off:
// a link can carry media one way long after nobody is there.
func (c *conn) alive() error { return c.ws.SetReadDeadline(time.Now().Add(deadAfter * c.ping)) }

// tcp is the connection under TLS and all else, nil where it is none.
func (c *conn) tcp() *net.TCPConn {
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

// authenticate sends the token as the first message and waits for the word of
// the relay, which counts now only: later anybody on the topic could send it.
func (c *conn) authenticate(ctx context.Context, t target) error {
	stop := context.AfterFunc(ctx, c.cut)
	defer stop()
	_ = c.ws.SetReadDeadline(time.Now().Add(dialWithin))
	if err := c.writeText([]byte(t.token)); err != nil {
		return fmt.Errorf("send the token: %w", err)
	}
	data, _, err := c.next(maxAnswer)
	if err != nil {
		if timeout := net.Error(nil); errors.As(err, &timeout) && timeout.Timeout() {
			return errNoReply
		}
		return fmt.Errorf("wait for the answer to the token: %w", err)
	}
	var word struct {
		Authorised bool   `json:"authorised"`
		Reason     string `json:"reason"`
	}
	if err := json.Unmarshal(data, &word); err != nil {
		return errors.New("the relay's answer to the token is not what was expected")
	}
	if !word.Authorised {
		return &refusal{fmt.Sprintf("%.200q", t.conceal(word.Reason))}
	}
	return c.alive()
}

// read hands on what comes in until the link is lost, and says why it was. A
// message longer than limit is read past and is nil.
func (c *conn) read(limit int, handle func(data []byte, isText bool)) error {
	for {
		data, kind, err := c.next(limit)
		switch {
		case errors.Is(err, errTooLong):
			data = nil
		case err != nil:
			if timeout := net.Error(nil); errors.As(err, &timeout) && timeout.Timeout() {
				return errNoPong
			}
			return err
		}
		handle(data, kind == websocket.TextMessage)
	}
}

func (c *conn) next(limit int) (data []byte, kind int, err error) {
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
func (c *conn) keepAlive(ctx context.Context) {
	tick := time.NewTicker(c.ping)
	defer tick.Stop()
	for {
		// that it failed shows in the missing pong
		_ = c.ws.WriteControl(websocket.PingMessage, nil, time.Now().Add(writeWithin))
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// write sends one message, in one system call where it is no longer than
// media.MaxMessage.
func (c *conn) write(m media.Message) error {
	kind := websocket.BinaryMessage
	if m.Text {
		kind = websocket.TextMessage
	}
	if now := time.Now(); c.deadline.Sub(now) < writeWithin-time.Second {
		c.deadline = now.Add(writeWithin)
		_ = c.ws.SetWriteDeadline(c.deadline)
	}
	w, err := c.ws.NextWriter(kind)
	if err != nil {
		return err
	}
	for _, part := range m.Parts {
		if _, err := w.Write(part); err != nil {
			return err
		}
	}
	return w.Close()
}

func (c *conn) writeText(b []byte) error {
	return c.write(media.Message{Parts: [][]byte{b}, Text: true})
}

// close says goodbye; who reads then sees the other end's answer. What does
// not come within half a second is not waited for.
func (c *conn) close(code int, reason string) {
	_ = c.ws.SetReadDeadline(time.Now().Add(farewell))
	err := c.ws.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(code, reason), time.Now().Add(farewell))
	if err != nil {
		c.cut()
	}
}

// cutLate cuts the link where what serves it has not come to its end half a
// second after ctx has: a write to somebody who reads nothing takes long.
func (c *conn) cutLate(ctx context.Context, served <-chan struct{}) {
	<-ctx.Done()
	timer := time.NewTimer(farewell)
	defer timer.Stop()
	select {
	case <-served:
	case <-timer.C:
		c.cut()
	}
}

// cut ends the link at once: what the kernel has not sent yet is thrown away.
func (c *conn) cut() {
	if tcp := c.tcp(); tcp != nil {
		_ = tcp.SetLinger(0)
		_ = tcp.Close()
		return
	}
	_ = c.ws.NetConn().Close()
}
