// Package mpegts is the wire format of MPEG-2 transport streams, as far as vw
// reads and writes it: packets, adaptation fields, PES headers, the program
// association and map tables. It cites ISO/IEC 13818-1 (= ITU-T H.222.0) by
// clause. It keeps no state between packets but for the assembly of sections,
// and knows neither feeds nor streams.
package mpegts

import "encoding/binary"

const (
	// PacketSize is the length of a transport packet in bytes (2.4.3.2).
	PacketSize = 188
	// SyncByte opens every packet (2.4.3.3).
	SyncByte = 0x47
	// PATPID carries the program association table (table 2-3).
	PATPID = 0x0000
	// NullPID carries stuffing (table 2-3).
	NullPID = 0x1fff
)

// A Packet is one transport packet: a slice of PacketSize bytes that begins
// with SyncByte. Accessors never read outside it, whatever it holds.
type Packet []byte

// TransportError says that the sender knew the packet to be damaged (2.4.3.3).
func (p Packet) TransportError() bool { return p[1]&0x80 != 0 }

// UnitStart says that a PES packet or a section begins here:
// payload_unit_start_indicator.
func (p Packet) UnitStart() bool { return p[1]&0x40 != 0 }

// PID is the packet identifier, 13 bits.
func (p Packet) PID() uint16 { return binary.BigEndian.Uint16(p[1:]) & 0x1fff }

// SetPID replaces the packet identifier.
func (p Packet) SetPID(pid uint16) {
	p[1] = p[1]&0xe0 | byte(pid>>8)&0x1f
	p[2] = byte(pid)
}

// Scrambled says that the payload is encrypted.
func (p Packet) Scrambled() bool { return p[3]&0xc0 != 0 }

// HasPayload says that adaptation_field_control announces a payload.
func (p Packet) HasPayload() bool { return p[3]&0x10 != 0 }

// Continuity is the continuity_counter, 4 bits.
func (p Packet) Continuity() byte { return p[3] & 0x0f }

// SetContinuity replaces the continuity_counter.
func (p Packet) SetContinuity(cc byte) { p[3] = p[3]&0xf0 | cc&0x0f }

// adaptation is the adaptation field after its length byte (2.4.3.4), nil
// where there is none or its length is impossible.
func (p Packet) adaptation() []byte {
	if p[3]&0x20 == 0 || p[4] == 0 || int(p[4]) > PacketSize-5 {
		return nil
	}
	return p[5 : 5+int(p[4])]
}

// Payload is what follows the header and adaptation field; nil where there is
// none or the field's length is impossible.
func (p Packet) Payload() []byte {
	switch {
	case !p.HasPayload():
		return nil
	case p[3]&0x20 == 0:
		return p[4:PacketSize]
	case int(p[4]) > PacketSize-5:
		return nil
	}
	return p[5+int(p[4]) : PacketSize]
}

// Discontinuity is the discontinuity_indicator (2.4.3.5).
func (p Packet) Discontinuity() bool {
	a := p.adaptation()
	return a != nil && a[0]&0x80 != 0
}

// SetDiscontinuity sets or clears the discontinuity_indicator. It reports
// false where the packet has no adaptation field to hold it.
func (p Packet) SetDiscontinuity(on bool) bool {
	a := p.adaptation()
	if a == nil {
		return false
	}
	a[0] &^= 0x80
	if on {
		a[0] |= 0x80
	}
	return true
}

// RandomAccess is the random_access_indicator (2.4.3.5).
func (p Packet) RandomAccess() bool {
	a := p.adaptation()
	return a != nil && a[0]&0x40 != 0
}

// PCR is the program clock reference in units of 1/27,000,000 s (2.4.3.5),
// less than PCRModulus.
func (p Packet) PCR() (ticks uint64, ok bool) {
	a := p.adaptation()
	if len(a) < 7 || a[0]&0x10 == 0 {
		return 0, false
	}
	base := uint64(binary.BigEndian.Uint32(a[1:]))<<1 | uint64(a[5]>>7)
	ext := uint64(a[5]&1)<<8 | uint64(a[6])
	return (base*300 + ext) % PCRModulus, true
}

// SetPCR replaces the program clock reference of a packet that has one.
func (p Packet) SetPCR(ticks uint64) {
	a := p.adaptation()
	if len(a) < 7 || a[0]&0x10 == 0 {
		return
	}
	ticks %= PCRModulus
	base, ext := ticks/300, ticks%300
	binary.BigEndian.PutUint32(a[1:], uint32(base>>1))
	a[5] = byte(base<<7) | 0x7e | byte(ext>>8)
	a[6] = byte(ext)
}

// ClearPCR takes the program clock reference out of a packet: the adaptation
// field keeps its length, and stuffing fills the end (2.4.3.5).
func (p Packet) ClearPCR() {
	a := p.adaptation()
	if len(a) < 7 || a[0]&0x10 == 0 {
		return
	}
	a[0] &^= 0x10
	for i := 1 + copy(a[1:], a[7:]); i < len(a); i++ {
		a[i] = 0xff
	}
}

// AppendPCR appends a packet without payload that carries a program clock
// reference in units of 1/27,000,000 s. cc is the counter of pid's last packet
// with payload, since this one does not advance it (2.4.3.3).
func AppendPCR(dst []byte, pid uint16, cc byte, ticks uint64) []byte {
	n := len(dst)
	dst = AppendDiscontinuity(dst, pid, cc+1)
	p := Packet(dst[n:])
	p[5] = 0x10
	p.SetPCR(ticks)
	return dst
}

// AppendDiscontinuity appends a packet without payload that makes a jump of
// pid's continuity counter legal (2.4.3.5): the next packet of pid has to
// carry next.
func AppendDiscontinuity(dst []byte, pid uint16, next byte) []byte {
	dst = append(dst, SyncByte, byte(pid>>8)&0x1f, byte(pid), 0x20|(next-1)&0x0f, PacketSize-5, 0x80)
	for range PacketSize - 6 {
		dst = append(dst, 0xff)
	}
	return dst
}

// Continuing returns how many packets b begins with that only go on with the
// payload of p: of its PID, without adaptation field or unit start, their
// counters one after the other.
func (p Packet) Continuing(b []byte) (n int) {
	const priority = 1 << 21 // transport_priority may be anything
	next := SyncByte<<24 | uint32(p.PID())<<8 | 0x10
	for cc := p.Continuity() + 1; len(b) >= PacketSize; cc, b = cc+1, b[PacketSize:] {
		if binary.BigEndian.Uint32(b)&^priority != next|uint32(cc&0x0f) {
			break
		}
		n++
	}
	return n
}

// Packets yields the packets of b, which is a whole number of them.
func Packets(b []byte) func(yield func(Packet) bool) {
	return func(yield func(Packet) bool) {
		for ; len(b) >= PacketSize; b = b[PacketSize:] {
			if !yield(Packet(b[:PacketSize:PacketSize])) {
				return
			}
		}
	}
}
