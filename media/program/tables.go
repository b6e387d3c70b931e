package program

import (
	"bytes"

	"vw/media/mpegts"
)

const (
	programNumber = 1
	pmtPID        = 0x0020
	psiInterval   = mpegts.PTSHz / 10 // of PAT and PMT: 100 ms, where TR 101 290 allows 500
	maxSection    = 1024              // bytes of a PMT (2.4.4.8: section_length is 1,021 at most)
	frameOfPMT    = 16                // bytes of a PMT without tracks
	frameOfTrack  = 5                 // bytes of a track without descriptors
	maxVersion    = 0x1f              // of a table (2.4.4.5)
	queued        = 8                 // versions that a reader may have seen of other tables since what is known of them
)

// tables are the program's PAT and PMT as they were last sent.
type tables struct {
	pat, pmt      []byte
	patCC, pmtCC  byte
	patVersion    byte
	version       byte // of the PMT
	clock         *slot
	registrations []byte // registration_descriptors of the PMT's tracks
	changed       bool   // the slots have
	due, sent     bool
	asked         int64 // arrival time at which they were last looked at
	at            int64 // arrival time at which they were last sent
	now           int64 // program time likewise
}

// refresh looks whether the tables are due: at the start, when the slots
// have changed, and when an interval has passed since the last ones, of arrival or,
// in a burst, of program time.
func (p *Program) refresh(at, interval int64) {
	t := &p.tables
	if !t.changed && at-t.asked < psiInterval && p.now-t.now < psiInterval {
		return
	}
	if t.changed {
		p.enlist()
	}
	p.choose(at)
	if t.changed || p.clock != t.clock {
		p.describe()
	}
	t.asked = at
	t.changed = false
	t.due = t.due || !t.sent || at-t.at >= interval || p.now-t.now >= interval
}

// enlist makes the list of slots that the PMT names.
func (p *Program) enlist() {
	p.tables.registrations = nil
	size := frameOfPMT
	for _, s := range p.slots {
		n := frameOfTrack + len(s.descriptors) + len(p.registration(s))
		s.listed = s.wanted() && size+n <= maxSection
		if s.listed {
			size += n
			p.tables.registrations = append(p.tables.registrations, p.registration(s)...)
		}
	}
}

// registration is the descriptor that the PMT needs for s to be understood and
// does not have yet: a cue message (ANSI/SCTE 35) is none without it.
func (p *Program) registration(s *slot) []byte {
	if s.registration == "" {
		return nil
	}
	d := mpegts.Registration(s.registration)
	if bytes.Contains(p.tables.registrations, d) {
		return nil
	}
	return d
}

// describe makes the PMT, with a new version if it is another
// (2.4.4.9).
func (p *Program) describe() {
	t := &p.tables
	t.clock = p.clock
	if t.pat == nil {
		t.pat = mpegts.PAT{StreamID: 1, Version: t.patVersion, Programs: []mpegts.Program{{Number: programNumber, PMTPID: pmtPID}}}.Section()
		t.due = true
	}
	pmt := mpegts.PMT{Program: programNumber, Version: t.version, PCRPID: mpegts.NullPID, Descriptors: t.registrations}
	if p.clock != nil {
		pmt.PCRPID = p.clock.pid
	}
	for _, s := range p.slots {
		if s.listed {
			pmt.Tracks = append(pmt.Tracks, mpegts.Track{PID: s.pid, Type: s.coding, Descriptors: s.descriptors})
		}
	}
	section := pmt.Section()
	if bytes.Equal(section, t.pmt) {
		return
	}
	if t.sent {
		t.version = (t.version + 1) & maxVersion
		pmt.Version = t.version
		section = pmt.Section()
	}
	t.pmt, t.due = section, true
	p.revision++
}

// Renumber gives the next tables other versions than a reader has seen who
// comes from another feed or stream: by the same ones it would hold ours for
// those that it knows (2.4.4.5, 2.4.4.9). It reports whether it had to.
func (p *Program) Renumber(seen *mpegts.ProgramReader) bool {
	t := &p.tables
	pmt := seen.Known && (seen.PMT.Version-t.version)&maxVersion < queued
	pat := seen.Known && (seen.Version-t.patVersion)&maxVersion < queued && seen.PMTPID != pmtPID // else it is ours, or like it
	if pmt {
		t.version, t.pmt = seen.PMT.Version, nil
		if !t.sent {
			t.version = (t.version + 1) & maxVersion
		}
	}
	if pat {
		t.patVersion, t.pat = (seen.Version+1)&maxVersion, nil
	}
	t.changed = t.changed || pmt || pat
	return pmt || pat
}

// appendTables appends PAT and PMT if they are due.
func (p *Program) appendTables(dst []byte, at int64) []byte {
	t := &p.tables
	if !t.due {
		return dst
	}
	dst, t.patCC = mpegts.AppendSection(dst, mpegts.PATPID, t.patCC, t.pat)
	dst, t.pmtCC = mpegts.AppendSection(dst, pmtPID, t.pmtCC, t.pmt)
	t.due, t.sent = false, true
	t.at, t.now = at, p.now
	return dst
}
