package program_test

import (
	"encoding/binary"
	"time"

	"vw/media/mpegts"
)

// A device makes packets as a source with one track does, PCR 0.7 s before the
// DTS; or, where pcr is not set, none.
type device struct {
	pid     uint16
	coding  byte
	id      byte // stream_id
	pcr     bool
	version byte
	cc      byte
	psiCC   byte
}

func camera() *device     { return &device{pid: 0x100, coding: 0x1b, id: 0xe0, pcr: true} }
func microphone() *device { return &device{pid: 0x100, coding: 0x03, id: 0xc0, pcr: true} }

// tables are the device's PAT and PMT.
func (d *device) tables(more ...mpegts.Track) []byte {
	pat := mpegts.PAT{StreamID: 1, Programs: []mpegts.Program{{Number: 1, PMTPID: 0x1000}}}
	pmt := mpegts.PMT{Program: 1, Version: d.version, PCRPID: d.pid,
		Tracks: append([]mpegts.Track{{PID: d.pid, Type: d.coding}}, more...)}
	b, _ := mpegts.AppendSection(nil, mpegts.PATPID, d.psiCC, pat.Section())
	b, d.psiCC = mpegts.AppendSection(b, 0x1000, d.psiCC, pmt.Section())
	return b
}

// frame is one random access point that fills one packet.
func (d *device) frame(stamp time.Duration) []byte {
	return d.packet(pesHeader(d.id, uint64(stamp*9/100_000)), stamp, true)
}

// packet is one packet that begins a PES packet or goes on with it. Its PCR is
// that of stamp, if it is to have one.
func (d *device) packet(payload []byte, stamp time.Duration, begins bool) []byte {
	const fixed = 12 // header and adaptation field with PCR
	p := mpegts.Packet(make([]byte, mpegts.PacketSize))
	for i := range p {
		p[i] = 0xff
	}
	p[0], p[1], p[3] = mpegts.SyncByte, 0, 0x30
	if begins {
		p[1] = 0x40
	}
	p.SetPID(d.pid)
	p.SetContinuity(d.cc)
	d.cc++
	n := len(payload)
	p[4], p[5] = byte(mpegts.PacketSize-5-n), 0
	if begins {
		p[5] = 0x40
	}
	if d.pcr && begins && n <= mpegts.PacketSize-fixed {
		p[5] |= 0x10
		p.SetPCR(uint64(stamp/time.Microsecond)*27 + mpegts.PCRModulus - 18_900_000)
	}
	copy(p[mpegts.PacketSize-n:], payload)
	return p
}

// pesHeader opens an unbounded PES packet with a PTS.
func pesHeader(id byte, pts uint64) []byte {
	b := []byte{0, 0, 1, id, 0, 0, 0x80, 0x80, 5, 0x21, 0, 1, 0, 1}
	b[9] |= byte(pts >> 29 & 0x0e)
	binary.BigEndian.PutUint16(b[10:], uint16(pts>>14)|1)
	binary.BigEndian.PutUint16(b[12:], uint16(pts<<1)|1)
	return append(b, 0xde, 0xad, 0xbe, 0xef)
}

// ticks converts a duration to 1/90,000 s.
func ticks(d time.Duration) int64 { return int64(d / 1000 * 9 / 100) }
