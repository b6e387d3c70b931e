package picture

import (
	"bytes"
	"hash/maphash"
)

// Start codes of video (ISO/IEC 11172-2, 2.4.1), behind 00 00 01. A unit ends
// where one of the marked ones begins.
const (
	codePicture   = 0x00 // *
	codeSliceLast = 0xaf // the first is 01
	codeSequence  = 0xb3 // *
	codeExtension = 0xb5
	codeEnd       = 0xb7 // *
	codeGroup     = 0xb8 // *
)

const (
	// maxHeader is a sequence header with both matrices, in bytes.
	maxHeader = 12 + 2*64
	// maxUnit bounds one coded picture, in bytes.
	maxUnit = 2 << 20
	// maxWaiting bounds the coded pictures that wait to be decoded, in bytes.
	maxWaiting = 8 << 20
	// maxMacroblocks is the size of 1920x1088.
	maxMacroblocks = 1920 / 16 * 1088 / 16
	// maxSlicesPerRow bounds the work that few bytes can make: each slice may
	// skip through all of the picture. Encoders write one a row.
	maxSlicesPerRow = 4
)

var startCode = []byte{0, 0, 1}

// seed makes tags; another process has other ones.
var seed = maphash.MakeSeed()

// A picture is one coded picture, whole and of a type that others are
// predicted from. An intra-coded one has the sequence header that it goes with.
type picture struct {
	data   []byte
	header []byte
}

// A sequence cuts video into pictures, and keeps those that have come since
// the newest intra-coded one.
type sequence struct {
	unit     []byte // what has come of a picture or header, from its start code on
	scanned  int    // of unit, for start codes
	header   []byte // the newest sequence header
	rows     int    // of macroblocks
	err      error  // why it cannot be shown
	pictures []picture
	waiting  int    // bytes in pictures
	whole    bool   // nothing is missing since the newest intra-coded picture
	tag      uint64 // of the pictures from that one on, decoded ones too
}

// write takes the next bytes, in pieces of any size.
func (s *sequence) write(b []byte) {
	s.unit = append(s.unit, b...)
	for {
		i := bytes.Index(s.unit[s.scanned:], startCode)
		if i < 0 {
			s.scanned = max(s.scanned, len(s.unit)-len(startCode)+1)
			break
		}
		at := s.scanned + i
		if at+3 == len(s.unit) {
			s.scanned = at
			break
		}
		s.scanned = at + 4
		switch s.unit[at+3] {
		case codePicture, codeSequence, codeGroup, codeEnd:
			s.finish(s.unit[:at])
			s.unit = s.unit[:copy(s.unit, s.unit[at:])]
			s.scanned = 4
		}
	}
	if len(s.unit) > maxUnit {
		s.lose()
	}
}

// lose says that something is missing: what has come of a unit is no use, nor
// is what is predicted from it.
func (s *sequence) lose() {
	s.unit, s.scanned = s.unit[:0], 0
	s.whole = false
}

// drop forgets what waits to be decoded, and what is predicted from it.
func (s *sequence) drop() {
	s.pictures, s.waiting, s.whole = nil, 0, false
}

// finish takes a unit, or what lies between a loss and the next start code.
func (s *sequence) finish(u []byte) {
	if len(u) < 8 || !bytes.HasPrefix(u, startCode) {
		return
	}
	switch u[3] {
	case codeSequence:
		s.readHeader(u)
	case codePicture:
		s.add(u)
	}
}

// readHeader reads a sequence header (2.4.2.3). In MPEG-2 an extension follows
// (ISO/IEC 13818-2, 6.1.1.6).
func (s *sequence) readHeader(u []byte) {
	if len(u) < 12 {
		return
	}
	width, height := size(u)
	s.rows = (height + 15) / 16
	s.err = nil
	switch {
	case bytes.Contains(u, []byte{0, 0, 1, codeExtension}):
		s.err = &CodecError{"mpeg2video"}
	case (width+15)/16*s.rows > maxMacroblocks:
		s.err = ErrTooLarge
	case width == 0 || height == 0:
		s.header = nil
		return
	}
	if u = u[:min(len(u), maxHeader)]; s.err != nil || !bytes.Equal(s.header, u) {
		s.header, s.whole = bytes.Clone(u), false
	}
}

// size is what a sequence header of at least 8 bytes says.
func size(header []byte) (width, height int) {
	return int(header[4])<<4 | int(header[5])>>4, int(header[5]&0x0f)<<8 | int(header[6])
}

// add takes a whole picture (2.4.2.5).
func (s *sequence) add(u []byte) {
	if s.header == nil || s.err != nil {
		return
	}
	p := picture{}
	switch u[5] >> 3 & 7 {
	case 1: // intra-coded
		p.header = s.header
		s.drop()
		s.whole, s.tag = true, 0
	case 2: // predicted
		if !s.whole {
			return
		}
	default:
		return
	}
	if countSlices(u) > maxSlicesPerRow*s.rows || s.waiting+len(u) > maxWaiting {
		s.whole = false
		return
	}
	p.data = bytes.Clone(u)
	s.pictures = append(s.pictures, p)
	s.waiting += len(u)
	s.tag = maphash.Comparable(seed, [2]uint64{s.tag, maphash.Bytes(seed, u)})
}

// next is the oldest picture that has not been decoded.
func (s *sequence) next() picture {
	p := s.pictures[0]
	s.pictures = s.pictures[1:]
	s.waiting -= len(p.data)
	return p
}

func countSlices(u []byte) (n int) {
	for {
		i := bytes.Index(u, startCode)
		if i < 0 || i+3 == len(u) {
			return n
		}
		if c := u[i+3]; c > codePicture && c <= codeSliceLast {
			n++
		}
		u = u[i+3:]
	}
}
