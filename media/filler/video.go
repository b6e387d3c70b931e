package filler

import (
	"fmt"

	"vw/media/mpegts"
)

// A Video makes black pictures. It is not safe for concurrent use.
type Video struct{}

// NewVideo returns a maker of black pictures that go on from es: bytes of an
// elementary stream of streamType (ISO/IEC 13818-1, table 2-34) that hold the
// newest sequence header with its extensions, or the newest parameter sets. It
// keeps size and frame rate. Its error says what cannot be filled.
func NewVideo(streamType byte, es []byte) (*Video, error) {
	name, _ := (mpegts.Track{Type: streamType}).Codec()
	return nil, fmt.Errorf("no black picture can be made for video of coding %s", name)
}

// Intra returns a black picture that decoding can start from: a random access
// point with the headers that it needs. It is shared: the caller must not
// change it.
func (v *Video) Intra() []byte { return nil }

// Skip returns a picture that repeats the one before. At least one Intra must
// come before it. It is valid until the next call.
func (v *Video) Skip() []byte { return nil }
