package filler

import (
	"bytes"
	"errors"
	"iter"
)

// maxMacroblocks bounds the size of a picture, and so the work and the bytes that
// a header of a few bytes can make. It is the largest of H.264's level 5.2.
const maxMacroblocks = 36864

var errSize = errors.New("the picture is empty or larger than 4096x2304: no black one can be made")

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
