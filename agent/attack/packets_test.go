package attack_test

import (
	"encoding/binary"
	"hash/crc32"
)

const packetSize = 188

// packets are n transport packets of one PID that count from first on, in
// their payload and in their continuity counter.
func packets(pid uint16, first, n int) []byte {
	b := make([]byte, n*packetSize)
	for i := range n {
		p := b[i*packetSize:][:packetSize]
		p[0], p[3] = 0x47, 0x10|byte((first+i)&0x0f)
		binary.BigEndian.PutUint16(p[1:], pid)
		binary.BigEndian.PutUint64(p[4:], uint64(first+i))
		for k := 12; k < len(p); k++ {
			p[k] = byte(pid)
		}
	}
	return b
}

// countPID is how many packets of a PID there are in b.
func countPID(b []byte, pid uint16) (n int) {
	for ; len(b) >= packetSize; b = b[packetSize:] {
		if binary.BigEndian.Uint16(b[1:])&0x1fff == pid {
			n++
		}
	}
	return n
}

// A track is an entry of a PMT.
type track struct {
	pid         uint16
	streamType  byte
	descriptors []byte
}

const pmtPID = 0x1000

// tables are a PAT and a PMT that name the tracks; the first one's PID carries
// the clock. count is that of both continuity counters.
func tables(count int, tracks ...track) []byte {
	pat := []byte{0, 1, 0xc1, 0, 0, 0, 1, 0xe0 | pmtPID>>8, pmtPID & 0xff}
	pmt := []byte{0, 1, 0xc1, 0, 0, 0xe0 | byte(tracks[0].pid>>8), byte(tracks[0].pid), 0xf0, 0}
	for _, t := range tracks {
		pmt = append(pmt, t.streamType, 0xe0|byte(t.pid>>8), byte(t.pid), 0xf0, byte(len(t.descriptors)))
		pmt = append(pmt, t.descriptors...)
	}
	return append(section(0, 0, count, pat), section(pmtPID, 2, count, pmt)...)
}

// section is a packet that holds a whole one (ISO/IEC 13818-1, 2.4.4).
func section(pid uint16, table byte, count int, body []byte) []byte {
	p := []byte{0x47, 0x40 | byte(pid>>8), byte(pid), 0x10 | byte(count&0x0f), 0}
	s := append([]byte{table, 0xb0 | byte((len(body)+4)>>8), byte(len(body) + 4)}, body...)
	p = append(p, binary.BigEndian.AppendUint32(s, crcMPEG(s))...)
	for len(p) < packetSize {
		p = append(p, 0xff)
	}
	return p
}

// crcMPEG is that of annex A, which is IEEE's of bits the other way round.
func crcMPEG(b []byte) uint32 {
	turned := make([]byte, len(b))
	for i, c := range b {
		turned[i] = turn8(c)
	}
	sum := ^crc32.ChecksumIEEE(turned)
	return uint32(turn8(byte(sum)))<<24 | uint32(turn8(byte(sum>>8)))<<16 | uint32(turn8(byte(sum>>16)))<<8 | uint32(turn8(byte(sum>>24)))
}

func turn8(b byte) (r byte) {
	for range 8 {
		r, b = r<<1|b&1, b>>1
	}
	return r
}

// pes is a packet in which a PES packet of stream id begins, with a PTS of so
// many 90 kHz ticks, and which holds a clock where pcr is set. It is filled with
// one byte.
func pes(pid uint16, count int, id byte, pts uint64, pcr bool, fill byte) []byte {
	p := []byte{0x47, 0x40 | byte(pid>>8), byte(pid), 0x10 | byte(count&0x0f)}
	if pcr {
		p[3] |= 0x20
		base := pts - 9000
		p = append(p, 7, 0x10, byte(base>>25), byte(base>>17), byte(base>>9), byte(base>>1), byte(base<<7)|0x7e, 0)
	}
	p = append(p, 0, 0, 1, id, 0, 0, 0x80, 0x80, 5,
		0x21|byte(pts>>29)&0x0e, byte(pts>>22), 0x01|byte(pts>>14)&0xfe, byte(pts>>7), 0x01|byte(pts<<1))
	binary.BigEndian.PutUint16(p[len(p)-10:], uint16(packetSize-len(p)+8))
	for len(p) < packetSize {
		p = append(p, fill)
	}
	return p
}
