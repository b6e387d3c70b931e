package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"
)

const (
	// maxReply is the longest message that is read, in bytes: a list of all
	// rules there can be, and others' messages glued to it.
	maxReply = 16 << 20
	// pingEvery is the time between pings; after deadAfter without a pong a
	// link is given up.
	pingEvery = 15 * time.Second
	deadAfter = 3 * pingEvery
)

var errInterrupted = errors.New("interrupted")

// A link is a command channel, seen from the end that commands.
type link struct {
	ws       *websocket.Conn
	within   time.Duration
	messages chan []byte // closed when the link is lost, and err says why
	err      error
	ponged   atomic.Bool // the other end is alive
	done     chan struct{}
	wg       sync.WaitGroup
}

func newLink(ws *websocket.Conn, within time.Duration) *link {
	l := &link{ws: ws, within: within, messages: make(chan []byte), done: make(chan struct{})}
	alive := func() error { return ws.SetReadDeadline(time.Now().Add(deadAfter)) }
	ws.SetPongHandler(func(string) error {
		l.ponged.Store(true)
		return alive()
	})
	_ = alive() // a broken socket shows at the first read
	l.wg.Go(l.read)
	l.wg.Go(l.keepAlive)
	return l
}

// close ends the link.
func (l *link) close() {
	close(l.done)
	goodbye := websocket.FormatCloseMessage(websocket.CloseNormalClosure, "")
	_ = l.ws.WriteControl(websocket.CloseMessage, goodbye, time.Now().Add(time.Second)) // it is over either way
	_ = l.ws.Close()
	l.wg.Wait()
}

// read hands on what comes in. It holds one message at most: what is not taken
// waits in the kernel.
func (l *link) read() {
	defer close(l.messages)
	for {
		_, message, err := l.ws.ReadMessage()
		if timeout := net.Error(nil); errors.As(err, &timeout) && timeout.Timeout() {
			err = errors.New("the other end answers no ping")
		}
		if err != nil {
			l.err = fmt.Errorf("the link was lost: %w", err)
			return
		}
		select {
		case l.messages <- message:
		case <-l.done:
			return
		}
	}
}

func (l *link) keepAlive() {
	tick := time.NewTicker(pingEvery)
	defer tick.Stop()
	for {
		// that it failed shows in the missing pong
		_ = l.ws.WriteControl(websocket.PingMessage, nil, time.Now().Add(l.within))
		select {
		case <-tick.C:
		case <-l.done:
			return
		}
	}
}

// send sends one command and returns its ref.
func (l *link) send(o order) (ref string, err error) {
	message, ref := o.seal()
	_ = l.ws.SetWriteDeadline(time.Now().Add(l.within))
	if err := l.ws.WriteMessage(websocket.TextMessage, message); err != nil {
		return "", fmt.Errorf("the link was lost: %w", err)
	}
	return ref, nil
}

// ask sends one command and collects so many answers to it, or for 0 all that
// come in time. It returns what has come beside an error.
func (l *link) ask(ctx context.Context, o order, expect int) (got []answer, err error) {
	ref, err := l.send(o)
	if err != nil {
		return nil, err
	}
	timer := time.NewTimer(l.within)
	defer timer.Stop()
	for expect == 0 || len(got) < expect {
		select {
		case message, ok := <-l.messages:
			if !ok {
				return got, l.err
			}
			for _, a := range answers(message) {
				if *a.Ref == ref {
					got = append(got, a)
				}
			}
		case <-timer.C:
			return got, l.missing(len(got), expect)
		case <-ctx.Done():
			return got, errInterrupted
		}
	}
	return got, nil
}

// missing says what is wrong when the time is over, nil for nothing.
func (l *link) missing(got, expect int) error {
	switch {
	case got > 0 && expect == 0:
		return nil
	case got > 0:
		return fmt.Errorf("%d of %d answers within %v", got, expect, l.within)
	case l.ponged.Load():
		return fmt.Errorf("no answer within %v: the link is up, but no agent answers on it", l.within)
	}
	return fmt.Errorf("no answer within %v, not even to a ping: a relay that refuses a token may do so", l.within)
}
