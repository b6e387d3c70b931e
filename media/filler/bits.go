package filler

import "math/bits"

// A bitWriter writes fields of bits, the highest bit first.
type bitWriter struct {
	buf  []byte
	free int // bits of the last byte that are not written yet
}

// write appends the n lowest bits of v.
func (w *bitWriter) write(v uint64, n int) {
	for n > 0 {
		if w.free == 0 {
			w.buf, w.free = append(w.buf, 0), 8
		}
		k := min(n, w.free)
		n, w.free = n-k, w.free-k
		w.buf[len(w.buf)-1] |= byte(v >> n & (1<<k - 1) << w.free)
	}
}

// align fills the last byte with zeros.
func (w *bitWriter) align() { w.free = 0 }

// alignOnes fills it with ones.
func (w *bitWriter) alignOnes() { w.write(1<<w.free-1, w.free) }

func (w *bitWriter) flag(set bool) {
	if set {
		w.write(1, 1)
	} else {
		w.write(0, 1)
	}
}

// exp appends v by the code ue(v) (ITU-T H.264, 9.1).
func (w *bitWriter) exp(v uint64) {
	n := bits.Len64(v + 1)
	w.write(0, n-1)
	w.write(v+1, n)
}

// signed appends v by the code se(v).
func (w *bitWriter) signed(v int) {
	if v > 0 {
		w.exp(uint64(2*v - 1))
	} else {
		w.exp(uint64(-2 * v))
	}
}

// stop appends rbsp_trailing_bits (7.3.2.11).
func (w *bitWriter) stop() {
	w.write(1, 1)
	w.align()
}
