package program_test

import (
	"bytes"
	"math/rand/v2"
	"testing"
	"time"

	"vw/media/mpegts"
	"vw/media/program"
	"vw/media/tscheck"
)

// FuzzAppend damages two transport streams as ops say, and holds the output to
// what has to be true whatever comes in.
func FuzzAppend(f *testing.F) {
	av, a := clip(f, both("1", "mpeg1video", "mp2")...), clip(f, audio("1", "mp2")...)
	av, a = av[:min(len(av), 600*mpegts.PacketSize)], a[:min(len(a), 300*mpegts.PacketSize)]
	f.Add([]byte{})
	f.Add([]byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15})
	for i := range 100 { // from all packets damaged to hardly any
		r := rand.NewChaCha8([32]byte{byte(i)})
		ops := make([]byte, 4000)
		r.Read(ops)
		for j := 0; j < len(ops); j += 4 {
			if int(r.Uint64()%100) < i {
				ops[j] &= 0x83
			}
			ops[j+1] &= byte(1<<(i%9) - 1)
		}
		f.Add(ops)
	}
	f.Fuzz(func(t *testing.T, ops []byte) {
		p := selecting("av", "a")
		check := tscheck.New(tscheck.Options{})
		streams := map[string][]byte{"av": bytes.Clone(av), "a": bytes.Clone(a)}
		names := []string{"av", "a"}
		var at time.Duration
		var dst []byte
		for i := 0; len(streams["av"])+len(streams["a"]) > 0; i++ {
			var op [4]byte
			if 4*i < len(ops) {
				copy(op[:], ops[4*i:])
			}
			feed := names[op[0]>>7]
			if len(streams[feed]) == 0 {
				feed = names[1-op[0]>>7]
			}
			n := min(len(streams[feed]), (1+int(op[0]&3))*mpegts.PacketSize)
			src := streams[feed][:n]
			streams[feed] = streams[feed][n:]
			mutate(p, src, op)
			if op[0]&0x70 == 0x70 {
				p.Select(rule([][]string{{"av:audio", "a"}, {"a"}, {"a", "av"}, {"av:video"}, {}}[int(op[3])%5]...))
			}
			at += time.Duration(op[1]) * time.Millisecond
			dst = p.Append(dst[:0], feed, src, at)
			if len(dst)%mpegts.PacketSize != 0 || len(dst) > 16*len(src)+1<<14 {
				t.Fatalf("%d bytes of %d", len(dst), len(src))
			}
			for q := range mpegts.Packets(dst) {
				if !p.Passing()(feed, q) {
					t.Fatalf("PID %#x is not selected", q.PID())
				}
			}
			check.Write(dst)
		}
		r := check.Report()
		if r.ContinuityErrors+r.UnreferencedPackets+r.CRCErrors+r.MalformedTables+r.UnmarkedChanges+r.TransportErrors+r.Duplicates+r.SkippedBytes != 0 {
			t.Fatal(r.Faults())
		}
		for _, g := range r.Programs {
			if g.PCRReverses != 0 {
				t.Fatal(r.Faults())
			}
			for _, track := range g.Tracks {
				if track.Kind != "data" && track.DTSReverses != 0 { // data may come in any order
					t.Fatal(r.Faults())
				}
			}
		}
	})
}

// mutate damages packets in one of several ways, or leaves them.
func mutate(p *program.Program, src []byte, op [4]byte) {
	spot := (int(op[2]) | int(op[3])<<8) % len(src)
	switch op[0] >> 2 & 15 {
	case 1:
		src[spot] ^= op[3] | 1
	case 2:
		src[spot] = 0xff
	case 3: // another PID
		mpegts.Packet(src).SetPID(uint16(op[2])<<5 | uint16(op[3]))
	case 4:
		mpegts.Packet(src).SetContinuity(op[2])
	case 5: // header and adaptation field
		copy(src[3:], op[2:])
	case 6:
		p.Restart("av")
	case 7: // a table that is another, with a good CRC
		pmt := mpegts.PMT{Program: 1, Version: op[1], PCRPID: 0x100 + uint16(op[2]&3), Tracks: []mpegts.Track{
			{PID: 0x100 + uint16(op[2]&1), Type: op[3]}, {PID: 0x100 + uint16(op[3]&3), Type: 2}, {PID: uint16(op[3]), Type: 3}}}
		b, _ := mpegts.AppendSection(nil, 0x1000, mpegts.Packet(src).Continuity(), pmt.Section())
		copy(src, b[:mpegts.PacketSize])
	case 8: // a stamp
		if s, ok := mpegts.Packet(src).PES(); ok {
			s.Shift(int64(op[2])<<25 | int64(op[3])<<10)
		}
	case 9: // a PCR
		mpegts.Packet(src).SetPCR(uint64(op[2])<<33 | uint64(op[3])<<20)
	}
}
