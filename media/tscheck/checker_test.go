package tscheck_test

import (
	"encoding/binary"
	"encoding/json"
	"math"
	"math/rand/v2"
	"reflect"
	"runtime"
	"slices"
	"testing"
	"time"

	"vw/media/mpegts"
	"vw/media/tscheck"
)

func TestStreamsOfFfmpegAreSound(t *testing.T) {
	type track struct {
		Codec, Kind string
		StreamID    int
		MinFrames   int64
	}
	video := func(codec string) track { return track{codec, "video", 0xe0, 150} }
	for name, want := range map[string][]track{
		"mpeg1video and mp2": {video("mpeg2video"), {"mp2", "audio", 0xc0, 50}}, // ffmpeg gives MPEG-1 the type of MPEG-2
		"h264 and aac":       {video("h264"), {"aac", "audio", 0xc0, 15}},
		"hevc":               {video("hevc")},
		"mp2 alone":          {{"mp2", "audio", 0xc0, 50}},
		"constant rate":      {video("h264"), {"aac", "audio", 0xc0, 15}},
		"clocks that wrap":   {video("h264"), {"aac", "audio", 0xc0, 15}},
		"two of each":        {video("mpeg2video"), {"mp2", "audio", 0xc0, 50}, video("mpeg2video"), {"mp2", "audio", 0xc0, 50}},
		"opus":               {{"opus", "audio", 0xbd, 50}},
	} {
		t.Run(name, func(t *testing.T) {
			b := joined(packets(t, name))
			r := check(b)
			if !r.Sound() || len(counts(r)) != 0 {
				t.Errorf("faults %q, %v", r.Faults(), counts(r))
			}
			if len(r.Programs) != 1 || r.Packets != int64(len(b)/mpegts.PacketSize) || len(r.Programs[0].Tracks) != len(want) {
				t.Fatalf("%+v", r)
			}
			if math.Abs(r.DurationSeconds-6) > 0.2 {
				t.Errorf("duration %.2f s, want about 6 s", r.DurationSeconds)
			}
			if rate := float64(len(b)*8) / r.DurationSeconds; math.Abs(r.BitsPerSecond/rate-1) > 0.05 {
				t.Errorf("%.0f bit/s, want about %.0f", r.BitsPerSecond, rate)
			}
			var sum float64
			for i, k := range r.Programs[0].Tracks {
				if k.Codec != want[i].Codec || k.Kind != want[i].Kind || k.Frames < want[i].MinFrames ||
					!reflect.DeepEqual(k.StreamIDs, []int{want[i].StreamID}) || !k.InForce || k.RandomAccessPoints == 0 {
					t.Errorf("track %+v, want %+v", k, want[i])
				}
				if d := math.Mod(k.LastPTSSeconds-k.FirstPTSSeconds+95443.7177, 95443.7177); math.Abs(d-6) > 0.4 {
					t.Errorf("PTS of PID %#x from %.2f s to %.2f s", k.PID, k.FirstPTSSeconds, k.LastPTSSeconds)
				}
				sum += k.BitsPerSecond
			}
			if sum <= 0 || sum > r.BitsPerSecond*1.05 {
				t.Errorf("the tracks have %.0f of %.0f bit/s", sum, r.BitsPerSecond)
			}
		})
	}
}

func TestPiecesOfAnySizeMakeTheSameReport(t *testing.T) {
	for name, c := range spoilt {
		b := c.spoil(t, packets(t, "mpeg1video and mp2"))
		want := check(b)
		for _, most := range []int{7, 188, 1000, 100_000} {
			random := rand.New(rand.NewPCG(1, uint64(most)))
			checker := tscheck.New(tscheck.Options{})
			for rest := b; len(rest) > 0; {
				n, err := checker.Write(rest[:min(len(rest), 1+random.IntN(most))])
				if err != nil {
					t.Fatal(err)
				}
				rest = rest[n:]
			}
			if got := checker.Report(); !reflect.DeepEqual(got, want) {
				t.Errorf("%s, in pieces of %d at most: %+v, want %+v", name, most, got, want)
			}
		}
	}
}

func TestReportsInBetweenChangeNothing(t *testing.T) {
	ps := packets(t, "h264 and aac")
	checker := tscheck.New(tscheck.Options{})
	for i, p := range ps {
		checker.Write(p)
		if r := checker.Report(); i%50 == 49 && (r.Packets != int64(i+1) || len(counts(r)) != 0) {
			t.Fatalf("after %d packets: %d, faults %v", i+1, r.Packets, counts(r))
		}
	}
	if got, want := checker.Report(), check(joined(ps)); !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
}

