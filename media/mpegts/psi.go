package mpegts

import (
	"encoding/binary"
	"errors"
)

// table_id values (table 2-31).
const (
	tablePAT = 0x00
	tablePMT = 0x02
)

const userPrivate = 0x80 // the first stream_type of that sort (table 2-34)

// A Program is one entry of the program association table (2.4.4.3).
type Program struct {
	Number uint16
	PMTPID uint16
}

// A PAT is a program association table that fits one section.
type PAT struct {
	StreamID uint16
	Version  byte // 0 to 31
	Programs []Program
}

// A Track is one elementary stream of a program (2.4.4.8).
type Track struct {
	PID         uint16
	Type        byte // stream_type, table 2-34
	Descriptors []byte
	// Registration is the first format_identifier of the program's own
	// descriptors (2.6.8), where the Type is user private: it says what that
	// means. PMT.Section does not write it.
	Registration string
}

// A PMT is a program map table.
type PMT struct {
	Program     uint16
	Version     byte // 0 to 31
	PCRPID      uint16
	Descriptors []byte // of the program
	Tracks      []Track
}

// Errors of the section parsers.
var (
	ErrCRC     = errors.New("section CRC does not match")
	ErrSection = errors.New("malformed section")
)

// CRC is the CRC-32 of a section (Annex A): 0 over a whole valid one.
func CRC(b []byte) uint32 {
	crc := ^uint32(0)
	for _, x := range b {
		crc = crc<<8 ^ crcTable[byte(crc>>24)^x]
	}
	return crc
}

var crcTable = func() (t [256]uint32) {
	for i := range t {
		c := uint32(i) << 24
		for range 8 {
			carry := c >> 31
			c = c<<1 ^ carry*0x04c11db7
		}
		t[i] = c
	}
	return t
}()

// section checks the frame that PAT and PMT share (2.4.4.3, 2.4.4.8) and
// returns what lies between its eight byte header and the CRC.
func section(b []byte, table byte) ([]byte, error) {
	if len(b) < 12 || b[0] != table || b[1]&0x80 == 0 || len(b) != 3+int(binary.BigEndian.Uint16(b[1:])&0x0fff) {
		return nil, ErrSection
	}
	if CRC(b) != 0 {
		return nil, ErrCRC
	}
	return b[8 : len(b)-4], nil
}

// Current says that a section applies now: current_next_indicator.
func Current(section []byte) bool { return len(section) > 5 && section[5]&1 != 0 }

// ParsePAT reads a whole section. The network PID (program 0) is left out.
func ParsePAT(sec []byte) (PAT, error) {
	body, err := section(sec, tablePAT)
	if err != nil {
		return PAT{}, err
	}
	pat := PAT{StreamID: binary.BigEndian.Uint16(sec[3:]), Version: sec[5] >> 1 & 0x1f}
	for ; len(body) >= 4; body = body[4:] {
		if n := binary.BigEndian.Uint16(body); n != 0 {
			pat.Programs = append(pat.Programs, Program{n, binary.BigEndian.Uint16(body[2:]) & 0x1fff})
		}
	}
	return pat, nil
}

// ParsePMT reads a whole section. What it returns shares no memory with sec.
func ParsePMT(sec []byte) (PMT, error) {
	body, err := section(sec, tablePMT)
	if err != nil {
		return PMT{}, err
	}
	if len(body) < 4 {
		return PMT{}, ErrSection
	}
	pmt := PMT{
		Program: binary.BigEndian.Uint16(sec[3:]),
		Version: sec[5] >> 1 & 0x1f,
		PCRPID:  binary.BigEndian.Uint16(body) & 0x1fff,
	}
	var ok bool
	if pmt.Descriptors, body, ok = descriptors(body[2:]); !ok {
		return PMT{}, ErrSection
	}
	format := ""
	for d := pmt.Descriptors; format == "" && len(d) >= 2 && len(d) >= 2+int(d[1]); d = d[2+int(d[1]):] {
		format = registration(d)
	}
	for len(body) >= 5 {
		t := Track{Type: body[0], PID: binary.BigEndian.Uint16(body[1:]) & 0x1fff}
		if t.Type >= userPrivate {
			t.Registration = format
		}
		if t.Descriptors, body, ok = descriptors(body[3:]); !ok {
			return PMT{}, ErrSection
		}
		pmt.Tracks = append(pmt.Tracks, t)
	}
	return pmt, nil
}

