package picture

import (
	"bytes"
	"image"

	"github.com/gen2brain/mpeg"
)

const (
	// reach is the longest motion vector, in whole pels (2.4.4.2: forward_f_code
	// 7 in units of whole pels), and blockSize the pels of a macroblock.
	reach     = 1024
	blockSize = 16
)

// emptyPicture is an intra-coded picture without slices.
var emptyPicture = []byte{0, 0, 1, codePicture, 0x00, 0x0f, 0xff, 0xf8}

// frames is the library's decoder behind a fence. The library trusts its
// input: it panics on pictures that are cut off, and where it copies
// macroblocks in assembly it follows motion vectors and addresses beyond the
// frame, to whatever lies there. So its three frames are laid in one piece of
// memory with a margin on either side as wide as a vector reaches, and every
// call is made where a panic ends. To lay them there depends on what the
// library shows of its frames in the version that go.mod names, which is why
// it is checked.
type frames struct {
	header []byte
	buffer *mpeg.Buffer
	video  *mpeg.Video
	planes [3]*byte // where the frames' luminance begins
	newest *mpeg.Frame
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
	if f.video.Width() != width || f.video.Height() != height || !f.fence(width, height) {
		return nil
	}
	return f
}

// fence moves the library's frames, which take turns, one after the other.
func (f *frames) fence(width, height int) bool {
	stride, rows := (width+blockSize-1)&^(blockSize-1), (height+blockSize-1)&^(blockSize-1)
	margin := (reach+2*blockSize)*stride + reach + 2*blockSize
	luma := stride * rows
	chroma := luma / 4
	memory := make([]byte, margin+len(f.planes)*(luma+2*chroma)+margin)
	at := margin
	cut := func(n int) []byte {
		at += n
		return memory[at-n : at : at]
	}
	for i := range f.planes {
		frame := f.read(emptyPicture)
		if frame == nil || f.owns(frame) || len(frame.Y.Data) != luma || len(frame.Cb.Data) != chroma || len(frame.Cr.Data) != chroma {
			return false
		}
		frame.Y.Data, frame.Cb.Data, frame.Cr.Data = cut(luma), cut(chroma), cut(chroma)
		f.planes[i] = &frame.Y.Data[0]
	}
	f.shown = image.YCbCr{Y: make([]byte, luma), Cb: make([]byte, chroma), Cr: make([]byte, chroma),
		YStride: stride, CStride: stride / 2, SubsampleRatio: image.YCbCrSubsampleRatio420, Rect: image.Rect(0, 0, width, height)}
	return true
}

// owns says that a frame lies within the margins.
func (f *frames) owns(frame *mpeg.Frame) bool {
	y := &frame.Y.Data[0]
	return y == f.planes[0] || y == f.planes[1] || y == f.planes[2]
}

func (f *frames) read(coded []byte) *mpeg.Frame {
	f.buffer.Write(coded)
	f.buffer.Write(make([]byte, 8)) // start codes are not found at the very end
	f.buffer.SignalEnd()
	return f.video.Decode()
}

// decode says whether it went well; if not, f is of no more use.
func (f *frames) decode(coded []byte) (ok bool) {
	defer func() {
		if recover() != nil {
			ok = false
		}
	}()
	f.newest = f.read(coded)
	return f.newest != nil && f.owns(f.newest)
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
