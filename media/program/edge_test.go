package program_test

import (
	"bytes"
	"fmt"
	"runtime"
	"testing"
	"time"

	"vw/media/mpegts"
	"vw/media/program"
	"vw/media/tscheck"
)

const frameTime = 40 * time.Millisecond

// filmed is n frames of a device, one every 40 ms, its tables first.
func filmed(feed string, d *device, n int) []event {
	events := []event{{feed: feed, data: d.tables()}}
	for i := range n {
		now := time.Duration(i+1) * frameTime
		events = append(events, event{at: now, feed: feed, data: d.frame(now)})
	}
	return events
}

// payload is all payload of a PID, PES headers included.
func payload(ts []byte, pid uint16) (b []byte) {
	for p := range mpegts.Packets(ts) {
		if p.PID() == pid {
			b = append(b, p.Payload()...)
		}
	}
	return b
}

func TestVideoStartsAtARandomAccessPointOrAfterTwoSeconds(t *testing.T) {
	for _, c := range []struct {
		access time.Duration // of the first random access point
		first  time.Duration // frame that comes out
	}{{time.Second, time.Second}, {time.Hour, 2*time.Second + frameTime}} {
		d := camera()
		events := filmed("v", d, 100)
		for _, e := range events[1:] {
			if e.at < c.access {
				e.data[5] &^= 0x40
			}
		}
		stamps := observe(t, selecting("v"), events)[0x100]
		if len(stamps) == 0 || stamps[0].at != c.first {
			t.Errorf("random access point at %v: %d frames, from %v on", c.access, len(stamps), stamps[:min(1, len(stamps))])
		}
	}
}

func TestHeaderCutByThePacketsEndLosesItsStampsAlone(t *testing.T) {
	for cut := 1; cut < 14; cut++ {
		t.Run(fmt.Sprint(cut), func(t *testing.T) {
			d := camera()
			events := filmed("v", d, 5)
			head := pesHeader(0xe5, 123456)
			events = append(events,
				event{at: 6 * frameTime, feed: "v", data: d.packet(head[:cut], 0, true)},
				event{at: 6 * frameTime, feed: "v", data: d.packet(head[cut:], 0, false)})
			out := play(t, selecting("v"), events)
			got := payload(out, 0x100)
			got = got[len(got)-len(head):]
			want := append([]byte{0, 0, 1, 0xe0, 0, 0, 0x80, 0, 5, 0xff, 0xff, 0xff, 0xff, 0xff}, head[14:]...)
			if !bytes.Equal(got, want) {
				t.Errorf("header %x, want %x", got, want)
			}
		})
	}
}

func TestPrivateStreamIDsStay(t *testing.T) {
	d := &device{pid: 0x100, coding: 0x81, id: 0xbd, pcr: true}
	stamps := observe(t, selecting("a"), filmed("a", d, 5))[0x100]
	if len(stamps) != 5 || stamps[0].id != 0xbd {
		t.Errorf("%+v", stamps)
	}
}

func TestSourceWithoutPCRIsGivenOne(t *testing.T) {
	v, a := camera(), microphone()
	v.pcr = false
	p := selecting("v", "a")
	r := sound(t, play(t, p, filmed("v", v, 200), filmed("a", a, 200)))
	if g := r.Programs[0]; g.PCRs < 40 || g.PCRPID != 0x100 {
		t.Errorf("%d PCRs on PID %#x", g.PCRs, g.PCRPID)
	}
}

func TestPCROfAPIDThatIsNoTrackIsCarriedOver(t *testing.T) {
	d := camera()
	d.pcr = false
	clock := &device{pid: 0x200, pcr: true}
	pmt := mpegts.PMT{Program: 1, PCRPID: 0x200, Tracks: []mpegts.Track{{PID: 0x100, Type: 0x1b}}}
	tables := d.tables()[:mpegts.PacketSize]
	tables, _ = mpegts.AppendSection(tables, 0x1000, 0, pmt.Section())
	events := []event{{feed: "v", data: tables}}
	for i := range 100 {
		now := time.Duration(i+1) * frameTime
		events = append(events, event{at: now, feed: "v", data: d.frame(now)})
		q := mpegts.Packet(clock.packet(nil, now, true))
		q[1] &^= 0x40
		q[3] = 0x20
		events = append(events, event{at: now, feed: "v", data: q})
	}
	p := selecting("v")
	r := sound(t, play(t, p, events))
	if g := r.Programs[0]; g.PCRs != 100 || g.PCRPID != 0x100 {
		t.Errorf("%d PCRs on PID %#x", g.PCRs, g.PCRPID)
	}
}

func TestDamagedScrambledAndRepeatedPacketsAreDroppedAndCounted(t *testing.T) {
	d := camera()
	events := filmed("v", d, 50)
	last := bytes.Clone(events[50].data)
	spoil := func(f func(mpegts.Packet)) event {
		q := mpegts.Packet(bytes.Clone(last))
		f(q)
		return event{at: 50 * frameTime, feed: "v", data: q}
	}
	events = append(events,
		spoil(func(mpegts.Packet) {}),
		spoil(func(q mpegts.Packet) { q[1] |= 0x80 }),
		spoil(func(q mpegts.Packet) { q[3] |= 0x80 }),
		spoil(func(q mpegts.Packet) { q[3] &= 0x0f }),
		spoil(func(q mpegts.Packet) { q[4] = 184 }),
		spoil(func(q mpegts.Packet) { q[0] = 0 }))
	p := selecting("v")
	out := play(t, p, events)
	s := p.Stats()
	if s.Duplicate != 1 || s.Damaged != 5 || s.Sent != 50 {
		t.Errorf("stats %+v", s)
	}
	sound(t, out)
}

