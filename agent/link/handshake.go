package link

import (
	"net"
	"strconv"
	"strings"
	"sync/atomic"
)

// maxHandshake bounds what is read of a relay, TLS included, before it is a
// websocket, in bytes: the response's header is read by a library without one.
const maxHandshake = 256 << 10

var errHandshake = newError(CodeOther, "the relay's answer to the handshake is too long")

// A handshake is a connection of which little may be read until it is over.
type handshake struct {
	net.Conn
	left atomic.Int64 // negative: too much; over: no bound any more
	over atomic.Bool
	head []byte // what was read first, of TLS or HTTP
}

func newHandshake(c net.Conn) *handshake {
	h := &handshake{Conn: c, head: make([]byte, 0, len("HTTP/1.1 200"))}
	h.left.Store(maxHandshake)
	return h
}

// NetConn is what the connection really is.
func (h *handshake) NetConn() net.Conn { return h.Conn }

// status is that of the first answer in HTTP, 0 for none: behind a proxy its
// own, which websocket.Dialer tells by its words alone.
func (h *handshake) status() (code int) {
	version, status, _ := strings.Cut(string(h.head), " ")
	if strings.HasPrefix(version, "HTTP/") {
		code, _ = strconv.Atoi(status)
	}
	return code
}

func (h *handshake) Read(b []byte) (int, error) {
	n, err := h.Conn.Read(b)
	if room := cap(h.head) - len(h.head); room > 0 {
		h.head = append(h.head, b[:min(n, room)]...)
	}
	if !h.over.Load() && h.left.Add(int64(-n)) < 0 {
		return 0, errHandshake
	}
	return n, err
}
