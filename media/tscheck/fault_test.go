package tscheck_test

import (
	"bytes"
	"encoding/binary"
	"maps"
	"slices"
	"testing"

	"vw/media/mpegts"
	"vw/media/tscheck"
)

// counts are the faults of a report that are not 0, by their JSON names.
func counts(r tscheck.Report) map[string]int64 {
	m := map[string]int64{
		"skipped_bytes": r.SkippedBytes,
		"sync_losses":   r.SyncLosses, "sync_byte_errors": r.SyncByteErrors, "transport_errors": r.TransportErrors,
		"continuity_errors": r.ContinuityErrors, "pat_gaps": r.PATGaps, "wrong_tables": r.WrongTables,
		"scrambled_tables": r.ScrambledTables, "crc_errors": r.CRCErrors, "malformed_tables": r.MalformedTables,
		"unmarked_changes": r.UnmarkedChanges, "unreferenced_packets": r.UnreferencedPackets,
	}
	for _, p := range r.Programs {
		m["pmt_gaps"] += p.PMTGaps
		m["pcr_gaps"] += p.PCRGaps
		m["pcr_jumps"] += p.PCRJumps
		m["pcr_reverses"] += p.PCRReverses
		m["track_moves"] += p.TrackMoves
		m["track_returns"] += p.TrackReturns
		for _, t := range p.Tracks {
			m["broken_starts"] += t.BrokenStarts
			m["unmarked_starts"] += t.UnmarkedStarts
			m["dts_reverses"] += t.DTSReverses
			m["dts_jumps"] += t.DTSJumps
			m["late_ptss"] += t.LatePTSs
			m["early_ptss"] += t.EarlyPTSs
			m["disordered_ptss"] += t.DisorderedPTSs
			m["holes"] += t.Holes
			m["crowded_dtss"] += t.CrowdedDTSs
			m["overlaps"] += t.Overlaps
		}
	}
	maps.DeleteFunc(m, func(_ string, n int64) bool { return n == 0 })
	return m
}

func check(b []byte) tscheck.Report {
	c := tscheck.New(tscheck.Options{})
	c.Write(b)
	return c.Report()
}

type faults map[string]int64