// descriptors splits a 12-bit length and that many bytes off b.
func descriptors(b []byte) (d, rest []byte, ok bool) {
	if len(b) < 2 {
		return nil, nil, false
	}
	n := int(binary.BigEndian.Uint16(b) & 0x0fff)
	if len(b) < 2+n {
		return nil, nil, false
	}
	return append([]byte(nil), b[2:2+n]...), b[2+n:], true
}

// Section is the table as one section, CRC included.
func (t PAT) Section() []byte {
	b := header(tablePAT, t.StreamID, t.Version)
	for _, p := range t.Programs {
		b = binary.BigEndian.AppendUint16(b, p.Number)
		b = binary.BigEndian.AppendUint16(b, p.PMTPID|0xe000)
	}
	return seal(b)
}

// Section is the table as one section, CRC included. Its length is the
// caller's to bound: a section has at most 1,021 bytes after its length field.
func (t PMT) Section() []byte {
	b := header(tablePMT, t.Program, t.Version)
	b = binary.BigEndian.AppendUint16(b, t.PCRPID|0xe000)
	b = binary.BigEndian.AppendUint16(b, uint16(len(t.Descriptors))|0xf000)
	b = append(b, t.Descriptors...)
	for _, k := range t.Tracks {
		b = append(b, k.Type)
		b = binary.BigEndian.AppendUint16(b, k.PID|0xe000)
		b = binary.BigEndian.AppendUint16(b, uint16(len(k.Descriptors))|0xf000)
		b = append(b, k.Descriptors...)
	}
	return seal(b)
}

// header opens a section of one part that applies now; seal sets its length.
func header(table byte, id uint16, version byte) []byte {
	return []byte{table, 0, 0, byte(id >> 8), byte(id), 0xc1 | version&0x1f<<1, 0, 0}
}

func seal(b []byte) []byte {
	binary.BigEndian.PutUint16(b[1:], 0xb000|uint16(len(b)-3+4))
	return binary.BigEndian.AppendUint32(b, CRC(b))
}

// AppendSection appends sec as packets of pid, the first carrying cc, and
// returns the counter that the next packet of pid has to carry (2.4.4).
func AppendSection(dst []byte, pid uint16, cc byte, sec []byte) ([]byte, byte) {
	start := byte(0x40)
	for len(sec) > 0 {
		end := len(dst) + PacketSize
		dst = append(dst, SyncByte, start|byte(pid>>8)&0x1f, byte(pid), 0x10|cc&0x0f)
		if start != 0 {
			dst = append(dst, 0) // pointer_field: the section begins at once
		}
		n := min(len(sec), end-len(dst))
		dst = append(dst, sec[:n]...)
		sec = sec[n:]
		for len(dst) < end {
			dst = append(dst, 0xff)
		}
		start, cc = 0, cc+1
	}
	return dst, cc & 0x0f
}

// A SectionReader assembles the sections of one PID from its packets. The zero
// value is ready. It keeps at most one section of 4,096 bytes.
type SectionReader struct {
	buf     []byte
	synced  bool
	counter Counter
}

// Feed takes the next packet of the PID and calls f with every section that
// it completes; the section is valid during the call only. A gap in the
// continuity counters drops the section in hand.
func (r *SectionReader) Feed(p Packet, f func(section []byte)) {
	b := p.Payload()
	if len(b) == 0 || p.TransportError() {
		return
	}
	switch step := r.counter.Follow(p); {
	case step.Repeats() && r.synced:
		return
	case step != Onward:
		r.buf, r.synced = r.buf[:0], false
	}
	if p.UnitStart() {
		n := 1 + int(b[0]) // pointer_field (2.4.4.2)
		if n > len(b) {
			r.buf, r.synced = r.buf[:0], false
			return
		}
		if r.synced {
			r.take(b[1:n], f)
		}
		r.buf, r.synced = r.buf[:0], true
		b = b[n:]
	}
	if r.synced && (p.UnitStart() || len(r.buf) > 0) { // else stuffing goes on
		r.take(b, f)
	}
}

func (r *SectionReader) take(b []byte, f func([]byte)) {
	r.buf = append(r.buf, b...)
	for len(r.buf) >= 3 && r.buf[0] != 0xff { // 0xff: stuffing to the end
		n := 3 + int(binary.BigEndian.Uint16(r.buf[1:])&0x0fff)
		if len(r.buf) < n {
			return
		}
		f(r.buf[:n])
		r.buf = r.buf[:copy(r.buf, r.buf[n:])]
	}
	if len(r.buf) >= 3 {
		r.buf = r.buf[:0]
	}
}
