package picture

import (
	"bytes"
	"image"

	"github.com/gen2brain/mpeg"
)

// frames is the library's decoder. The library trusts its input and panics on
// pictures that are cut off, or whose motion vectors point out of the picture:
// every call is made where a panic ends. go.mod names its last version that is
// Go alone, so that every access is checked. A test holds that.
type frames struct {
	header []byte
	buffer *mpeg.Buffer
	video  *mpeg.Video
	newest *mpeg.Frame
	broken bool        // no more can be decoded
	shown  image.YCbCr // the newest with the levels of a JPEG
}

// newFrames is a decoder of pictures that go with a sequence header that has
// been checked; nil where the library does not take it.
func newFrames(header []byte) (f *frames) {
	defer func() {
		if recover() != nil {
			f = nil
		}
	}()
	buffer, err := mpeg.NewBuffer(nil)
	if err != nil {
		return nil
	}
	// The library does not begin with a header before there is room for the
	// longest one.
	buffer.Write(header)
	buffer.Write(make([]byte, 256))
	f = &frames{header: bytes.Clone(header), buffer: buffer, video: mpeg.NewVideo(buffer)}
	f.video.SetNoDelay(true)
	width, height := size(header)
	if f.video.Width() != width || f.video.Height() != height {
		return nil
	}
	f.shown = *image.NewYCbCr(image.Rect(0, 0, (width+15)&^15, (height+15)&^15), image.YCbCrSubsampleRatio420)
	f.shown.Rect = image.Rect(0, 0, width, height)
	return f
}

func (f *frames) read(coded []byte) *mpeg.Frame {
	f.buffer.Write(coded)
	f.buffer.Write(make([]byte, 8)) // start codes are not found at the very end
	f.buffer.SignalEnd()
	return f.video.Decode()
}

// decode says whether it went well; if not, the newest picture stays, and f is
// good for nothing else.
func (f *frames) decode(coded []byte) (ok bool) {
	defer func() {
		if recover() != nil {
			ok = false
		}
		f.broken = !ok
	}()
	newest := f.read(coded)
	if newest == nil {
		return false
	}
	f.newest = newest
	return true
}

// image is the picture decoded last, valid until the next is decoded. The
// levels of video, 16 to 235 and 16 to 240, become those of a JPEG, 0 to 255
// (ITU-T T.871, 7).
func (f *frames) image() image.Image {
	for i, y := range f.newest.Y.Data {
		f.shown.Y[i] = fullLuma[y]
	}
	for i := range f.newest.Cb.Data {
		f.shown.Cb[i] = fullChroma[f.newest.Cb.Data[i]]
		f.shown.Cr[i] = fullChroma[f.newest.Cr.Data[i]]
	}
	return &f.shown
}

var fullLuma, fullChroma = widen(16, 219, 0), widen(128, 224, 128)

// widen is a table that spreads span levels, counted from zero, over 255,
// counted from center.
func widen(zero, span, center int) (t [256]byte) {
	for i := range t {
		t[i] = byte(min(max(center+(i-zero)*255/span, 0), 255))
	}
	return t
}
