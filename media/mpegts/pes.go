package mpegts

// Clocks of a transport stream wrap: PTS and DTS count 1/90,000 s in 33 bits,
// the PCR 1/27,000,000 s in 33 bits of 300 (2.4.2.1, 2.4.3.7).
const (
	PTSModulus = 1 << 33
	PCRModulus = PTSModulus * 300
	// PTSHz and PCRHz are the clocks' rates, in ticks a second.
	PTSHz = 90_000
	PCRHz = 27_000_000
)

// PTSDelta is the signed distance from b to a on the 33-bit circle, in
// 1/90,000 s: positive where a is the later.
func PTSDelta(a, b uint64) int64 { return delta(a, b, PTSModulus) }

// PCRDelta is PTSDelta for program clock references, in 1/27,000,000 s.
func PCRDelta(a, b uint64) int64 { return delta(a, b, PCRModulus) }

func delta(a, b, modulus uint64) int64 {
	d := (a%modulus + modulus - b%modulus) % modulus
	if d >= modulus/2 {
		return int64(d) - int64(modulus)
	}
	return int64(d)
}

// A PES is the start of a PES packet (2.4.3.6), as the payload of the
// transport packet that opens it holds it.
type PES []byte

// PES is the opening of a PES packet, where p holds one whose fixed part and
// stamps lie wholly in p.
func (p Packet) PES() (PES, bool) {
	b := p.Payload()
	if !p.UnitStart() || len(b) < 6 || b[0] != 0 || b[1] != 0 || b[2] != 1 {
		return nil, false
	}
	if s := PES(b); s.hasHeader() && (len(b) < 9 || len(b) < 9+s.stampBytes()) {
		return nil, false
	}
	return PES(b), true
}

// StreamID is the stream_id, 0xC0–0xDF for MPEG audio, 0xE0–0xEF for video
// (table 2-22).
func (s PES) StreamID() byte { return s[3] }

// SetStreamID replaces the stream_id.
func (s PES) SetStreamID(id byte) { s[3] = id }

// Length is PES_packet_length: the bytes that follow the field, 0 where a
// video leaves it open.
func (s PES) Length() int { return int(s[4])<<8 | int(s[5]) }

// hasHeader says that the optional header follows: not for the stream_ids
// that carry bare bytes (2.4.3.7).
func (s PES) hasHeader() bool {
	switch s[3] {
	case 0xbc, 0xbe, 0xbf, 0xf0, 0xf1, 0xf2, 0xf8, 0xff:
		return false
	}
	return len(s) < 7 || s[6]&0xc0 == 0x80
}

func (s PES) stampBytes() int {
	switch s[7] >> 6 {
	case 2:
		return 5
	case 3:
		return 10
	}
	return 0
}

// PTS is the presentation time stamp in 1/90,000 s.
func (s PES) PTS() (ticks uint64, ok bool) {
	if len(s) < 14 || !s.hasHeader() || s.stampBytes() < 5 {
		return 0, false
	}
	return stamp(s[9:]), true
}

// DTS is the decoding time stamp in 1/90,000 s, the PTS where none is given.
func (s PES) DTS() (ticks uint64, ok bool) {
	if len(s) < 19 || !s.hasHeader() || s.stampBytes() < 10 {
		return s.PTS()
	}
	return stamp(s[14:]), true
}

// Data is what follows the header, as far as the packet holds it; nil where the
// header goes on in the next one.
func (s PES) Data() []byte {
	switch {
	case len(s) < 6:
	case !s.hasHeader():
		return s[6:]
	case len(s) >= 9 && len(s) >= 9+int(s[8]):
		return s[9+int(s[8]):]
	}
	return nil
}

// Shift adds ticks of 1/90,000 s to the PTS and the DTS.
func (s PES) Shift(ticks int64) {
	if len(s) < 14 || !s.hasHeader() {
		return
	}
	for b, n := s[9:], s.stampBytes(); n >= 5 && len(b) >= 5; b, n = b[5:], n-5 {
		putStamp(b, stamp(b)+uint64(ticks)%PTSModulus)
	}
}

// ShiftPTS adds ticks of 1/90,000 s to the PTS of a header that has a DTS too.
func (s PES) ShiftPTS(ticks int64) {
	if len(s) >= 19 && s.hasHeader() && s.stampBytes() == 10 {
		putStamp(s[9:], stamp(s[9:])+uint64(ticks)%PTSModulus)
	}
}

// stamp reads the 33 bits of a time stamp spread over five bytes (2.4.3.6).
func stamp(b []byte) uint64 {
	return uint64(b[0]>>1&7)<<30 | uint64(b[1])<<22 | uint64(b[2]>>1)<<15 | uint64(b[3])<<7 | uint64(b[4]>>1)
}

func putStamp(b []byte, t uint64) {
	t %= PTSModulus
	b[0] = b[0]&0xf0 | byte(t>>29)&0x0e | 1
	b[1] = byte(t >> 22)
	b[2] = byte(t>>14) | 1
	b[3] = byte(t >> 7)
	b[4] = byte(t<<1) | 1
}
