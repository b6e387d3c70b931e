package mpegts_test

import (
	"bytes"
	"testing"

	"vw/media/mpegts"
)

// packet is head, filled up to a whole packet.
func packet(head ...byte) mpegts.Packet {
	p := bytes.Repeat([]byte{0xff}, mpegts.PacketSize)
	copy(p, head)
	return p
}

func TestPacketsThatOnlyGoOnAreCounted(t *testing.T) {
	begins := packet(0x47, 0x41, 0x23, 0x3e) // a unit, with an adaptation field
	next := packet(0x47, 0x01, 0x23, 0x1f)
	for name, c := range map[string]struct {
		third mpegts.Packet
		n     int
	}{
		"the counter wraps":       {packet(0x47, 0x21, 0x23, 0x10), 2},
		"another PID":             {packet(0x47, 0x01, 0x24, 0x10), 1},
		"another counter":         {packet(0x47, 0x01, 0x23, 0x11), 1},
		"a unit begins":           {packet(0x47, 0x41, 0x23, 0x10), 1},
		"an adaptation field":     {packet(0x47, 0x01, 0x23, 0x30), 1},
		"scrambled":               {packet(0x47, 0x01, 0x23, 0x90), 1},
		"a transport error":       {packet(0x47, 0x81, 0x23, 0x10), 1},
		"no sync byte":            {packet(0x48, 0x01, 0x23, 0x10), 1},
		"less than a packet left": {packet(0x47, 0x01, 0x23, 0x10)[:187], 1},
	} {
		if n := begins.Continuing(bytes.Join([][]byte{next, c.third}, nil)); n != c.n {
			t.Errorf("%s: %d", name, n)
		}
	}
}

