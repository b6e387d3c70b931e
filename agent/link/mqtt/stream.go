package mqtt

import (
	"io"
	"net"
	"sync"

	"vw/agent/link"
)

var errTooLong = link.NewError(link.CodeNoMQTT, "the broker sent a packet that is longer than it was told to")

// A stream is the connection that MQTT sees: packets may begin and end anywhere in
// the messages of the websocket that comes in (MQTT 5, 6). What is written while it is
// locked is one packet, and leaves as one message.
type stream struct {
	net.Conn // nil: deadlines are the link's
	conn     *link.Conn
	in       *io.PipeReader
	fed      *io.PipeWriter
	bound    bound // of who feeds

	mu     sync.Mutex
	packet []byte
}

func newStream(conn *link.Conn) *stream {
	s := &stream{conn: conn}
	s.in, s.fed = io.Pipe()
	return s
}

// feed returns when what came in has been read.
func (s *stream) feed(data []byte) error {
	if data == nil || !s.bound.pass(data) {
		_ = s.fed.CloseWithError(errTooLong)
		return errTooLong
	}
	_, err := s.fed.Write(data)
	return err
}

// finish has who reads find an end.
func (s *stream) finish() { _ = s.fed.Close() }

// end has who reads and who feeds stop.
func (s *stream) end() { _ = s.in.Close() }

func (s *stream) Read(b []byte) (int, error) { return s.in.Read(b) }

func (s *stream) Lock() { s.mu.Lock() }

func (s *stream) Write(b []byte) (int, error) {
	s.packet = append(s.packet, b...)
	return len(b), nil
}

func (s *stream) Unlock() {
	defer s.mu.Unlock()
	if err := s.conn.Write(false, s.packet); err != nil {
		_ = s.fed.CloseWithError(err) // who reads is told
	}
	s.packet = nil
}

func (s *stream) Close() error {
	s.end()
	return nil
}

// A bound follows packets by their fixed headers (MQTT 5, 2.1), since what reads
// them takes any length for granted.
type bound struct {
	digits int // of the length that have come; the packet's first byte is one more
	length int
	left   int // of the packet
}

// pass reports whether no packet is longer than may be.
func (b *bound) pass(data []byte) bool {
	for len(data) > 0 {
		if b.left > 0 {
			n := min(b.left, len(data))
			data, b.left = data[n:], b.left-n
			continue
		}
		char := data[0]
		data = data[1:]
		if b.digits == 0 { // the type
			b.digits, b.length = 1, 0
			continue
		}
		b.length |= int(char&0x7f) << (7 * (b.digits - 1))
		if b.digits++; b.digits > 5 || b.length > MaxReceived {
			return false
		}
		if char < 0x80 {
			b.digits, b.left = 0, b.length
		}
	}
	return true
}
