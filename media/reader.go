package media

import (
	"bytes"
	"fmt"
	"io"

	"vw/media/mpegts"
)

// locate is how many sync bytes in a row, mpegts.PacketSize apart, are taken
// for the grid of packets: three, so that one 0x47 in a payload is not.
const locate = 3

// maxProbe is how many bytes of a post are searched for the first packet.
const maxProbe = 1 << 20

// ErrNotTransportStream is what a post ends with whose first MiB, or all of it
// if it is shorter, holds no transport stream.
type ErrNotTransportStream struct {
	Seen  int    // bytes
	First []byte // the first few of them
}

func (e *ErrNotTransportStream) Error() string {
	return fmt.Sprintf("no MPEG transport stream in the first %d bytes, which begin with %q", e.Seen, e.First)
}

// A reader cuts a byte stream into chunks of whole packets. It passes on what
// has arrived at once and holds back less than a packet, or less than three
// while it looks for the grid.
type reader struct {
	src     io.Reader
	slab    *slab
	start   int // of what has been read and not passed on
	end     int
	synced  bool
	ever    bool   // a packet has been seen
	first   []byte // of the source, for the error
	seen    int    // bytes read while nothing was found
	skipped uint64 // bytes thrown away, since the last call of takeSkipped
	err     error  // of the source, to be returned after what came before it; io.EOF where it is given up
}

func newReader(src io.Reader) *reader { return &reader{src: src, slab: newSlab()} }

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
			if !r.ever && r.seen > 0 && r.err == io.EOF {
				return chunk{}, &ErrNotTransportStream{r.seen, r.first}
			}
			return chunk{}, r.err
		}
		r.makeRoom()
		var n int
		n, r.err = r.src.Read(r.slab.b[r.end:min(MaxMessage, r.start+maxRead)])
		r.note(r.slab.b[r.end : r.end+n])
		r.end += n
		if !r.ever && r.seen >= maxProbe && r.err == nil {
			r.err = io.EOF
		}
	}
}

// note remembers what a source looks like until a packet has been found.
func (r *reader) note(b []byte) {
	if r.ever {
		return
	}
	r.seen += len(b)
	r.first = append(r.first, b[:min(len(b), 32-len(r.first))]...)
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

// seek moves the start to where the grid of packets begins, and says whether
// it was found. A source that ends may do with less than three packets, its
// first ones only where nothing comes before them.
func (r *reader) seek() bool {
	last := r.err != nil
	for r.start < r.end {
		b := r.slab.b[r.start:r.end]
		i := bytes.IndexByte(b, mpegts.SyncByte)
		if i < 0 {
			r.skip(len(b))
			return false
		}
		r.skip(i)
		grid, whole := onGrid(b[i:])
		switch {
		case grid && (whole || last && len(b)-i >= mpegts.PacketSize && (r.ever || r.skipped == 0)):
			r.synced = true
			return true
		case grid && !last:
			return false // more has to come
		}
		r.skip(1)
	}
	return false
}

// onGrid says whether the sync bytes that b is long enough to hold are there,
// and whether they are as many as it takes.
func onGrid(b []byte) (grid, whole bool) {
	for i := range locate {
		at := i * mpegts.PacketSize
		if at >= len(b) {
			return true, false
		}
		if b[at] != mpegts.SyncByte {
			return false, false
		}
	}
	return true, true
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