// Each case spoils a clip of mpeg1video and mp2 in one way.
var spoilt = map[string]struct {
	spoil func(t *testing.T, ps []mpegts.Packet) []byte
	want  faults
}{
	"a packet is dropped": {func(t *testing.T, ps []mpegts.Packet) []byte {
		return joined(without(ps, middle(t, ps, plainVideo), 1, plainVideo))
	}, faults{"continuity_errors": 1}},
	"a packet is sent twice": {func(t *testing.T, ps []mpegts.Packet) []byte {
		i := middle(t, ps, plainVideo)
		return joined(slices.Insert(ps, i, ps[i]))
	}, faults{}},
	"a packet with a PCR is sent twice, with the time of each": {func(t *testing.T, ps []mpegts.Packet) []byte {
		i := middle(t, ps, hasPCR)
		again := bytes.Clone(ps[i])
		shift([]mpegts.Packet{again}, true, nil, 1)
		return joined(slices.Insert(ps, i+1, mpegts.Packet(again)))
	}, faults{}},
	"a packet is sent four times": {func(t *testing.T, ps []mpegts.Packet) []byte {
		i := middle(t, ps, plainVideo)
		return joined(slices.Insert(ps, i, ps[i], ps[i], ps[i]))
	}, faults{"continuity_errors": 2}},
	"a counter is repeated with another payload": {func(t *testing.T, ps []mpegts.Packet) []byte {
		i := middle(t, ps, plainVideo)
		other := bytes.Clone(ps[i])
		other[100] ^= 0xff
		return joined(slices.Insert(ps, i, mpegts.Packet(other)))
	}, faults{"continuity_errors": 1}},
	"a dropped packet is announced": {func(t *testing.T, ps []mpegts.Packet) []byte {
		i := middle(t, ps, plainVideo)
		next := (ps[i].Continuity() + 1) & 15
		ps[i] = mpegts.AppendDiscontinuity(nil, videoPID, next)
		return joined(ps)
	}, faults{}},
	"a dropped packet is announced with a wrong counter": {func(t *testing.T, ps []mpegts.Packet) []byte {
		i := middle(t, ps, plainVideo)
		ps[i] = mpegts.AppendDiscontinuity(nil, videoPID, ps[i].Continuity()+2)
		return joined(ps)
	}, faults{"continuity_errors": 1}},
	"a packet is marked as damaged": {func(t *testing.T, ps []mpegts.Packet) []byte {
		ps[middle(t, ps, plainVideo)][1] |= 0x80
		return joined(ps)
	}, faults{"transport_errors": 1}},
	"a sync byte is damaged": {func(t *testing.T, ps []mpegts.Packet) []byte {
		ps[middle(t, ps, plainVideo)][0] = 0x46
		return joined(ps)
	}, faults{"sync_byte_errors": 1, "skipped_bytes": 188}},
	"bytes are removed": {func(t *testing.T, ps []mpegts.Packet) []byte {
		i := middle(t, ps, plainVideo)
		ps[i] = slices.Delete(bytes.Clone(ps[i]), 50, 150)
		return joined(ps)
	}, faults{"sync_losses": 1, "skipped_bytes": 88, "continuity_errors": 1}},
	"bytes are removed from a PAT": {func(t *testing.T, ps []mpegts.Packet) []byte {
		i := middle(t, ps, isTable(0))
		ps[i] = slices.Delete(bytes.Clone(ps[i]), 10, 20)
		return joined(ps)
	}, faults{"sync_losses": 1, "skipped_bytes": 178, "continuity_errors": 1}},
	"bytes are inserted": {func(t *testing.T, ps []mpegts.Packet) []byte {
		return joined(slices.Insert(ps, middle(t, ps, plainVideo), bytes.Repeat([]byte{'x'}, 500)))
	}, faults{"sync_losses": 1, "skipped_bytes": 500}},
	"bytes come before": {func(t *testing.T, ps []mpegts.Packet) []byte {
		return append([]byte("HTTP/1.1 200 OK\r\n\r\nG"), joined(ps)...)
	}, faults{"skipped_bytes": 20}},
	"the end is cut": {func(t *testing.T, ps []mpegts.Packet) []byte {
		b := joined(ps)
		return b[:len(b)-88]
	}, faults{}},
	"it begins in the middle": {func(t *testing.T, ps []mpegts.Packet) []byte {
		return joined(ps[middle(t, ps, isTable(pmtPID))+1:])
	}, faults{}},
	"a PID comes for long before it is named": {func(t *testing.T, ps []mpegts.Packet) []byte {
		var early []mpegts.Packet
		for _, p := range ps {
			if p.PID() != audioPID || len(early) > len(ps)/2 {
				early = append(early, p)
			}
		}
		sound := mpegts.Packet(bytes.Clone(ps[middle(t, ps, isTable(audioPID))]))
		sound.SetPID(0x200)
		early = slices.Insert(early, 20, sound)
		return joined(withPMT(t, early, func(pmt *mpegts.PMT) {
			pmt.Version = 1
			pmt.Tracks = append(pmt.Tracks, mpegts.Track{PID: 0x200, Type: 3})
		}))
	}, faults{"unreferenced_packets": 1}},
	"the start of a picture is not marked": {func(t *testing.T, ps []mpegts.Packet) []byte {
		ps[middle(t, ps, startOf(videoPID))][1] &^= 0x40
		return joined(ps)
	}, faults{"unmarked_starts": 1}},
	"the start of a sound is not marked": {func(t *testing.T, ps []mpegts.Packet) []byte {
		ps[middle(t, ps, startOf(audioPID))][1] &^= 0x40
		return joined(ps)
	}, faults{"unmarked_starts": 1}},
	"a start code is damaged": {func(t *testing.T, ps []mpegts.Packet) []byte {
		ps[middle(t, ps, startOf(videoPID))].Payload()[2] = 7
		return joined(ps)
	}, faults{"broken_starts": 1}},
	"the CRC of a PAT is wrong": {func(t *testing.T, ps []mpegts.Packet) []byte {
		ps[middle(t, ps, isTable(0))][4+1+15] ^= 1
		return joined(ps)
	}, faults{"crc_errors": 1}},
	"the CRC of an SDT is wrong": {func(t *testing.T, ps []mpegts.Packet) []byte {
		ps[middle(t, ps, isTable(0x11))][4+1+11] ^= 1
		return joined(ps)
	}, faults{"crc_errors": 1}},
	"the CRC of a time table is wrong": {func(t *testing.T, ps []mpegts.Packet) []byte {
		b, _ := mpegts.AppendSection(nil, 0x14, 0, []byte{0x73, 0x70, 11, 1, 2, 3, 4, 5, 0xf0, 0, 6, 7, 8, 9})
		return joined(slices.Insert(ps, len(ps)/2, mpegts.Packet(b)))
	}, faults{"crc_errors": 1}},
	"a PAT has more parts than programs fit": {func(t *testing.T, ps []mpegts.Packet) []byte {
		i := middle(t, ps, isTable(0))
		sec := mpegts.PAT{StreamID: 1}.Section()
		sec[6] = 200
		binary.BigEndian.PutUint32(sec[8:], mpegts.CRC(sec[:8]))
		b, _ := mpegts.AppendSection(nil, 0, ps[i].Continuity(), sec)
		ps[i] = b
		return joined(ps)
	}, faults{"malformed_tables": 1}},
	"the PAT changes under its version": {func(t *testing.T, ps []mpegts.Packet) []byte {
		for i, p := range ps[len(ps)/2:] {
			if p.PID() == 0 {
				pat := mpegts.PAT{StreamID: 9, Programs: []mpegts.Program{{Number: 1, PMTPID: pmtPID}}}
				ps[len(ps)/2+i], _ = mpegts.AppendSection(nil, 0, p.Continuity(), pat.Section())
			}
		}
		return joined(ps)
	}, faults{"unmarked_changes": 1}},
	"a PMT comes that is not in force yet": {func(t *testing.T, ps []mpegts.Packet) []byte {
		i := middle(t, ps, isTable(pmtPID))
		sec := mpegts.PMT{Program: 1, Version: 1, PCRPID: videoPID}.Section()
		sec[5] &^= 1
		binary.BigEndian.PutUint32(sec[12:], mpegts.CRC(sec[:12]))
		ps[i], _ = mpegts.AppendSection(nil, pmtPID, ps[i].Continuity(), sec)
		return joined(ps)
	}, faults{}},
	"a PAT is scrambled": {func(t *testing.T, ps []mpegts.Packet) []byte {
		ps[middle(t, ps, isTable(0))][3] |= 0x80
		return joined(ps)
	}, faults{"scrambled_tables": 1}},
	"a PMT comes on the PID of the PAT": {func(t *testing.T, ps []mpegts.Packet) []byte {
		i := middle(t, ps, isTable(0))
		b, _ := mpegts.AppendSection(nil, 0, ps[i].Continuity(), mpegts.PMT{Program: 1}.Section())
		ps[i] = b
		return joined(ps)
	}, faults{"wrong_tables": 1}},
	"PATs are missing for a time": { // 16 of them, so that the counter fits
		func(t *testing.T, ps []mpegts.Packet) []byte {
			return joined(without(ps, len(ps)/3, 16, isTable(0)))
		}, faults{"pat_gaps": 1}},
	"PATs are missing to the end": {func(t *testing.T, ps []mpegts.Packet) []byte {
		return joined(without(ps, len(ps)/2, len(ps), isTable(0)))
	}, faults{"pat_gaps": 1}},
	"PMTs are missing for a time": {func(t *testing.T, ps []mpegts.Packet) []byte {
		return joined(without(ps, len(ps)/3, 16, isTable(pmtPID)))
	}, faults{"pmt_gaps": 1}},
	"the PMT changes under its version": {func(t *testing.T, ps []mpegts.Packet) []byte {
		return joined(withPMT(t, ps, func(pmt *mpegts.PMT) { pmt.Descriptors = []byte{0x80, 0} }))
	}, faults{"unmarked_changes": 1}},
	"the PMT changes with its version": {func(t *testing.T, ps []mpegts.Packet) []byte {
		return joined(withPMT(t, ps, func(pmt *mpegts.PMT) { pmt.Version, pmt.Descriptors = 1, []byte{0x80, 0} }))
	}, faults{}},
	"an unknown PID comes": {func(t *testing.T, ps []mpegts.Packet) []byte {
		p := mpegts.Packet(bytes.Clone(ps[middle(t, ps, plainVideo)]))
		p.SetPID(0x300)
		return joined(slices.Insert(ps, len(ps)/2, p))
	}, faults{"unreferenced_packets": 1}},
	"PCRs are missing for half a second": {func(t *testing.T, ps []mpegts.Packet) []byte {
		i := middle(t, ps, hasPCR)
		first, _ := ps[i].PCR()
		for _, p := range ps[i:] {
			if pcr, ok := p.PCR(); ok && mpegts.PCRDelta(pcr, first) < mpegts.PCRHz/2 {
				p[5] &^= 0x10
			}
		}
		return joined(ps)
	}, faults{"pcr_gaps": 1}},
	"PCRs are missing to the end": {func(t *testing.T, ps []mpegts.Packet) []byte {
		for _, p := range ps[len(ps)/2:] {
			if hasPCR(p) {
				p[5] &^= 0x10
			}
		}
		return joined(ps)
	}, faults{"pcr_gaps": 1}},
	"one PCR is ahead": {func(t *testing.T, ps []mpegts.Packet) []byte {
		i := middle(t, ps, hasPCR)
		shift(ps[i:i+1], true, nil, 5000)
		return joined(ps)
	}, faults{"pcr_jumps": 1, "pcr_reverses": 1}},
	"PCRs fall back, the stamps do not": {func(t *testing.T, ps []mpegts.Packet) []byte {
		shift(ps[len(ps)/2:], true, nil, -2000)
		return joined(ps)
	}, faults{"pcr_reverses": 1}},
	"one sound is stamped too early": {func(t *testing.T, ps []mpegts.Packet) []byte {
		i := middle(t, ps, startOf(audioPID))
		shift(ps[i:i+1], false, []uint16{audioPID}, -500)
		return joined(ps)
	}, faults{"dts_reverses": 1}},
	"the sound jumps 3 s ahead": {func(t *testing.T, ps []mpegts.Packet) []byte {
		shift(ps[len(ps)/2:], false, []uint16{audioPID}, 3000)
		return joined(ps)
	}, faults{"dts_jumps": 1}},
	"all clocks go back at once": {func(t *testing.T, ps []mpegts.Packet) []byte {
		shift(ps[middle(t, ps, hasPCR):], true, []uint16{videoPID, audioPID}, -1500)
		return joined(ps)
	}, faults{"pcr_reverses": 1, "dts_reverses": 2}},
	"all clocks go back, announced": {func(t *testing.T, ps []mpegts.Packet) []byte {
		i := middle(t, ps, hasPCR)
		shift(ps[i:], true, []uint16{videoPID, audioPID}, -1500)
		ps[i].SetDiscontinuity(true)
		return joined(ps)
	}, faults{}},
	"all is silent for 20 s": {func(t *testing.T, ps []mpegts.Packet) []byte {
		shift(ps[middle(t, ps, hasPCR):], true, []uint16{videoPID, audioPID}, 20_000)
		return joined(ps)
	}, faults{}},
	"all is silent for 20 s, and the sound returns first": {func(t *testing.T, ps []mpegts.Packet) []byte {
		shift(ps[middle(t, ps, startOf(audioPID)):], true, []uint16{videoPID, audioPID}, 20_000)
		return joined(ps)
	}, faults{}},
}

