package mpegts

// A Unit is a PES packet to be written (2.4.3.6).
type Unit struct {
	PID          uint16
	StreamID     byte
	PTS          uint64 // the DTS too, in 1/90,000 s
	Data         []byte
	RandomAccess bool
	HasPCR       bool   // in the first packet
	PCR          uint64 // in 1/27,000,000 s
}

const pesHeaderSize = 14 // with a PTS

// Append appends the unit as packets of its own, the first carrying cc, and
// returns the counter that the next packet of the PID has to carry.
func (u Unit) Append(dst []byte, cc byte) ([]byte, byte) {
	length := len(u.Data) + pesHeaderSize - 6
	if length > 0xffff {
		length = 0 // as video may leave it
	}
	header := []byte{0, 0, 1, u.StreamID, byte(length >> 8), byte(length), 0x80, 0x80, pesHeaderSize - 9, 0x21, 0, 1, 0, 1}
	putStamp(header[9:], u.PTS)
	start, left := byte(0x40), u.Data
	for first := true; first || len(left) > 0; first = false {
		at := len(dst)
		dst = append(dst, SyncByte, start|byte(u.PID>>8)&0x1f, byte(u.PID), 0x10|cc&0x0f)
		if start, cc = 0, cc+1; !first {
			header = nil
		}
		dst = u.appendAdaptation(dst, first, len(header)+len(left))
		dst = append(dst, header...)
		n := min(len(left), at+PacketSize-len(dst))
		dst = append(dst, left[:n]...)
		left = left[n:]
	}
	return dst, cc & 0x0f
}

// appendAdaptation appends the adaptation field that a packet needs whose payload
// has size bytes left (2.4.3.4).
func (u Unit) appendAdaptation(dst []byte, first bool, size int) []byte {
	n := 0 // bytes of the field, with its length
	switch {
	case first && u.HasPCR:
		n = 8
	case first && u.RandomAccess:
		n = 2
	}
	n = max(n, PacketSize-4-size)
	if n == 0 {
		return dst
	}
	p := Packet(dst[len(dst)-4:])
	p[3] |= 0x20
	if dst = append(dst, byte(n-1)); n == 1 {
		return dst
	}
	begin := len(dst) - 5
	dst = append(dst, 0)
	for len(dst) < begin+4+n {
		dst = append(dst, 0xff)
	}
	if first && u.RandomAccess {
		dst[begin+5] |= 0x40
	}
	if first && u.HasPCR {
		dst[begin+5] |= 0x10
		Packet(dst[begin:]).SetPCR(u.PCR)
	}
	return dst
}
