package mpegts_test

import (
	"encoding/binary"
	"testing"

	"vw/media/mpegts"
)

// pat is one section of a PAT: number of last, with its programs.
func pat(version, number, last byte, programs ...mpegts.Program) []byte {
	b := mpegts.PAT{StreamID: 1, Version: version, Programs: programs}.Section()
	b = b[:len(b)-4]
	b[6], b[7] = number, last
	return binary.BigEndian.AppendUint32(b, mpegts.CRC(b))
}

func TestFirstProgramOfAllSectionsIsFollowed(t *testing.T) {
	one, two, three := mpegts.Program{Number: 1, PMTPID: 0x1000}, mpegts.Program{Number: 2, PMTPID: 0x1100}, mpegts.Program{Number: 3, PMTPID: 0x1200}
	network := mpegts.Program{Number: 0, PMTPID: 0x10}
	for _, c := range []struct {
		name     string
		sections [][]byte
		want     []uint16 // the program after each
	}{
		{"one section", [][]byte{pat(0, 0, 0, one, two)}, []uint16{1}},
		{"two, again and again", [][]byte{pat(0, 0, 1, one), pat(0, 1, 1, two), pat(0, 0, 1, one), pat(0, 1, 1, two)}, []uint16{1, 1, 1, 1}},
		{"the second first", [][]byte{pat(0, 1, 1, two), pat(0, 0, 1, one), pat(0, 1, 1, two)}, []uint16{0, 1, 1}},
		{"the first names the network alone", [][]byte{pat(0, 0, 2, network), pat(0, 1, 2, two), pat(0, 2, 2, three), pat(0, 0, 2, network)}, []uint16{0, 2, 2, 2}},
		{"a new version", [][]byte{pat(0, 0, 1, one), pat(1, 0, 1, three), pat(1, 1, 1, one)}, []uint16{1, 3, 3}},
		{"a new version whose second part comes first", [][]byte{pat(0, 0, 1, one), pat(1, 1, 1, two), pat(1, 0, 1, three)}, []uint16{1, 1, 3}},
		{"changed under its version", [][]byte{pat(0, 0, 0, one), pat(0, 0, 0, two)}, []uint16{1, 2}},
		{"a PID that is none", [][]byte{pat(0, 0, 0, one), pat(1, 0, 0, mpegts.Program{Number: 2, PMTPID: mpegts.NullPID})}, []uint16{1, 1}},
	} {
		var r mpegts.ProgramReader
		var cc byte
		for i, section := range c.sections {
			var b []byte
			b, cc = mpegts.AppendSection(nil, mpegts.PATPID, cc, section)
			r.Feed(b)
			if r.Number != c.want[i] {
				t.Errorf("%s: program %d after section %d, want %d", c.name, r.Number, i, c.want[i])
			}
		}
	}
}

func TestPMTOfAnotherProgramOnTheSamePIDIsPassedOver(t *testing.T) {
	var r mpegts.ProgramReader
	var b []byte
	var cc byte
	b, _ = mpegts.AppendSection(b, mpegts.PATPID, 0, pat(0, 0, 0, mpegts.Program{Number: 2, PMTPID: 0x1000}, mpegts.Program{Number: 3, PMTPID: 0x1000}))
	for i := range 4 {
		b, cc = mpegts.AppendSection(b, 0x1000, cc, mpegts.PMT{Program: uint16(2 + i%2), PCRPID: 0x100}.Section())
	}
	changes := 0
	for p := range mpegts.Packets(b) {
		if r.Carries(p.PID()) && r.Feed(p) {
			changes++
		}
	}
	if changes != 1 || r.PMT.Program != 2 {
		t.Errorf("%d changes, the last to program %d", changes, r.PMT.Program)
	}
	if got := r.AppendPackets(nil); len(got) != 2*mpegts.PacketSize || got[len(got)-mpegts.PacketSize+3]&0x0f != 2 {
		t.Errorf("%d bytes of tables, not the PAT and the program's newest PMT", len(got))
	}
}