// withPMT replaces the PMTs of the second half.
func withPMT(t *testing.T, ps []mpegts.Packet, change func(*mpegts.PMT)) []mpegts.Packet {
	for i, p := range ps[len(ps)/2:] {
		if p.PID() != pmtPID {
			continue
		}
		var r mpegts.SectionReader
		r.Feed(p, func(sec []byte) {
			pmt, err := mpegts.ParsePMT(sec)
			if err != nil {
				t.Fatal(err)
			}
			change(&pmt)
			b, _ := mpegts.AppendSection(nil, pmtPID, p.Continuity(), pmt.Section())
			ps[len(ps)/2+i] = b
		})
	}
	return ps
}

func TestEachFaultIsReportedAndNoOther(t *testing.T) {
	for name, c := range spoilt {
		t.Run(name, func(t *testing.T) {
			r := check(c.spoil(t, packets(t, "mpeg1video and mp2")))
			if got := counts(r); !maps.Equal(got, c.want) {
				t.Errorf("faults %v, want %v", got, c.want)
			}
			if r.Sound() != (len(c.want) == 0) || len(r.Faults()) == 0 != r.Sound() {
				t.Errorf("sound: %v, in words: %q", r.Sound(), r.Faults())
			}
		})
	}
}

func TestPCRsAheadOfTheStampsMakeThemLate(t *testing.T) {
	ps := packets(t, "mpeg1video and mp2")
	shift(ps[len(ps)/2:], true, nil, 5000)
	c := tscheck.New(tscheck.Options{})
	c.Write(joined(ps))
	got := counts(c.Report())
	if again := counts(c.Report()); !maps.Equal(got, again) {
		t.Errorf("faults %v, reported again %v", got, again)
	}
	if got["pcr_jumps"] != 1 || got["late_ptss"] < 100 || len(got) != 2 {
		t.Errorf("faults %v", got)
	}
}

