package media

import "slices"

// maxSpare is how much room, in chunks, an empty fifo keeps for the next ones.
const maxSpare = 1024

// A fifo is chunks in order. To add one at its end and to drop one at its front
// costs O(1), amortised.
type fifo struct {
	buf  []chunk
	head int // of buf, where the first one is
}

// all returns the chunks in order, until the next change.
func (f *fifo) all() []chunk { return f.buf[f.head:] }

func (f *fifo) push(c chunk) {
	if len(f.buf) == cap(f.buf) && f.head > len(f.buf)/2 { // move what is left in place of growing
		n := copy(f.buf, f.all())
		f.head = 0
		f.truncate(n)
	}
	f.buf = append(f.buf, c)
}

// drop forgets the first n chunks.
func (f *fifo) drop(n int) {
	clear(f.buf[f.head : f.head+n])
	f.head += n
	f.tidy()
}

// truncate forgets all but the first n chunks.
func (f *fifo) truncate(n int) {
	clear(f.buf[f.head+n:])
	f.buf = f.buf[:f.head+n]
	f.tidy()
}

func (f *fifo) tidy() {
	switch {
	case f.head < len(f.buf):
	case cap(f.buf) > maxSpare:
		*f = fifo{}
	default:
		f.buf, f.head = f.buf[:0], 0
	}
}

// putBack adds chunks at the front.
func (f *fifo) putBack(c []chunk) { f.buf, f.head = slices.Concat(c, f.all()), 0 }
