package tscheck_test

import (
	"maps"
	"reflect"
	"testing"

	"vw/media/mpegts"
	"vw/media/tscheck"
)

// changed is a clip whose PMT is changed for each third of it, with what keep
// leaves of each third's other packets. Stamps and counters go on.
func changed(t *testing.T, change func(third int, pmt *mpegts.PMT), keep func(third int, p mpegts.Packet) bool) []byte {
	ps := packets(t, "h264 and aac")
	var left []mpegts.Packet
	third := 0
	for i, p := range ps {
		switch {
		case p.PID() == pmtPID:
			third = 3 * i / len(ps)
			pmt := readPMT(t, p)
			change(third, &pmt)
			p, _ = mpegts.AppendSection(nil, pmtPID, 0, pmt.Section())
		case !keep(third, p):
			continue
		}
		left = append(left, p)
	}
	return joined(renumbered(left))
}

func readPMT(t *testing.T, p mpegts.Packet) (pmt mpegts.PMT) {
	var r mpegts.SectionReader
	r.Feed(p, func(sec []byte) {
		var err error
		if pmt, err = mpegts.ParsePMT(sec); err != nil {
			t.Fatal(err)
		}
	})
	return pmt
}

// renumbered gives packets counters without a gap.
func renumbered(ps []mpegts.Packet) []mpegts.Packet {
	next := map[uint16]byte{}
	for _, p := range ps {
		if p.HasPayload() {
			p.SetContinuity(next[p.PID()])
			next[p.PID()]++
		} else {
			p.SetContinuity(next[p.PID()] - 1)
		}
	}
	return ps
}

// TestSwapThereAndBackIsNotSound has what a stream once sent when its video was
// swapped for another of the same coding and back: a PID for each. Players
// stood still for as long as the first PID had been away.
func TestSwapThereAndBackIsNotSound(t *testing.T) {
	b := changed(t, func(third int, pmt *mpegts.PMT) {
		if pmt.Version = byte(third); third == 1 {
			pmt.PCRPID, pmt.Tracks[0].PID = 0x102, 0x102
		}
	}, func(third int, p mpegts.Packet) bool {
		if third == 1 && p.PID() == videoPID {
			p.SetPID(0x102)
		}
		return true
	})
	r := check(b)
	if got, want := counts(r), (map[string]int64{"track_moves": 1, "track_returns": 1}); !maps.Equal(got, want) || len(r.Faults()) != 2 || r.Sound() {
		t.Errorf("faults %v, %q", got, r.Faults())
	}
	moves := r.Programs[0].Moves
	for i := range moves {
		if at := moves[i].AtSeconds; at < float64(2*i)+1.5 || at > float64(2*i)+2.5 {
			t.Errorf("move %d after %.2f s", i, at)
		}
		moves[i].AtSeconds = 0
	}
	if want := []tscheck.TrackMove{{PID: 0x102, FromPID: videoPID}, {PID: videoPID, FromPID: 0x102, Returned: true}}; !reflect.DeepEqual(moves, want) {
		t.Errorf("%+v, want %+v", moves, want)
	}
	c := tscheck.New(tscheck.Options{Interrupted: true})
	c.Write(b)
	if r := c.Report(); !r.Sound() || len(r.Notes()) <= 2 {
		t.Errorf("as an interrupted stream: faults %q, notes %q", r.Faults(), r.Notes())
	}
}

func TestMuteThatLeavesThePMTIsNotSound(t *testing.T) {
	r := check(changed(t, func(third int, pmt *mpegts.PMT) {
		if pmt.Version = byte(third); third == 1 {
			pmt.Tracks = pmt.Tracks[:1]
		}
	}, func(third int, p mpegts.Packet) bool { return third != 1 || p.PID() != audioPID }))
	if got := counts(r); got["track_returns"] != 1 || len(got) != 1 {
		t.Errorf("faults %v", got)
	}
}

func TestTrackThatIsLeftOutBeforeItComesIsNoFault(t *testing.T) {
	r := check(changed(t, func(third int, pmt *mpegts.PMT) {
		if pmt.Version = byte(third); third == 1 {
			pmt.Tracks = pmt.Tracks[:1]
		}
	}, func(third int, p mpegts.Packet) bool { return third > 1 || p.PID() != audioPID }))
	if got := counts(r); len(got) != 0 {
		t.Errorf("faults %v", got)
	}
}

func TestTrackThatIsAddedOrCodedAnewIsNoFault(t *testing.T) {
	for name, r := range map[string]tscheck.Report{
		"added": check(changed(t, func(third int, pmt *mpegts.PMT) {
			if pmt.Version = byte(min(third, 1)); third == 0 {
				pmt.Tracks = pmt.Tracks[:1]
			}
		}, func(third int, p mpegts.Packet) bool { return third > 0 || p.PID() != audioPID })),
		"coded anew": check(changed(t, func(third int, pmt *mpegts.PMT) {
			if pmt.Version = byte(min(third, 1)); third > 0 {
				pmt.Tracks[1].Type = 0x11
			}
		}, func(int, mpegts.Packet) bool { return true })),
	} {
		if !r.Sound() || r.Programs[0].PMTChanges != 1 {
			t.Errorf("%s: %q, %d changes of the PMT", name, r.Faults(), r.Programs[0].PMTChanges)
		}
	}
}
