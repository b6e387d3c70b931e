package filler

import (
	"bytes"
	"fmt"

	"vw/media/mpegts"
)

// A Video makes black pictures. It is not safe for concurrent use.
type Video struct {
	pictures pictures
	skips    int
}

// pictures are the black ones of a coding.
type pictures interface {
	intra() []byte
	skip(n int) []byte // the nth behind an intra one
	repeat(last []byte) []byte
	reorder() int
	headers() []byte
}

// NewVideo returns a maker of black pictures that go on from es: bytes of an
// elementary stream of streamType (ISO/IEC 13818-1, table 2-34) that hold the
// newest sequence header with its extensions and the start of what follows, or
// the newest parameter sets. It keeps size and frame rate. Its error says what
// cannot be filled.
func NewVideo(streamType byte, es []byte) (*Video, error) {
	var p pictures
	var err error
	switch name, _ := (mpegts.Track{Type: streamType}).Codec(); name {
	case "mpeg1video", "mpeg2video":
		p, err = newMPEGVideo(es)
	case "h264":
		p, err = newH264(es)
	default:
		err = fmt.Errorf("no black picture can be made for video of coding %s", name)
	}
	if err != nil {
		return nil, err
	}
	return &Video{pictures: p}, nil
}

// Intra returns a black picture that decoding can start from: a random access
// point with the headers that it needs. It is valid until the next call.
func (v *Video) Intra() []byte {
	v.skips = 0
	return v.pictures.intra()
}

// Skip returns a picture that repeats the one before. An Intra must come first.
// It is valid until the next call.
func (v *Video) Skip() []byte {
	v.skips++
	return v.pictures.skip(v.skips)
}

// Repeat returns a picture that repeats the source's last one, which begins with
// last, where they are shown in the order in which they come. It is nil where none
// can be made, for MPEG-1 and MPEG-2 too.
func (v *Video) Repeat(last []byte) []byte { return v.pictures.repeat(last) }

// Reconfigures reports whether a decoder has to be configured anew for a picture of
// streamType that begins with after, behind those that began with before.
func Reconfigures(streamType byte, before, after []byte) bool {
	if name, _ := (mpegts.Track{Type: streamType}).Codec(); name != "h264" {
		return false
	}
	was, is := sequence(before), sequence(after)
	return was != nil && is != nil && !bytes.Equal(was, is)
}

// Headers returns what NewVideo makes the same pictures of: the source's sequence
// header or parameter sets. It is shared, and holds no picture of the source.
func (v *Video) Headers() []byte { return v.pictures.headers() }

// Reorder returns how many pictures more a decoder may want before it shows one
// (ITU-T H.264, max_num_reorder_frames). So many Skips behind the first Intra,
// without delay, make it show black.
func (v *Video) Reorder() int { return v.pictures.reorder() }
