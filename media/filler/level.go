package filler

import (
	"math"

	"github.com/bluenviron/mediacommon/v2/pkg/bits"

	"vw/media/mpegts"
)

// Silence is the level of no sound at all, in dB.
const Silence = -100

// Level estimates how loud the loudest whole frame of MPEG audio layer II in es
// is, in dB: a sine of full scale has 0, silence has Silence. It decodes nothing:
// it adds up the scale factors of the subbands, and is right within 5 dB for a
// sine. ok is false where es has no such frame. What other codings say without
// being decoded tells a loud sound from a faint one only by chance.
func Level(streamType byte, es []byte) (dB float64, ok bool) {
	if name, _ := (mpegts.Track{Type: streamType}).Codec(); name != "mp2" {
		return 0, false
	}
	power := 0.0
	for len(es) > 0 {
		f, whole := readFrame("mp2", es)
		if !whole || f.Bytes > len(es) {
			es = es[1:]
			continue
		}
		if f.Codec != "mp2" {
			return 0, false
		}
		ok = true
		power = max(power, scaleFactors(f, es[:f.Bytes]))
		es = es[f.Bytes:]
	}
	return max(Silence, 10*math.Log10(power)), ok
}

// A bitReader reads zeros behind its end.
type bitReader struct {
	buf []byte
	pos int
}

func (r *bitReader) read(n int) int {
	v, err := bits.ReadBits(r.buf, &r.pos, n)
	if err != nil {
		return 0
	}
	return int(v)
}

// allocations are the subbands whose allocation has 4, 3 and 2 bits (11172-3,
// tables B.2a to B.2d; 13818-3, table B.1).
func allocations(f mpegts.AudioFrame) [3]int {
	perChannel := f.BitRate / f.Channels
	switch {
	case low(f):
		return [3]int{4, 7, 19}
	case perChannel <= 48000 && f.Rate == 32000:
		return [3]int{2, 10, 0}
	case perChannel <= 48000:
		return [3]int{2, 6, 0}
	case perChannel <= 80000 || f.Rate == 48000:
		return [3]int{11, 12, 4}
	}
	return [3]int{11, 12, 7}
}

// scaleFactors is the power of the louder channel of a frame of layer II (2.4.1.6).
func scaleFactors(f mpegts.AudioFrame, frame []byte) float64 {
	r := bitReader{buf: frame, pos: 32}
	if frame[1]&1 == 0 { // protection_bit
		r.read(16)
	}
	bound := 32
	if mode := frame[3] >> 4; mode>>2 == 1 { // joint stereo: above it the channels share what is allocated
		bound = 4 * (1 + int(mode&3))
	}
	var used [][2]bool
	for i, n := range allocations(f) {
		for range n {
			var u [2]bool
			for c := range f.Channels {
				if c == 1 && len(used) >= bound {
					u[1] = u[0]
				} else {
					u[c] = r.read(4-i) != 0
				}
			}
			used = append(used, u)
		}
	}
	var selections [32][2]int
	for band, u := range used {
		for c := range u {
			if u[c] {
				selections[band][c] = r.read(2)
			}
		}
	}
	var power [2]float64
	for band, u := range used {
		for c := range u {
			if !u[c] {
				continue
			}
			loudest := 63
			for range [...]int{3, 2, 1, 2}[selections[band][c]] {
				loudest = min(loudest, r.read(6))
			}
			power[c] += math.Exp2(2 - float64(loudest)*2/3) // the factor is 2 and a third of an octave less each (table B.1)
		}
	}
	return max(power[0], power[1])
}
