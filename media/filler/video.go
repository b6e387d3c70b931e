package filler

import (
	"bytes"
	"errors"
	"fmt"
	"iter"

	"vw/media/mpegts"
)

// maxMacroblocks bounds the size of a picture, and so the work and the bytes that
// a header of a few bytes can make. It is the largest of H.264's level 5.2.
const maxMacroblocks = 36864

var errSize = errors.New("the picture is empty or larger than 4096x2304: no black one can be made")

// A Video makes black pictures. It is not safe for concurrent use.
type Video struct {
	coding interface {
		intra() []byte
		skip(n int) []byte // the nth picture behind an intra one
	}
	skips   int
	reorder int
}

// NewVideo returns a maker of black pictures that go on from es: bytes of an
// elementary stream of streamType (ISO/IEC 13818-1, table 2-34) that hold the
// newest sequence header with its extensions and the start of what follows, or
// the newest parameter sets. It keeps size and frame rate. Its error says what
// cannot be filled.
func NewVideo(streamType byte, es []byte) (*Video, error) {
	switch name, _ := (mpegts.Track{Type: streamType}).Codec(); name {
	case "mpeg1video", "mpeg2video":
		return newMPEGVideo(es)
	case "h264":
		return newH264(es)
	default:
		return nil, fmt.Errorf("no black picture can be made for video of coding %s", name)
	}
}

// Intra returns a black picture that decoding can start from: a random access
// point with the headers that it needs. It is valid until the next call.
func (v *Video) Intra() []byte {
	v.skips = 0
	return v.coding.intra()
}

// Skip returns a picture that repeats the one before. An Intra must come first.
// It is valid until the next call.
func (v *Video) Skip() []byte {
	v.skips++
	return v.coding.skip(v.skips)
}

// Reorder returns how many pictures more a decoder may want before it shows one
// (ITU-T H.264, max_num_reorder_frames). So many Skips behind the first Intra,
// without delay, make it show black.
func (v *Video) Reorder() int { return v.reorder }

var startCode = []byte{0, 0, 1}

// units returns what stands behind each start code in es, up to the next one.
func units(es []byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		_, es, ok := bytes.Cut(es, startCode)
		for ok {
			var unit []byte
			unit, es, ok = bytes.Cut(es, startCode)
			if len(unit) > 0 && !yield(unit) {
				return
			}
		}
	}
}
