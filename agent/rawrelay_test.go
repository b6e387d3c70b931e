package agent_test

import (
	"bufio"
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
)

// Opcodes (RFC 6455, 5.2).
const (
	opText, opBinary, opClose, opPing, opPong = 1, 2, 8, 9, 10

	fin = 0x80
)

// A rawRelay upgrades by hand, so that a test says every byte that is sent.
type rawRelay struct {
	net.Listener
	mu     sync.Mutex
	visits map[string]chan *rawVisit // by path
}

// A rawVisit is one websocket of an agent. Its pings are answered.
type rawVisit struct {
	t      testing.TB
	conn   net.Conn
	mu     sync.Mutex     // of writes
	frames chan dataFrame // closed when the socket is
	aside  []dataFrame    // that came while text was waited for
}

// A dataFrame is one that the agent sent, pings aside.
type dataFrame struct {
	op   byte
	text string
}

func listenRaw(t testing.TB) *rawRelay {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &rawRelay{Listener: ln, visits: map[string]chan *rawVisit{}}
	var served sync.WaitGroup
	t.Cleanup(func() { ln.Close(); served.Wait() })
	served.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			stop := make(chan struct{})
			t.Cleanup(func() { c.Close(); <-stop })
			go func() {
				defer close(stop)
				r.serve(t, c)
			}()
		}
	})
	return r
}

func (r *rawRelay) url(path string) string { return "ws://" + r.Addr().String() + path }

func (r *rawRelay) at(path string) chan *rawVisit {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.visits[path] == nil {
		r.visits[path] = make(chan *rawVisit, 10)
	}
	return r.visits[path]
}

// next returns the next visit to a path.
func (r *rawRelay) next(t testing.TB, path string) *rawVisit {
	t.Helper()
	select {
	case v := <-r.at(path):
		return v
	case <-patient(t).Done():
		t.Fatalf("%s is not dialled", path)
		return nil
	}
}

func (r *rawRelay) serve(t testing.TB, c net.Conn) {
	defer c.Close()
	in := bufio.NewReader(c)
	req, err := http.ReadRequest(in)
	if err != nil {
		return
	}
	if _, err := io.WriteString(c, switching(req)); err != nil {
		return
	}
	v := &rawVisit{t: t, conn: c, frames: make(chan dataFrame, 100)}
	defer close(v.frames)
	r.at(req.URL.Path) <- v
	for {
		f, err := clientFrame(in)
		switch {
		case err == io.EOF:
			return
		case err != nil:
			if _, cut := err.(*net.OpError); !cut {
				t.Errorf("the agent sends what no client may: %v", err)
			}
			return
		case f.op == opPing:
			v.write(frame(fin|opPong, f.text))
		default:
			v.frames <- f
		}
	}
}

// switching is the answer to a handshake.
func switching(req *http.Request) string {
	sum := sha1.Sum([]byte(req.Header.Get("Sec-WebSocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11")) // RFC 6455, 4.2.2
	return "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " +
		base64.StdEncoding.EncodeToString(sum[:]) + "\r\n\r\n"
}

// clientFrame reads one frame, which has to be such as a client may send (RFC 6455, 5).
func clientFrame(in *bufio.Reader) (f dataFrame, err error) {
	var head [14]byte
	if _, err := io.ReadFull(in, head[:2]); err != nil {
		return f, err
	}
	f.op = head[0] & 0xf
	length, more := int(head[1]&0x7f), map[byte]int{126: 2, 127: 8}[head[1]&0x7f]
	if _, err := io.ReadFull(in, head[2:2+more+4]); err != nil {
		return f, err
	}
	switch more {
	case 2:
		length = int(binary.BigEndian.Uint16(head[2:]))
	case 8:
		length = int(binary.BigEndian.Uint64(head[2:]))
	}
	least := map[int]int{0: 0, 2: 126, 8: 1 << 16}[more]
	switch {
	case head[0]&0x70 != 0 || f.op != 0 && f.op != opText && f.op != opBinary && (f.op < opClose || f.op > opPong):
		return f, fmt.Errorf("reserved bits or opcode: %#x", head[0])
	case head[1]&0x80 == 0:
		return f, fmt.Errorf("a frame that is not masked")
	case f.op >= opClose && (head[0]&fin == 0 || length > 125):
		return f, fmt.Errorf("a control frame in parts, or %d bytes long", length)
	case length < least || length > 2<<20:
		return f, fmt.Errorf("a length of %d bytes in %d", length, more)
	}
	b := make([]byte, length)
	if _, err := io.ReadFull(in, b); err != nil {
		return f, err
	}
	for i := range b {
		b[i] ^= head[2+more+i%4]
	}
	f.text = string(b)
	return f, nil
}

// frame is one frame of a server's, its length written as short as it can be.
func frame(head byte, payload string) string {
	b := []byte{head}
	switch n := len(payload); {
	case n < 126:
		b = append(b, byte(n))
	case n < 1<<16:
		b = binary.BigEndian.AppendUint16(append(b, 126), uint16(n))
	default:
		b = binary.BigEndian.AppendUint64(append(b, 127), uint64(n))
	}
	return string(b) + payload
}

// closing is a close frame.
func closing(code int, reason string) string {
	return frame(fin|opClose, string(binary.BigEndian.AppendUint16(nil, uint16(code)))+reason)
}

func (v *rawVisit) write(b string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	_, _ = io.WriteString(v.conn, b) // that it is lost shows in what comes
}

// sent returns the next frame that the agent sends, and false once its socket is closed.
func (v *rawVisit) sent() (f dataFrame, ok bool) {
	v.t.Helper()
	if len(v.aside) > 0 {
		f, v.aside = v.aside[0], v.aside[1:]
		return f, true
	}
	select {
	case f, ok = <-v.frames:
		return f, ok
	case <-patient(v.t).Done():
		v.t.Fatal("the agent neither sends anything nor ends the link")
		return f, false
	}
}

// until has something sent until a frame comes.
func (v *rawVisit) until(send func()) {
	v.t.Helper()
	eventually(v.t, "what comes into the feed arrives", func() bool {
		send()
		return len(v.frames) > 0
	})
}

// text returns the next text message.
func (v *rawVisit) text() string {
	v.t.Helper()
	var aside []dataFrame
	defer func() { v.aside = append(aside, v.aside...) }()
	for {
		switch f, ok := v.sent(); {
		case !ok:
			v.t.Fatal("the link was lost")
		case f.op == opText:
			return strings.TrimSpace(f.text)
		default:
			aside = append(aside, f)
		}
	}
}
