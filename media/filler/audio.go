// Package filler makes coded frames of silence and black pictures of a coding
// that was seen, so that a decoder goes on while its source is away. It makes
// them from the standards and from nothing but the source's headers. Of coded
// audio it tells too how long and how loud it is. It must not know containers,
// time or feeds.
package filler

import (
	"fmt"

	"vw/media/mpegts"
)

// An Audio makes frames of silence. It is not safe for concurrent use.
type Audio struct {
	frames  [2][]byte // without and with a byte of padding
	padding int       // the part of a byte that each frame lacks, in 1/rate bytes
	owed    int       // what the frames until now lack, in 1/rate bytes
	samples int
	rate    int
}

// NewAudio returns a maker of silence that goes on from es: bytes of an
// elementary stream of streamType (ISO/IEC 13818-1, table 2-34) that hold a
// whole frame header. It keeps sampling rate and channels. Its error says what
// cannot be filled.
func NewAudio(streamType byte, es []byte) (*Audio, error) {
	switch name, _ := (mpegts.Track{Type: streamType}).Codec(); name {
	case "mp2":
		return newMPEGAudio(es)
	case "aac":
		return newAAC(es)
	default:
		return nil, fmt.Errorf("no silence can be made for audio of coding %s", name)
	}
}

// Frame returns the next frame of silence. It is shared: the caller must not
// change it.
func (a *Audio) Frame() []byte {
	a.owed += a.padding
	if a.owed < a.rate {
		return a.frames[0]
	}
	a.owed -= a.rate
	return a.frames[1]
}

// Headers returns what NewAudio makes the same silence of. It is shared, and holds no
// sound of the source.
func (a *Audio) Headers() []byte { return a.frames[0] }

// Samples returns the samples per channel that a frame holds.
func (a *Audio) Samples() int { return a.samples }

// Rate returns the samples a second.
func (a *Audio) Rate() int { return a.rate }
