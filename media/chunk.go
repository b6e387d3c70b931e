package media

import (
	"bytes"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"vw/media/mpegts"
)

const (
	// MaxMessage is the length in bytes of the longest
	// message into which a queue joins chunks.
	MaxMessage = 64 << 10
	// maxRead is the most that a chunk holds when it is read, in bytes: whole
	// packets, with room left in the slab for the tables that a stream adds.
	maxRead = 340 * mpegts.PacketSize
	// minRead is the least room for which a slab is used on: a larger HTTP
	// chunk than ffmpeg's 32,768 bytes is rare.
	minRead = 32<<10 + mpegts.PacketSize
	// minReady is the least for which a source is read once more before what has
	// been read is passed on, in bytes.
	minReady = 64
)

// A slab is a pooled buffer that one or more chunks are cut from, one after
// the other. What has been cut off is never written again while a chunk of it
// lives; the last one to let go returns the buffer to the pool.
type slab struct {
	refs atomic.Int32
	b    [MaxMessage]byte
}

var slabs = sync.Pool{New: func() any { return new(slab) }}

func newSlab() *slab {
	s := slabs.Get().(*slab)
	s.refs.Store(1)
	return s
}

func (s *slab) release() {
	if s == nil {
		return
	}
	n := s.refs.Add(-1)
	s.auditRelease(n)
	if n == 0 {
		slabs.Put(s)
	}
}

// A format says what a chunk is.
type format byte

const (
	packets format = iota // whole transport packets
	binary                // one binary message
	text                  // one text message
)

// A chunk is what moves: whole transport packets of one feed, or one message.
// It is immutable from the moment it is published, since every queue shares
// it; who keeps it holds a reference of its own. It is passed by value.
type chunk struct {
	data     []byte
	slab     *slab     // nil where data is not pooled
	feed     *feed     // of which it is counted as sent; nil: of none
	at       time.Time // when it came in
	rap      int       // where in data the newest random access point begins, -1 for none
	format   format
	contents *contents // of its packets; nil: not known
}

// message makes a chunk of one message. It keeps data, or a copy where that holds
// much more memory than what a queue counts for it.
func message(data []byte, isText bool, now time.Time) chunk {
	if data == nil || cap(data)-len(data) > itemCost {
		data = append(make([]byte, 0, len(data)), data...)
	}
	c := chunk{data: data, at: now, rap: -1, format: binary}
	if isText {
		c.format = text
	}
	return c
}

func (c chunk) retain() chunk {
	if c.slab != nil {
		c.slab.auditRetain(c.slab.refs.Add(1))
	}
	return c
}

func (c chunk) release() { c.slab.release() }

// from is the chunk without what lies before offset.
func (c chunk) from(offset int) chunk {
	c.data = c.data[offset:]
	c.rap -= offset
	return c
}

// filter returns the chunk with those packets alone that stay: itself,
// where all do, and one without data where none does.
func (c chunk) filter(stays func(mpegts.Packet) bool) chunk {
	n := 0
	for p := range mpegts.Packets(c.data) {
		if stays(p) {
			n += len(p)
		}
	}
	switch n {
	case len(c.data):
		return c
	case 0:
		return chunk{}
	}
	rest := c
	rest.slab, rest.rap = nil, -1
	rest.data = make([]byte, 0, n)
	for at := 0; at < len(c.data); at += mpegts.PacketSize {
		p := mpegts.Packet(c.data[at : at+mpegts.PacketSize])
		if !stays(p) {
			continue
		}
		if at == c.rap {
			rest.rap = len(rest.data)
		}
		rest.data = append(rest.data, p...)
	}
	return rest
}

// without returns the PIDs of the packets that are not in rest, which filter returned.
func (c chunk) without(rest []byte) (pids []uint16) {
	for p := range mpegts.Packets(c.data) {
		switch pid := p.PID(); {
		case len(rest) > 0 && bytes.Equal(rest[:mpegts.PacketSize], p):
			rest = rest[mpegts.PacketSize:]
		case !slices.Contains(pids, pid):
			pids = append(pids, pid)
		}
	}
	return pids
}

// hasTrack reports whether some of the packets are of no table.
func (c chunk) hasTrack() bool {
	for p := range mpegts.Packets(c.data) {
		if pid := p.PID(); pid != mpegts.PATPID && (c.contents == nil || pid != c.contents.pmtPID) {
			return true
		}
	}
	return false
}

// count is the number of packets in the chunk, or 1 for a message.
func (c chunk) count() uint64 {
	if c.format == packets {
		return uint64(len(c.data) / mpegts.PacketSize)
	}
	return 1
}
