package filler

import "errors"

// Start codes of MPEG video (ISO/IEC 11172-2, 2.4.2; ISO/IEC 13818-2, 6.2).
const (
	codePicture   = 0x00
	codeUser      = 0xb2
	codeSequence  = 0xb3
	codeExtension = 0xb5
	codeGroup     = 0xb8
)

// An mpegSequence is what a sequence header and its extensions say.
type mpegSequence struct {
	headers       []byte // as they are, with their start codes
	width, height int
	mpeg2         bool
	progressive   bool // MPEG-2: all pictures are
	lowDelay      bool
	chroma        int // blocks in a macroblock
}

var errSequence = errors.New("the video has no whole sequence header: no black picture can be made")

// readMPEGSequence reads the last sequence header in es.
func readMPEGSequence(es []byte) (*mpegSequence, error) {
	var last *mpegSequence
	open, closed := false, false // its extensions, by another start code
	for unit := range units(es) {
		switch {
		case unit[0] == codeSequence:
			last = &mpegSequence{chroma: 2}
			if err := last.readHeader(unit); err != nil {
				return nil, err
			}
			open, closed = true, false
		case unit[0] == codeExtension && open:
			if err := last.readExtension(unit); err != nil {
				return nil, err
			}
			closed = true
		case unit[0] != codeUser:
			open, closed = false, true
		}
	}
	if last == nil || !closed {
		return nil, errSequence
	}
	return last, nil
}

// readHeader reads a sequence header (11172-2, 2.4.2.3).
func (s *mpegSequence) readHeader(u []byte) error {
	n := 9
	for _, bit := range []byte{2, 1} { // load_intra_quantizer_matrix, load_non_intra_quantizer_matrix
		if len(u) < n {
			return errSequence
		}
		if u[n-1]&bit != 0 {
			n += 64
		}
	}
	if len(u) < n {
		return errSequence
	}
	s.width = int(u[1])<<4 | int(u[2])>>4
	s.height = int(u[2]&0xf)<<8 | int(u[3])
	s.keep(u[:n])
	return nil
}

// readExtension reads a sequence extension (13818-2, 6.2.2.3) and keeps a
// sequence display extension (6.2.2.4).
func (s *mpegSequence) readExtension(u []byte) error {
	if len(u) < 7 {
		return errSequence
	}
	switch u[1] >> 4 {
	case 1:
		format := u[2] >> 1 & 3
		if format == 0 {
			return errSequence
		}
		s.mpeg2, s.progressive, s.lowDelay = true, u[2]&8 != 0, u[6]&0x80 != 0
		s.chroma = 1 << format
		s.width |= int(u[2]&1)<<13 | int(u[3]>>7)<<12
		s.height |= int(u[3]>>5&3) << 12
		s.keep(u[:7])
	case 2:
		n := 6
		if u[1]&1 != 0 { // colour_description
			n = 9
		}
		if len(u) >= n {
			s.keep(u[:n])
		}
	case 5:
		return errors.New("no black picture can be made for scalable MPEG-2 video")
	}
	return nil
}

func (s *mpegSequence) keep(unit []byte) {
	s.headers = append(append(s.headers, startCode...), unit...)
}

// mpegPictures are black pictures of MPEG-1 and MPEG-2 video.
type mpegPictures struct {
	first, next []byte // an intra-coded picture with its headers, a predicted one
	leading     int    // bytes of first up to its picture
	lowDelay    bool
}

func newMPEGVideo(es []byte) (*mpegPictures, error) {
	s, err := readMPEGSequence(es)
	if err != nil {
		return nil, err
	}
	columns, rows := (s.width+15)/16, (s.height+15)/16
	if s.mpeg2 && !s.progressive {
		rows = (s.height + 31) / 32 * 2
	}
	if columns*rows == 0 || columns*rows > maxMacroblocks || s.mpeg2 && s.height > 2800 {
		return nil, errSize // higher ones have another slice header
	}
	group := []byte{0, 0, 1, codeGroup, 0, 8, 0, 0x40} // time 0, closed
	headers := append(s.headers, group...)
	return &mpegPictures{
		first:    append(headers, s.picture(true, columns, rows)...),
		leading:  len(headers),
		next:     s.picture(false, columns, rows),
		lowDelay: s.lowDelay,
	}, nil
}

func (p *mpegPictures) repeat([]byte) []byte { return nil }

// reorder: a decoder shows a picture when the next one comes (13818-2, 6.1.1.11).
func (p *mpegPictures) reorder() int {
	if p.lowDelay {
		return 0
	}
	return 1
}

func (p *mpegPictures) headers() []byte { return p.first[:p.leading:p.leading] }

func (p *mpegPictures) intra() []byte { return p.first }

func (p *mpegPictures) skip(n int) []byte {
	p.next[4] = byte(n >> 2) // temporal_reference
	p.next[5] = p.next[5]&0x3f | byte(n<<6)
	return p.next
}
