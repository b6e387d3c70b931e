package mpegts_test

import (
	"testing"

	"vw/media/mpegts"
)

// pes is a packet whose payload is b, at the end of it.
func pes(b ...byte) mpegts.Packet {
	p := packet(0x47, 0x41, 0x00, 0x30, byte(mpegts.PacketSize-5-len(b)), 0)
	copy(p[mpegts.PacketSize-len(b):], b)
	return p
}

func TestPESTellsItsStamps(t *testing.T) {
	for name, c := range map[string]struct {
		p        mpegts.Packet
		ok       bool
		pts, dts uint64
		stamped  bool
	}{
		// 0x1_2345_6789 and 0x0_8000_7fff, written out by 2.4.3.6.
		"both": {pes(0, 0, 1, 0xe0, 0, 0, 0x80, 0xc0, 10, 0x39, 0x8d, 0x15, 0xcf, 0x13, 0x15, 0x00, 0x01, 0xff, 0xff),
			true, 0x1_2345_6789, 0x0_8000_7fff, true},
		"PTS only": {pes(0, 0, 1, 0xc0, 0, 9, 0x80, 0x80, 5, 0x2f, 0xff, 0xff, 0xff, 0xff),
			true, 1<<33 - 1, 1<<33 - 1, true},
		"none":                   {pes(0, 0, 1, 0xc0, 0, 9, 0x80, 0x00, 0), true, 0, 0, false},
		"forbidden DTS only":     {pes(0, 0, 1, 0xc0, 0, 9, 0x80, 0x40, 5, 1, 1, 1, 1, 1), true, 0, 0, false},
		"padding":                {pes(0, 0, 1, 0xbe, 0, 9, 0x80, 0xc0, 10, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1), true, 0, 0, false},
		"no such header":         {pes(0, 0, 1, 0xe0, 0, 9, 0x0f, 0xc0, 10, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1), true, 0, 0, false},
		"stamps cut short":       {pes(0, 0, 1, 0xe0, 0, 0, 0x80, 0xc0, 10, 0x39, 0x8d, 0x15, 0xcf, 0x13, 0x15, 0, 1, 0xff), false, 0, 0, false},
		"header cut short":       {pes(0, 0, 1, 0xe0, 0, 0, 0x80, 0xc0), false, 0, 0, false},
		"no start code":          {pes(0, 0, 2, 0xe0, 0, 0, 0x80, 0x00, 0), false, 0, 0, false},
		"start code and no more": {pes(0, 0, 1), false, 0, 0, false},
	} {
		s, ok := c.p.PES()
		if ok != c.ok {
			t.Errorf("%s: is a PES start: %v", name, ok)
			continue
		}
		if !ok {
			continue
		}
		pts, hasPTS := s.PTS()
		dts, hasDTS := s.DTS()
		if hasPTS != c.stamped || hasDTS != c.stamped || pts != c.pts || dts != c.dts {
			t.Errorf("%s: PTS %#x %v, DTS %#x %v, want %#x, %#x %v", name, pts, hasPTS, dts, hasDTS, c.pts, c.dts, c.stamped)
		}
	}
	if _, ok := packet(0x47, 0x01, 0, 0x10, 0, 0, 1, 0xe0, 0, 0, 0x80, 0, 0).PES(); ok {
		t.Error("a PES starts without payload_unit_start_indicator")
	}
}

func TestPESTakesWhatIsSet(t *testing.T) {
	p := pes(0, 0, 1, 0xe0, 0x12, 0x34, 0x80, 0xc0, 10, 0x3f, 0xff, 0xff, 0xff, 0xff, 0x11, 0, 1, 0, 1)
	s, _ := p.PES()
	if s.Length() != 0x1234 || s.StreamID() != 0xe0 {
		t.Errorf("length %#x, stream_id %#x", s.Length(), s.StreamID())
	}
	if s.SetStreamID(0xe1); s.StreamID() != 0xe1 || p[mpegts.PacketSize-len(s)+3] != 0xe1 {
		t.Error("stream_id is not set in the packet")
	}
	for _, c := range []struct {
		shift    int64
		pts, dts uint64
	}{{1, 0, 1}, {-2, 1<<33 - 2, 1<<33 - 1}, {1 << 33, 1<<33 - 2, 1<<33 - 1}, {0x1_2345_678b, 0x1_2345_6789, 0x1_2345_678a}} {
		s.Shift(c.shift)
		pts, _ := s.PTS()
		dts, _ := s.DTS()
		if pts != c.pts || dts != c.dts {
			t.Errorf("shifted by %d: PTS %#x, DTS %#x, want %#x, %#x", c.shift, pts, dts, c.pts, c.dts)
		}
		// Prefix and marker bits (2.4.3.6).
		if s[9]&0xf1 != 0x31 || s[14]&0xf1 != 0x11 || s[11]&s[13]&s[16]&s[18]&1 != 1 {
			t.Errorf("shifted by %d: markers are gone: % x", c.shift, []byte(s[9:19]))
		}
	}
}

func TestDeltaGoesTheShortWayRoundTheCircle(t *testing.T) {
	for _, c := range []struct {
		a, b uint64
		want int64
	}{
		{10, 4, 6}, {4, 10, -6}, {3, 3, 0},
		{2, 1<<33 - 1, 3}, {1<<33 - 1, 2, -3},
		{1 << 32, 0, -1 << 32}, {1<<32 - 1, 0, 1<<32 - 1},
		{1<<33 + 5, 5, 0},
	} {
		if got := mpegts.PTSDelta(c.a, c.b); got != c.want {
			t.Errorf("PTSDelta(%d, %d) = %d, want %d", c.a, c.b, got, c.want)
		}
		if got := mpegts.PCRDelta(c.a*300, c.b*300); got != c.want*300 {
			t.Errorf("PCRDelta(%d, %d) = %d, want %d", c.a*300, c.b*300, got, c.want*300)
		}
	}
}