func TestTracksThatShareAStreamIDAreNoted(t *testing.T) {
	for name, want := range map[string]int{"two of each": 2, "h264 and aac": 0} {
		if notes := check(joined(packets(t, name))).Notes(); len(notes) != want {
			t.Errorf("%s: notes %q", name, notes)
		}
	}
}

func TestSilenceIsMeasuredAndLimited(t *testing.T) {
	ps := packets(t, "mpeg1video and mp2")
	shift(ps[middle(t, ps, hasPCR):], true, []uint16{videoPID, audioPID}, 20_000)
	b := joined(ps)
	p := check(b).Programs[0]
	if p.Silences != 1 || p.SilenceSeconds != p.LongestSilenceSeconds || math.Abs(p.LongestSilenceSeconds-20) > 0.2 || math.Abs(p.DurationSeconds-26) > 0.3 {
		t.Errorf("%d silences, %.2f s, in %.2f s", p.Silences, p.LongestSilenceSeconds, p.DurationSeconds)
	}
	for _, most := range []time.Duration{-1, 10 * time.Second} {
		c := tscheck.New(tscheck.Options{MaxSilence: most})
		c.Write(b)
		if got := counts(c.Report()); got["pcr_jumps"] != 1 || len(got) != 1 {
			t.Errorf("with MaxSilence %v: faults %v", most, got)
		}
	}
}

func TestSilenceThatAPCRAloneEndsIsBorneOutByTheStamps(t *testing.T) {
	ps := packets(t, "constant rate")
	i := middle(t, ps, func(p mpegts.Packet) bool { return hasPCR(p) && !p.HasPayload() })
	shift(ps[i:], true, []uint16{videoPID, audioPID}, 20_000)
	if r := check(joined(ps)); !r.Sound() || r.Programs[0].Silences != 1 {
		t.Errorf("faults %q, %d silences", r.Faults(), r.Programs[0].Silences)
	}
	// Until a stamp has come it is a jump.
	if got := counts(check(joined(ps[:i+1]))); got["pcr_jumps"] != 1 || len(got) != 1 {
		t.Errorf("at the PCR: faults %v", got)
	}
}

// TestSilenceAfterWhichAnotherTrackGoesOn has a picture that is sent long before
// its time, then a silence, a PCR alone and sound that is sent shortly before.
func TestSilenceAfterWhichAnotherTrackGoesOn(t *testing.T) {
	ps := packets(t, "mpeg1video and mp2")
	shift(ps, false, []uint16{videoPID}, 1200)
	i := middle(t, ps, hasPCR)
	shift(ps[i:], true, []uint16{audioPID}, 1500)
	rest := slices.Clone(ps[:i])
	for _, p := range ps[i:] {
		if pcr, ok := p.PCR(); ok {
			rest = append(rest, mpegts.AppendPCR(nil, videoPID, ps[i].Continuity()-1, pcr))
		} else if p.PID() != videoPID {
			rest = append(rest, p)
		}
	}
	r := check(joined(rest))
	if got := counts(r); len(got) != 0 || r.Programs[0].Silences != 1 {
		t.Errorf("faults %v, %d silences", got, r.Programs[0].Silences)
	}
}

func TestReportNamesTheLayerOfMPEGAudio(t *testing.T) {
	b, err := ffmpeg(sound + "-c:a libmp3lame")()
	if err != nil {
		t.Fatal(err)
	}
	if got := check(b).Programs[0].Tracks[0].Codec; got != "mp3" {
		t.Errorf("mp3 is called %s", got)
	}
}

func TestCaptureFromTheMiddleIsSound(t *testing.T) {
	for name := range clips {
		ps := packets(t, name)
		for i := range 40 {
			b := joined(ps[len(ps)/4+7*i:])
			r := check(b[:len(b)-i])
			if !r.Sound() || r.TrailingBytes > 0 && len(r.Notes()) == 0 {
				t.Errorf("%s, from packet %d: %q", name, len(ps)/4+7*i, r.Faults())
			}
		}
	}
}

// BenchmarkTablesThatChange has a PMT of another version in each packet, of a
// stream with many PIDs.
func BenchmarkTablesThatChange(b *testing.B) {
	c := tscheck.New(tscheck.Options{})
	ts, _ := mpegts.AppendSection(nil, 0, 0, mpegts.PAT{Programs: []mpegts.Program{{Number: 1, PMTPID: 0x20}}}.Section())
	for pid := range uint16(8000) {
		ts = mpegts.AppendPCR(ts, pid+0x100, 0, 0)
	}
	c.Write(ts)
	b.SetBytes(mpegts.PacketSize)
	var cc byte
	for i := 0; b.Loop(); i++ {
		pmt := mpegts.PMT{Program: 1, Version: byte(i) & 0x1f, PCRPID: 0x100}
		for k := range 30 {
			pmt.Tracks = append(pmt.Tracks, mpegts.Track{PID: uint16(0x100 + (30*i+k)%8000), Type: 2})
		}
		ts, cc = mpegts.AppendSection(ts[:0], 0x20, cc, pmt.Section())
		c.Write(ts)
	}
}

