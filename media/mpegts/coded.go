package mpegts

import "bytes"

// RandomAccessPoint reports whether a picture begins in p from which a decoder
// of codec can start: the random_access_indicator says so or, where a muxer
// does not set it, the coded picture itself. Only the packet that opens the PES
// packet is looked at. Where it holds the parameter sets or the sequence header
// and not the picture behind them, such a picture is taken to follow.
func (p Packet) RandomAccessPoint(codec string) bool {
	if !p.UnitStart() {
		return false
	}
	if p.RandomAccess() {
		return true
	}
	var unit func([]byte) verdict
	switch codec {
	case "h264":
		unit = unitH264
	case "hevc":
		unit = unitHEVC
	case "mpeg1video", "mpeg2video":
		unit = unitMPEG
	default:
		return false
	}
	pes, _ := p.PES()
	likely := false
	for b := pes.Data(); ; {
		i := bytes.Index(b, startCode)
		if i < 0 || len(b) < i+4 {
			return likely
		}
		b = b[i+3:]
		switch unit(b) {
		case entry:
			return true
		case noEntry:
			return false
		case intra:
			return likely
		case parameters:
			likely = true
		}
	}
}

var startCode = []byte{0, 0, 1}

// A verdict is what one coded unit says of the picture that it belongs to.
type verdict int

const (
	undecided  verdict = iota
	parameters         // an entry, unless the picture itself says otherwise
	intra              // an entry, if parameters came before
	entry
	noEntry
)

// unitH264 judges a NAL unit (ISO/IEC 14496-10, table 7-1).
func unitH264(b []byte) verdict {
	switch b[0] & 0x1f {
	case 5: // IDR
		return entry
	case 1, 2: // another picture
		return noEntry
	case 6:
		return supplement(b[1:])
	case 7: // sequence parameter set
		return parameters
	}
	return undecided
}

// supplement finds a recovery point among SEI messages (ISO/IEC 14496-10,
// 7.3.2.3.1, D.1.8).
func supplement(b []byte) verdict {
	const recoveryPoint = 6
	for len(b) >= 2 && b[0] != 0x80 { // the stop bit
		if b[0] == recoveryPoint {
			return entry
		}
		if b[0] == 0xff || b[1] == 0xff || len(b) < 2+int(b[1]) { // too long to matter
			return undecided
		}
		b = b[2+int(b[1]):]
	}
	return undecided
}

// unitHEVC judges a NAL unit (ISO/IEC 23008-2, table 7-1).
func unitHEVC(b []byte) verdict {
	switch t := b[0] >> 1 & 0x3f; {
	case t >= 16 && t <= 23: // intra random access point
		return entry
	case t < 32:
		return noEntry
	case t == 32 || t == 33: // video, sequence parameter set
		return parameters
	}
	return undecided
}

// unitMPEG judges what a start code opens (ISO/IEC 13818-2, 6.2).
func unitMPEG(b []byte) verdict {
	switch {
	case b[0] == 0xb3: // sequence header
		return parameters
	case b[0] == 0 && (len(b) < 3 || b[2]>>3&7 == 1): // picture header, intra-coded as far as it is here
		return intra
	case b[0] <= 0xaf: // another one, or a slice
		return noEntry
	}
	return undecided
}
