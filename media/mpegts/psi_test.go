package mpegts_test

import (
	"bytes"
	"errors"
	"reflect"
	"testing"

	"vw/media/mpegts"
)

// ffmpegPAT is the PAT that ffmpeg sends: program 1, its PMT on PID 0x1000.
var ffmpegPAT = []byte{0x00, 0xb0, 0x0d, 0x00, 0x01, 0xc1, 0x00, 0x00, 0x00, 0x01, 0xf0, 0x00, 0x2a, 0xb1, 0x04, 0xb2}

var somePMT = mpegts.PMT{
	Program: 0x1234, Version: 31, PCRPID: 0x1ffe,
	Descriptors: []byte{5, 4, 'H', 'D', 'M', 'V'},
	Tracks: []mpegts.Track{
		{PID: 0x100, Type: 0x1b},
		{PID: 0x101, Type: 0x06, Descriptors: []byte{5, 4, 'O', 'p', 'u', 's'}},
	},
}

func TestPATIsWhatFfmpegSends(t *testing.T) {
	want := mpegts.PAT{StreamID: 1, Programs: []mpegts.Program{{Number: 1, PMTPID: 0x1000}}}
	got, err := mpegts.ParsePAT(ffmpegPAT)
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v, want %+v", got, err, want)
	}
	if sec := want.Section(); !bytes.Equal(sec, ffmpegPAT) {
		t.Errorf("% x, want % x", sec, ffmpegPAT)
	}
}

