package agent

import (
	"errors"
	"net"
	"sync/atomic"
	"time"
)

// maxHandshake bounds what is read of a relay, TLS included, before it is a
// websocket, in bytes: the response's header is read by a library without one.
const maxHandshake = 256 << 10

var errHandshake = errors.New("the relay's answer to the handshake is too long")

// A handshake is a connection of which little may be read until it is over.
type handshake struct {
	net.Conn
	left     atomic.Int64 // negative: too much; over: no bound any more
	over     atomic.Bool
	deadline time.Time // of writes; guarded by the websocket, which writes one thing at a time
}

func newHandshake(c net.Conn) *handshake {
	h := &handshake{Conn: c}
	h.left.Store(maxHandshake)
	return h
}

// NetConn is what the connection really is.
func (h *handshake) NetConn() net.Conn { return h.Conn }

// SetWriteDeadline passes on a deadline that is not the one already set: the
// websocket sets it at every write, and every change is a timer's.
func (h *handshake) SetWriteDeadline(t time.Time) error {
	if t.Equal(h.deadline) {
		return nil
	}
	h.deadline = t
	return h.Conn.SetWriteDeadline(t)
}

func (h *handshake) Read(b []byte) (int, error) {
	n, err := h.Conn.Read(b)
	if !h.over.Load() && h.left.Add(int64(-n)) < 0 {
		return 0, errHandshake
	}
	return n, err
}