func TestLimitsAreThoseOfTheOptions(t *testing.T) {
	b := joined(packets(t, "mpeg1video and mp2"))
	c := tscheck.New(tscheck.Options{MaxPCRInterval: 30 * time.Millisecond})
	c.Write(b)
	if got := counts(c.Report()); got["pcr_gaps"] < 50 || len(got) != 1 {
		t.Errorf("PCRs 80 ms apart, limit 30 ms: faults %v", got)
	}
}

func TestMemoryIsBoundedUnderHostileTables(t *testing.T) {
	heap := func() int64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	random := rand.New(rand.NewPCG(1, 2))
	before := heap()
	c := tscheck.New(tscheck.Options{})
	var cc [1 << 13]byte
	for i := range 3000 {
		var b []byte
		pat := mpegts.PAT{Version: byte(i / 100)}
		for k := range 200 {
			pat.Programs = append(pat.Programs, mpegts.Program{Number: uint16(i/100*200 + k + 1), PMTPID: uint16(0x20 + k)})
		}
		b, cc[0] = mpegts.AppendSection(b, 0, cc[0], pat.Section())
		n := random.IntN(200)
		pmt := mpegts.PMT{Program: pat.Programs[n].Number, Version: byte(i), PCRPID: 0x100}
		for range 190 {
			pmt.Tracks = append(pmt.Tracks, mpegts.Track{PID: uint16(random.IntN(1 << 13)), Type: 2})
		}
		b, cc[0x20+n] = mpegts.AppendSection(b, uint16(0x20+n), cc[0x20+n], pmt.Section())
		for range 20 {
			p := make(mpegts.Packet, mpegts.PacketSize)
			for k := range mpegts.PacketSize / 4 {
				binary.BigEndian.PutUint32(p[4*k:], random.Uint32())
			}
			p[0], p[1] = mpegts.SyncByte, p[1]&0x7f
			b = append(b, p...)
		}
		c.Write(b)
	}
	r := c.Report()
	if grown := heap() - before; grown > 16<<20 {
		t.Errorf("%d MiB are held", grown>>20)
	}
	tracks := 0
	for _, p := range r.Programs {
		tracks += len(p.Tracks)
	}
	if tracks != 4096 {
		t.Errorf("%d tracks are followed, want the most", tracks)
	}
	if len(r.Programs) == 0 || len(r.PIDs) < 5000 || r.ProgramsLeftOut == 0 {
		t.Errorf("the attack missed: %d programs, %d PIDs, %d left out", len(r.Programs), len(r.PIDs), r.ProgramsLeftOut)
	}
}

func FuzzChecker(f *testing.F) {
	for _, name := range []string{"mpeg1video and mp2", "constant rate"} {
		f.Add(joined(packets(f, name)[:40]), uint16(100))
	}
	f.Add([]byte{}, uint16(0))
	f.Fuzz(func(t *testing.T, b []byte, piece uint16) {
		c := tscheck.New(tscheck.Options{})
		for rest := b; len(rest) > 0; {
			n, err := c.Write(rest[:min(len(rest), int(piece)+1)])
			if err != nil {
				t.Fatal(err)
			}
			rest = rest[n:]
		}
		r := c.Report()
		if r.Packets*mpegts.PacketSize+r.SkippedBytes+r.TrailingBytes != int64(len(b)) {
			t.Fatalf("%d packets, %d bytes skipped, %d trailing, of %d bytes", r.Packets, r.SkippedBytes, r.TrailingBytes, len(b))
		}
		if _, err := json.Marshal(r); err != nil {
			t.Fatal(err)
		}
		if whole := check(b); !reflect.DeepEqual(r, whole) {
			t.Fatalf("in pieces %+v, whole %+v", r, whole)
		}
		r.Notes()
	})
}

func BenchmarkChecker(b *testing.B) {
	clip := joined(packets(b, "h264 and aac"))
	b.SetBytes(int64(len(clip)))
	b.ReportAllocs()
	for b.Loop() {
		c := tscheck.New(tscheck.Options{})
		c.Write(clip)
	}
}
