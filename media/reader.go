package media

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"sync/atomic"

	"vw/media/mpegts"
)

// locate is how many sync bytes in a row, mpegts.PacketSize apart, are taken
// for packets: three, so that one 0x47 in a payload is not.
const locate = 3

// maxProbe is how many bytes of a post are searched for the first packet.
const maxProbe = 1 << 20

const (
	// locateLong is how many sync bytes in a row show packets of another size.
	locateLong = 5
	// maxFirst is how much of a source's beginning is looked at for them, in bytes.
	maxFirst = (locateLong + 1) * 204
)

// NotTransportStreamError is what a post ends with whose first MiB, or all of it
// if it is shorter, holds no transport stream.
type NotTransportStreamError struct {
	Seen    int    // bytes
	First   []byte // the first few of them
	Packets int    // the size of its packets, where it is one of those that cannot be taken; else 0
}

// Format names what the source is, where that is known.
func (e *NotTransportStreamError) Format() string {
	switch name := container(e.First); {
	case e.Packets != 0:
		return fmt.Sprintf("MPEG-TS in packets of %d bytes", e.Packets)
	case name != "":
		return name
	}
	return "something else than MPEG-TS"
}

func (e *NotTransportStreamError) Error() string {
	if e.Packets != 0 {
		return fmt.Sprintf("a transport stream in packets of %d bytes, where 188 are wanted (M2TS has 192, DVB with check bytes 204)", e.Packets)
	}
	return fmt.Sprintf("no MPEG transport stream in the first %d bytes, which begin with %q", e.Seen, e.First)
}

// A reader cuts a byte stream into chunks of whole packets. It passes on what
// has arrived at once and holds back less than a packet, or less than three
// while it looks for them.
type reader struct {
	src     io.Reader
	slab    *slab
	start   int // of what has been read and not passed on
	end     int
	synced  bool
	ever    bool          // a packet has been seen
	first   []byte        // of the source, for the error
	seen    *atomic.Int64 // bytes of the source
	skipped uint64        // bytes thrown away, since the last call of takeSkipped
	err     error         // of the source, to be returned after what came before it; io.EOF where it is given up
}

// newReader counts what it reads in seen.
func newReader(src io.Reader, seen *atomic.Int64) *reader {
	return &reader{src: src, seen: seen, slab: newSlab()}
}

func (r *reader) close() {
	r.slab.release()
	r.slab = nil
}

// next returns the next packets as soon as there are any. The chunk comes
// with a reference that is the caller's to release. With an error, io.EOF
// among them, comes no chunk.
func (r *reader) next() (chunk, error) {
	for {
		if c, ok := r.cut(); ok {
			return c, nil
		}
		if r.err != nil {
			r.skip(r.end - r.start)
			if !r.ever && r.seen.Load() > 0 && errors.Is(r.err, io.EOF) {
				return chunk{}, r.notTransportStream()
			}
			return chunk{}, r.err
		}
		r.fill()
		if !r.ever && r.err == nil && (r.seen.Load() >= maxProbe || len(r.first) == maxFirst && longPackets(r.first) != 0) {
			r.err = io.EOF
		}
	}
}

// fill reads what has come of the source, in one go or, where it tells that there
// is more, in some.
func (r *reader) fill() {
	r.makeRoom()
	room := min(MaxMessage, r.start+maxRead)
	for {
		var n int
		n, r.err = r.src.Read(r.slab.b[r.end:room])
		r.note(r.slab.b[r.end : r.end+n])
		r.end += n
		if r.err != nil || r.end == room || !r.ready() {
			return
		}
	}
}

// ready reports whether a source that has not ended is known to have more. The end
// of an HTTP chunk and the beginning of the next are less than minReady.
func (r *reader) ready() bool {
	b, ok := r.src.(interface{ Buffered() int })
	return ok && b.Buffered() >= minReady
}

// note counts, and remembers what a source looks like until a packet has been
// found.
func (r *reader) note(b []byte) {
	r.seen.Add(int64(len(b)))
	if !r.ever {
		r.first = append(r.first, b[:min(len(b), maxFirst-len(r.first))]...)
	}
}

func (r *reader) notTransportStream() error {
	return &NotTransportStreamError{int(r.seen.Load()), r.first[:min(len(r.first), 32)], longPackets(r.first)}
}

// longPackets finds packets of 192 bytes, each behind a time stamp (M2TS, as
// camcorders and Blu-rays have it), or of 204, each before its check bytes (DVB).
// It returns 0 where b shows neither.
func longPackets(b []byte) (size int) {
	for _, size := range []int{192, 204} {
		for at := range size {
			n, differ := 0, false
			for k := at; k+4 <= len(b) && b[k] == mpegts.SyncByte; k += size {
				n++
				differ = differ || !bytes.Equal(b[k:k+4], b[at:at+4]) // else it is text that repeats itself
			}
			if n >= locateLong && differ {
				return size
			}
		}
	}
	return 0
}

// makeRoom moves what is held back to a new slab where this one is nearly full.
func (r *reader) makeRoom() {
	if MaxMessage-r.end >= minRead {
		return
	}
	s := newSlab()
	r.end = copy(s.b[:], r.slab.b[r.start:r.end])
	r.start = 0
	r.slab.release()
	r.slab = s
}

// cut takes the whole packets off what has been read.
func (r *reader) cut() (chunk, bool) {
	for {
		if !r.synced && !r.seek() {
			return chunk{}, false
		}
		b := r.slab.b[r.start:r.end]
		n := 0
		for n+mpegts.PacketSize <= len(b) && b[n] == mpegts.SyncByte {
			n += mpegts.PacketSize
		}
		r.synced = n == len(b) || b[n] == mpegts.SyncByte
		if n == 0 && !r.synced {
			continue
		}
		if n == 0 {
			return chunk{}, false
		}
		r.ever = true
		c := chunk{data: b[:n:n], slab: r.slab, rap: -1}
		r.start += n
		return c.retain(), true
	}
}

// seek moves the start to where packets begin, and reports whether that was
// found. A source that ends may do with less than three packets, its
// first ones only where nothing comes before them.
func (r *reader) seek() bool {
	for last := r.err != nil; r.start < r.end; r.skip(1) {
		n, whole := mpegts.Sync(r.slab.b[r.start:r.end], locate)
		r.skip(n)
		left := r.end - r.start
		if whole || last && left >= mpegts.PacketSize && (r.ever || r.skipped == 0) {
			r.synced = true
			return true
		}
		if !last || left == 0 {
			return false // more has to come
		}
	}
	return false
}

func (r *reader) skip(n int) {
	r.start += n
	r.skipped += uint64(n)
}

// takeSkipped returns how many bytes were thrown away since it was last asked.
func (r *reader) takeSkipped() uint64 {
	n := r.skipped
	r.skipped = 0
	return n
}