func TestStampsFarAheadOfThePCRAreReported(t *testing.T) {
	ps := packets(t, "mpeg1video and mp2")
	shift(ps[len(ps)/2:], false, []uint16{audioPID}, 20_000)
	got := counts(check(joined(ps)))
	if got["dts_jumps"] != 1 || got["early_ptss"] < 30 || len(got) != 2 {
		t.Errorf("faults %v", got)
	}
}

func TestASoundThatStallsIsLateAndHasAGap(t *testing.T) {
	ps := packets(t, "mpeg1video and mp2")
	i := middle(t, ps, startOf(audioPID))
	before, _ := ps[middle(t, ps, hasPCR)].PCR()
	end := middle(t, ps, func(p mpegts.Packet) bool {
		pcr, ok := p.PCR()
		return ok && mpegts.PCRDelta(pcr, before) >= 2*mpegts.PCRHz
	})
	end += slices.IndexFunc(ps[end:], startOf(audioPID))
	shift(ps[end:], false, []uint16{audioPID}, -2000)
	stalled := slices.Concat(ps[:i], without(ps[i:end], 0, len(ps), isTable(audioPID)), ps[end:])
	cc := ps[i].Continuity()
	for _, p := range stalled[i:] {
		if p.PID() == audioPID {
			p.SetContinuity(cc)
			cc++
		}
	}
	r := check(joined(stalled))
	if got := counts(r); got["dts_jumps"] != 1 || got["late_ptss"] < 5 || len(got) != 2 {
		t.Errorf("faults %v", got)
	}
	if gaps := r.Programs[0].Tracks[1].PTSGaps; gaps != 1 || len(r.Notes()) != 1 {
		t.Errorf("%d gaps, notes %q", gaps, r.Notes())
	}
}