func TestPATLeavesOutTheNetworkPID(t *testing.T) {
	pat := mpegts.PAT{Version: 7, Programs: []mpegts.Program{{0, 0x10}, {0xffff, 0x1fff}}}
	got, err := mpegts.ParsePAT(pat.Section())
	if err != nil || got.Version != 7 || len(got.Programs) != 1 || got.Programs[0] != pat.Programs[1] {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestPMTSurvivesWritingAndReading(t *testing.T) {
	for name, pmt := range map[string]mpegts.PMT{
		"full":      somePMT,
		"no tracks": {Program: 1, PCRPID: mpegts.NullPID},
	} {
		sec := pmt.Section()
		got, err := mpegts.ParsePMT(sec)
		if err != nil || !reflect.DeepEqual(got, pmt) {
			t.Errorf("%s: %+v, %v, want %+v", name, got, err, pmt)
		}
		clear(sec)
		if !reflect.DeepEqual(got, pmt) {
			t.Errorf("%s: the table shares memory with its section", name)
		}
	}
}

func TestSectionsThatAreWrongAreRefused(t *testing.T) {
	sealed := func(sec []byte) []byte { // a right CRC and length for a wrong body
		sec[1], sec[2] = 0xb0|byte((len(sec)+1)>>8), byte(len(sec)+1)
		crc := mpegts.CRC(sec)
		return append(sec, byte(crc>>24), byte(crc>>16), byte(crc>>8), byte(crc))
	}
	flip := func(sec []byte, at int, bits byte) []byte {
		sec = bytes.Clone(sec)
		sec[at] ^= bits
		return sec
	}
	for name, c := range map[string]struct {
		sec  []byte
		want error
	}{
		"empty":                        {nil, mpegts.ErrSection},
		"cut short":                    {somePMT.Section()[:20], mpegts.ErrSection},
		"a byte too long":              {append(somePMT.Section(), 0), mpegts.ErrSection},
		"another table":                {ffmpegPAT, mpegts.ErrSection},
		"no syntax indicator":          {flip(somePMT.Section(), 1, 0x80), mpegts.ErrSection},
		"a bit flipped":                {flip(somePMT.Section(), 9, 1), mpegts.ErrCRC},
		"no PCR PID":                   {sealed([]byte{2, 0, 0, 0, 1, 0xc1, 0, 0}), mpegts.ErrSection},
		"program descriptors too long": {sealed([]byte{2, 0, 0, 0, 1, 0xc1, 0, 0, 0xe1, 0, 0xf0, 9}), mpegts.ErrSection},
		"track descriptors too long":   {sealed([]byte{2, 0, 0, 0, 1, 0xc1, 0, 0, 0xe1, 0, 0xf0, 0, 2, 0xe1, 0, 0xf0, 1}), mpegts.ErrSection},
	} {
		if pmt, err := mpegts.ParsePMT(c.sec); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, %v, want %v", name, pmt, err, c.want)
		}
	}
	if _, err := mpegts.ParsePAT(flip(ffmpegPAT, 15, 1)); !errors.Is(err, mpegts.ErrCRC) {
		t.Errorf("PAT with a wrong CRC: %v", err)
	}
	if mpegts.Current(flip(ffmpegPAT, 5, 1)) || !mpegts.Current(ffmpegPAT) || mpegts.Current(nil) {
		t.Error("current_next_indicator is misread")
	}
}

// largePMT is a PMT of about n bytes.
func largePMT(n int) mpegts.PMT {
	pmt := mpegts.PMT{Program: 1, PCRPID: 0x100}
	for i := range n / 5 {
		pmt.Tracks = append(pmt.Tracks, mpegts.Track{PID: uint16(0x100 + i), Type: 2})
	}
	return pmt
}

func TestSectionsOfAnyLengthSurvivePackets(t *testing.T) {
	for n := 0; n < 1000; n += 5 {
		sec := largePMT(n).Section()
		b, next := mpegts.AppendSection(nil, 0x1000, 14, sec)
		var r mpegts.SectionReader
		var got [][]byte
		cc := byte(14)
		for p := range mpegts.Packets(b) {
			if p[0] != mpegts.SyncByte || p.PID() != 0x1000 || p.Continuity() != cc&15 || p.UnitStart() != (cc == 14) {
				t.Fatalf("%d bytes: packet % x", len(sec), []byte(p[:6]))
			}
			cc++
			r.Feed(p, func(sec []byte) { got = append(got, bytes.Clone(sec)) })
		}
		if len(got) != 1 || !bytes.Equal(got[0], sec) || next != cc&15 || len(b)%mpegts.PacketSize != 0 {
			t.Fatalf("%d bytes: %d sections, next counter %d, want %d", len(sec), len(got), next, cc&15)
		}
	}
}

// read is how many sections come out of packets.
func read(packets ...mpegts.Packet) (n int) {
	var r mpegts.SectionReader
	for _, p := range packets {
		r.Feed(p, func(sec []byte) {
			if mpegts.CRC(sec) == 0 {
				n++
			}
		})
	}
	return n
}

func TestSectionReaderDropsWhatIsBroken(t *testing.T) {
	b, _ := mpegts.AppendSection(nil, 0x1000, 0, largePMT(500).Section())
	part := func(i int) mpegts.Packet { return bytes.Clone(b[i*188 : i*188+188]) }
	damaged := part(1)
	damaged[1] |= 0x80
	pointer := packet(0x47, 0x50, 0x00, 0x13, 200)
	for name, c := range map[string]struct {
		packets []mpegts.Packet
		want    int
	}{
		"whole":                     {[]mpegts.Packet{part(0), part(1), part(2)}, 1},
		"a duplicate":               {[]mpegts.Packet{part(0), part(1), part(1), part(2)}, 1},
		"a gap":                     {[]mpegts.Packet{part(0), part(2)}, 0},
		"a transport error":         {[]mpegts.Packet{part(0), damaged, part(2)}, 0},
		"joined in the middle":      {[]mpegts.Packet{part(1), part(2)}, 0},
		"and then a whole one":      {[]mpegts.Packet{part(1), part(2), part(0), part(1), part(2)}, 1},
		"pointer out of the packet": {[]mpegts.Packet{part(0), part(1), part(2), pointer}, 1},
		"no payload between":        {[]mpegts.Packet{part(0), mpegts.AppendDiscontinuity(nil, 0x1000, 1), part(1), part(2)}, 1},
	} {
		if got := read(c.packets...); got != c.want {
			t.Errorf("%s: %d sections, want %d", name, got, c.want)
		}
	}
}

func TestSectionReaderFindsSectionsThatShareAPacket(t *testing.T) {
	two := packet(append([]byte{0x47, 0x40, 0, 0x10, 0}, bytes.Repeat(ffmpegPAT, 2)...)...)
	if n := read(two); n != 2 {
		t.Errorf("%d sections in a packet of two", n)
	}
	// A section that ends where pointer_field says, and another behind it.
	head := packet(0x47, 0x40, 0, 0x30, byte(183-1-10), 0)
	copy(head[188-11:], append([]byte{0}, ffmpegPAT[:10]...))
	tail := packet(append(append([]byte{0x47, 0x40, 0, 0x11, 6}, ffmpegPAT[10:]...), ffmpegPAT...)...)
	if n := read(head, tail); n != 2 {
		t.Errorf("%d sections of one cut in two and one whole", n)
	}
}

func TestSectionReaderKeepsNoStuffing(t *testing.T) {
	var r mpegts.SectionReader
	r.Feed(packet(0x47, 0x40, 0, 0x10, 0), nil)
	stuffing := packet(0x47, 0x00, 0, 0x10)
	if n := testing.AllocsPerRun(1, func() {
		for range 10_000 {
			stuffing.SetContinuity(stuffing.Continuity() + 1)
			r.Feed(stuffing, nil)
		}
	}); n != 0 {
		t.Errorf("%v allocations over 10,000 packets of stuffing", n)
	}
}

func FuzzSections(f *testing.F) {
	b, _ := mpegts.AppendSection(nil, 0, 0, ffmpegPAT)
	b, _ = mpegts.AppendSection(b, 0x1000, 1, somePMT.Section())
	f.Add(b)
	b, _ = mpegts.AppendSection(nil, 0x1000, 0, largePMT(900).Section())
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		var r mpegts.SectionReader
		for p := range mpegts.Packets(b) {
			r.Feed(p, func(sec []byte) {
				if len(sec) < 3 || len(sec) > 3+4095 {
					t.Fatalf("a section of %d bytes", len(sec))
				}
				checkSection(t, sec)
			})
		}
		checkSection(t, b)
	})
}

// checkSection holds that what was read is written so that it reads the same.
func checkSection(t *testing.T, sec []byte) {
	mpegts.Current(sec)
	if pat, err := mpegts.ParsePAT(sec); err == nil {
		if again, err := mpegts.ParsePAT(pat.Section()); err != nil || !reflect.DeepEqual(pat, again) {
			t.Fatalf("%+v became %+v, %v", pat, again, err)
		}
	}
	if pmt, err := mpegts.ParsePMT(sec); err == nil {
		if again, err := mpegts.ParsePMT(pmt.Section()); err != nil || !reflect.DeepEqual(pmt, again) {
			t.Fatalf("%+v became %+v, %v", pmt, again, err)
		}
		for _, k := range pmt.Tracks {
			k.Codec()
		}
	}
}