func TestPacketTellsItsHeader(t *testing.T) {
	type header struct {
		tei, start, scrambled, payload bool
		pid                            uint16
		cc                             byte
	}
	for name, c := range map[string]struct {
		p    mpegts.Packet
		want header
	}{
		"plain":           {packet(0x47, 0x01, 0x00, 0x13), header{payload: true, pid: 0x100, cc: 3}},
		"unit start":      {packet(0x47, 0x5f, 0xff, 0x1f), header{start: true, payload: true, pid: 0x1fff, cc: 15}},
		"transport error": {packet(0x47, 0x81, 0x02, 0x10), header{tei: true, payload: true, pid: 0x102}},
		"scrambled":       {packet(0x47, 0x01, 0x02, 0x90), header{scrambled: true, payload: true, pid: 0x102}},
		"adaptation only": {packet(0x47, 0x01, 0x02, 0x21, 183, 0), header{pid: 0x102, cc: 1}},
	} {
		got := header{c.p.TransportError(), c.p.UnitStart(), c.p.Scrambled(), c.p.HasPayload(), c.p.PID(), c.p.Continuity()}
		if got != c.want {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
}

func TestPacketTellsWhereItsPayloadBegins(t *testing.T) {
	for name, c := range map[string]struct {
		p    mpegts.Packet
		want int
	}{
		"no adaptation field":         {packet(0x47, 0, 0, 0x10), 184},
		"empty adaptation field":      {packet(0x47, 0, 0, 0x30, 0), 183},
		"adaptation field":            {packet(0x47, 0, 0, 0x30, 10, 0), 173},
		"adaptation field to the end": {packet(0x47, 0, 0, 0x30, 183, 0), 0},
		"impossible length":           {packet(0x47, 0, 0, 0x30, 184, 0), 0},
		"adaptation only":             {packet(0x47, 0, 0, 0x20, 183, 0), 0},
		"neither":                     {packet(0x47, 0, 0, 0x00), 0},
	} {
		if got := len(c.p.Payload()); got != c.want {
			t.Errorf("%s: payload of %d bytes, want %d", name, got, c.want)
		}
	}
}

func TestPacketTellsItsAdaptationField(t *testing.T) {
	p := packet(0x47, 0, 0, 0x30, 7, 0xd0, 0xff, 0xff, 0xff, 0xff, 0xff, 0x2b)
	if !p.Discontinuity() || !p.RandomAccess() {
		t.Error("indicators are not seen")
	}
	// The largest base, and 299: one before the wrap (2.4.3.5).
	if pcr, ok := p.PCR(); !ok || pcr != mpegts.PCRModulus-1 {
		t.Errorf("PCR %d, %v, want %d", pcr, ok, uint64(mpegts.PCRModulus-1))
	}
	beyond := packet(0x47, 0, 0, 0x30, 7, 0x10, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff)
	if pcr, ok := beyond.PCR(); !ok || pcr != 511-300 {
		t.Errorf("a PCR with an extension beyond 299: %d, %v, want it past the wrap", pcr, ok)
	}
	for name, p := range map[string]mpegts.Packet{
		"flag without room": packet(0x47, 0, 0, 0x30, 6, 0x10),
		"no flag":           packet(0x47, 0, 0, 0x30, 7, 0x00),
		"no field":          packet(0x47, 0, 0, 0x10),
		"impossible length": packet(0x47, 0, 0, 0x30, 200, 0xf0),
	} {
		if pcr, ok := p.PCR(); ok {
			t.Errorf("%s: PCR %d out of nothing", name, pcr)
		}
		before := bytes.Clone(p)
		if p.SetPCR(1); !bytes.Equal(p, before) {
			t.Errorf("%s: a PCR was written where there is none", name)
		}
	}
	if packet(0x47, 0, 0, 0x10).SetDiscontinuity(true) {
		t.Error("an indicator was set where there is no field")
	}
}

func TestPacketTakesWhatIsSet(t *testing.T) {
	for pid := range uint16(0x2000) {
		p := packet(0x47, 0xe0, 0, 0x1f)
		p.SetPID(pid)
		if p.PID() != pid || p[1]&0xe0 != 0xe0 {
			t.Fatalf("PID %#x became %#x, flags %#x", pid, p.PID(), p[1])
		}
	}
	for cc := range byte(16) {
		p := packet(0x47, 0, 0, 0xf0)
		if p.SetContinuity(cc); p.Continuity() != cc || p[3]&0xf0 != 0xf0 {
			t.Fatalf("counter %d became %d, flags %#x", cc, p.Continuity(), p[3])
		}
	}
	for _, pcr := range []uint64{0, 1, 299, 300, 511, 600, 1 << 32 * 300, mpegts.PCRModulus - 1} {
		p := packet(0x47, 0, 0, 0x30, 7, 0x10)
		p.SetPCR(pcr)
		if got, _ := p.PCR(); got != pcr {
			t.Errorf("PCR %d became %d", pcr, got)
		}
		p.SetPCR(pcr + mpegts.PCRModulus)
		if got, _ := p.PCR(); got != pcr {
			t.Errorf("PCR %d past the wrap became %d", pcr, got)
		}
	}
	p := packet(0x47, 0, 0, 0x30, 1, 0x40)
	if !p.SetDiscontinuity(true) || !p.Discontinuity() || !p.RandomAccess() {
		t.Error("the indicator is not set, or took another with it")
	}
	if !p.SetDiscontinuity(false) || p.Discontinuity() || !p.RandomAccess() {
		t.Error("the indicator is not cleared, or took another with it")
	}
}

func TestDiscontinuityPacketAnnouncesTheNextCounter(t *testing.T) {
	for next := range byte(16) {
		p := mpegts.Packet(mpegts.AppendDiscontinuity(nil, 0x1234, next))
		if len(p) != mpegts.PacketSize || p[0] != mpegts.SyncByte || p.PID() != 0x1234 {
			t.Fatalf("not a packet of PID 0x1234: % x", []byte(p[:8]))
		}
		if !p.Discontinuity() || p.HasPayload() || p.UnitStart() || p.Scrambled() || (p.Continuity()+1)&15 != next {
			t.Errorf("before %d: % x", next, []byte(p[:8]))
		}
	}
}

func TestPacketsYieldsWholePacketsThatCannotGrow(t *testing.T) {
	b := append(packet(0x47, 0, 1), packet(0x47, 0, 2)...)
	var pids []uint16
	for p := range mpegts.Packets(append(b, 0x47, 0)) {
		if pids = append(pids, p.PID()); cap(p) != mpegts.PacketSize {
			t.Errorf("a packet reaches into the next: capacity %d", cap(p))
		}
	}
	if len(pids) != 2 || pids[0] != 1 || pids[1] != 2 {
		t.Errorf("PIDs %v, want 1 and 2", pids)
	}
	for range mpegts.Packets(b) {
		break
	}
}

func FuzzPacket(f *testing.F) {
	f.Add([]byte(packet(0x47, 0x41, 0x00, 0x30, 7, 0x50, 1, 2, 3, 4, 5, 6, 0, 0, 1, 0xe0, 0, 0, 0x80, 0xc0, 10)))
	f.Add([]byte(packet(0x47, 0x41, 0x00, 0x10, 0, 0, 1, 0xc0, 0, 0, 0x80, 0x80, 5, 0x21, 0, 1, 0, 1)))
	f.Add([]byte(packet(0x47, 0x41, 0x00, 0x30, 170, 0, 0)))
	f.Fuzz(func(t *testing.T, b []byte) {
		p := packet(b...)
		if pcr, ok := p.PCR(); ok {
			if p.SetPCR(pcr); pcr >= mpegts.PCRModulus {
				t.Fatalf("PCR %d is beyond the wrap", pcr)
			}
			if again, _ := p.PCR(); again != pcr {
				t.Fatalf("PCR %d became %d", pcr, again)
			}
		}
		on := p.SetDiscontinuity(true)
		if p.Discontinuity() != on {
			t.Fatal("discontinuity is not what was set")
		}
		s, ok := p.PES()
		if !ok {
			return
		}
		pts, hasPTS := s.PTS()
		dts, _ := s.DTS()
		before := bytes.Clone(p)
		s.Shift(12345)
		if now, ok := s.PTS(); ok != hasPTS || ok && mpegts.PTSDelta(now, pts) != 12345 {
			t.Fatalf("PTS %d became %d", pts, now)
		}
		if now, ok := s.DTS(); ok && mpegts.PTSDelta(now, dts) != 12345 {
			t.Fatalf("DTS %d became %d", dts, now)
		}
		if s.Shift(-12345); !hasPTS && !bytes.Equal(before, p) {
			t.Fatal("a shift changed what has no stamps")
		}
	})
}