func TestPTSBeforeItsDTSIsReported(t *testing.T) {
	ps := packets(t, "h264 and aac")
	i := middle(t, ps, func(p mpegts.Packet) bool {
		s, _ := p.PES()
		pts, ok := s.PTS()
		dts, _ := s.DTS()
		return ok && pts != dts
	})
	s, _ := ps[i].PES()
	for k := range 5 { // the stamps change places, but for their prefixes
		s[9+k], s[14+k] = s[14+k], s[9+k]
	}
	if got := counts(check(joined(ps))); got["disordered_ptss"] != 1 {
		t.Errorf("faults %v", got)
	}
}

func TestTwoStreamsNaivelyInterleavedAreNotSound(t *testing.T) {
	a, b := packets(t, "mpeg1video and mp2"), packets(t, "h264 and aac")
	var mixed []mpegts.Packet
	for i := 0; i < min(len(a), len(b)); i += 7 {
		mixed = append(append(mixed, a[i:min(i+7, len(a))]...), b[i:min(i+7, len(b))]...)
	}
	got := counts(check(joined(mixed)))
	for _, fault := range []string{"continuity_errors", "unmarked_changes", "pcr_reverses", "dts_reverses"} {
		if got[fault] < 10 {
			t.Errorf("%s: %d", fault, got[fault])
		}
	}
	if got["sync_losses"]+got["transport_errors"]+got["crc_errors"] != 0 {
		t.Errorf("a merge is no transmission error: %v", got)
	}
}

func TestAStreamWithoutItsTablesOrClockIsNotSound(t *testing.T) {
	for name, spoil := range map[string]func(ps []mpegts.Packet) []mpegts.Packet{
		"no PAT": func(ps []mpegts.Packet) []mpegts.Packet { return without(ps, 0, len(ps), isTable(0)) },
		"no PMT": func(ps []mpegts.Packet) []mpegts.Packet { return without(ps, 0, len(ps), isTable(pmtPID)) },
		"no PCR": func(ps []mpegts.Packet) []mpegts.Packet {
			for _, p := range ps {
				if hasPCR(p) {
					p[5] &^= 0x10
				}
			}
			return ps
		},
		"nothing": func([]mpegts.Packet) []mpegts.Packet { return nil },
	} {
		if r := check(joined(spoil(packets(t, "mpeg1video and mp2")))); r.Sound() || r.BitsPerSecond != 0 {
			t.Errorf("%s: sound: %v, %v bit/s", name, r.Sound(), r.BitsPerSecond)
		}
	}
}

func TestATrackThatLeftThePMTIsUnreferenced(t *testing.T) {
	ps := packets(t, "mpeg1video and mp2")
	changed := middle(t, ps, isTable(pmtPID))
	var leftovers int64
	for _, p := range ps[changed:] {
		if p.PID() == audioPID {
			leftovers++
		}
	}
	r := check(joined(withPMT(t, ps, func(pmt *mpegts.PMT) { pmt.Version, pmt.Tracks = 1, pmt.Tracks[:1] })))
	if got := counts(r); len(got) != 1 || got["unreferenced_packets"] != leftovers {
		t.Errorf("faults %v, want %d unreferenced packets", got, leftovers)
	}
	if p := r.Programs[0]; p.PMTChanges != 1 || len(p.PMTVersions) != 2 || p.PMTVersions[1].Version != 1 || p.Tracks[1].InForce {
		t.Errorf("history %+v, track %+v", p.PMTVersions, p.Tracks[1])
	}
}