func TestGapInTheSourceIsCountedAndNotPassedOn(t *testing.T) {
	d := camera()
	p := selecting("v")
	events := filmed("v", d, 20)
	d.cc += 3
	now := 21 * frameTime
	announced := mpegts.Packet(d.frame(now + frameTime))
	d.cc--
	out := play(t, p, events, []event{{at: now, feed: "v", data: d.frame(now)}})
	d.cc += 7
	announced.SetContinuity(d.cc)
	announced.SetDiscontinuity(true)
	out = p.Append(out, "v", announced, now+frameTime)
	for q := range mpegts.Packets(out) {
		if q.Discontinuity() {
			t.Error("the source's discontinuity_indicator went out")
		}
	}
	sound(t, out)
	if s := p.Stats(); s.Gaps != 1 || s.Sent != 22 {
		t.Errorf("stats %+v", s)
	}
}

func TestAtMost32TracksAreCarried(t *testing.T) {
	var events [][]event
	var feeds []string
	for i := range 40 {
		feeds = append(feeds, fmt.Sprint("v", i))
		events = append(events, filmed(feeds[i], camera(), 20))
	}
	p := selecting(feeds...)
	r := sound(t, play(t, p, events...))
	if n := len(r.Programs[0].Tracks); n != program.MaxTracks {
		t.Errorf("%d tracks", n)
	}
	if s := p.Stats(); s.Surplus != 8*20 {
		t.Errorf("stats %+v", s)
	}
}

func TestLongDescriptorsDoNotOverflowThePMT(t *testing.T) {
	d := camera()
	var more []mpegts.Track
	for i := range 5 {
		more = append(more, mpegts.Track{PID: uint16(0x200 + i), Type: 6, Descriptors: append([]byte{0x05, 180}, make([]byte, 180)...)})
	}
	var events [][]event
	for i := range 3 {
		events = append(events, filmed(fmt.Sprint("v", i), camera(), 20))
		events[i][0].data = d.tables(more...)
	}
	out := play(t, selecting("v0", "v1", "v2"), events...)
	c := tscheck.New(tscheck.Options{})
	c.Write(out)
	r := c.Report()
	var sections mpegts.SectionReader
	for q := range mpegts.Packets(out) {
		if q.PID() == 0x20 {
			sections.Feed(q, func(b []byte) {
				if len(b) > 1024 {
					t.Errorf("a PMT of %d bytes", len(b))
				}
			})
		}
	}
	if r.CRCErrors+r.MalformedTables != 0 || len(r.Programs) != 1 || r.Programs[0].PMTs == 0 {
		t.Errorf("broken PMT: %v", r.Faults())
	}
}

func TestManyFeedsAndPIDsDoNotFillTheMemory(t *testing.T) {
	p := program.New(time.Unix(10, 0))
	c := tscheck.New(tscheck.Options{})
	pids := map[uint16]bool{}
	var out []byte
	var half, full runtime.MemStats
	for i := range 10000 {
		if i == 5000 {
			runtime.GC()
			runtime.ReadMemStats(&half)
		}
		feed := fmt.Sprint("v", i)
		p.Select(rule(feed, "keep"))
		for _, e := range inOrder(filmed(feed, camera(), 2), filmed("keep", camera(), 2)) {
			out = p.Append(out[:0], e.feed, e.data, time.Duration(i)*time.Second+e.at)
			for q := range mpegts.Packets(out) {
				pids[q.PID()] = true
			}
			c.Write(out)
		}
	}
	runtime.GC()
	runtime.ReadMemStats(&full)
	if grown := int64(full.HeapAlloc) - int64(half.HeapAlloc); grown > 1<<20 {
		t.Errorf("5000 more feeds took %d bytes", grown)
	}
	if len(pids) > 1100 {
		t.Errorf("%d PIDs", len(pids))
	}
	if s := p.Stats(); s.Surplus != 0 || s.Sent != 4*10000 {
		t.Errorf("stats %+v", s)
	}
	if r := c.Report(); r.ContinuityErrors+r.UnreferencedPackets+r.CRCErrors+r.UnmarkedChanges != 0 {
		t.Error(r.Faults())
	}
}

func TestSourcesDescriptorsAndTypesStay(t *testing.T) {
	t.Parallel()
	in := clip(t, audio("1", "libopus")...)
	tables := func(ts []byte) (pmt mpegts.PMT) {
		var pid uint16
		var r mpegts.SectionReader
		for q := range mpegts.Packets(ts) {
			if q.PID() == 0 {
				pat, _ := mpegts.ParsePAT(q.Payload()[1 : 1+3+int(q.Payload()[3])])
				pid = pat.Programs[0].PMTPID
			} else if q.PID() == pid {
				r.Feed(q, func(b []byte) { pmt, _ = mpegts.ParsePMT(b) })
			}
		}
		return pmt
	}
	got, want := tables(play(t, selecting("a"), paced("a", in, 0))).Tracks[0], tables(in).Tracks[0]
	if got.Type != want.Type || !bytes.Equal(got.Descriptors, want.Descriptors) || len(want.Descriptors) == 0 {
		t.Errorf("type %#x, descriptors %x; want %#x, %x", got.Type, got.Descriptors, want.Type, want.Descriptors)
	}
}
