package tscheck

import (
	"bytes"
	"slices"

	"vw/media/mpegts"
)

// lastReservedPID ends the PIDs that need no PMT to name them (ISO table 2-3;
// EN 300 468, table 1).
const lastReservedPID = 0x1f

// tablePIDs carry tables that nobody names: PAT, CAT, NIT, SDT, EIT, TDT.
var tablePIDs = [...]uint16{mpegts.PATPID, 0x01, 0x10, 0x11, 0x12, 0x14}

const (
	tablePAT = 0x00
	tablePMT = 0x02
	tableTOT = 0x73 // has a CRC without the syntax that announces one
)

// maxTableInterval is the longest time between two PATs, or two PMTs of a
// program (TR 1.3.a, 1.5.a).
const maxTableInterval = mpegts.PCRHz / 2

// tables are the PAT in force and the faults of all tables.
type tables struct {
	pat     spacing
	pats    int64
	version byte
	parts   [maxParts]part // the sections of the PAT in force
	leftOut int            // programs of them that are not followed

	wrongTable int64 // TR 1.3: another table on the PID of the PAT
	scrambled  int64 // TR 1.3, 1.5
	badCRC     int64 // TR 2.2
	malformed  int64
	unmarked   int64 // content changed under the same version_number (ISO 2.4.4.5, 2.4.4.9)
}

// A part is one section of the PAT, and what it names.
type part struct {
	raw     []byte
	members []mpegts.Program
}

// section takes a packet of a PID that carries tables.
func (c *Checker) section(s *pid, p mpegts.Packet) {
	if p.Scrambled() {
		c.tables.scrambled++
		return
	}
	s.sections.Feed(p, func(sec []byte) {
		switch {
		case (sec[1]&0x80 != 0 || sec[0] == tableTOT) && mpegts.CRC(sec) != 0:
			c.tables.badCRC++
		case p.PID() == mpegts.PATPID && sec[0] != tablePAT:
			c.tables.wrongTable++
		case !mpegts.Current(sec): // it applies later, or has no such flag
		case p.PID() == mpegts.PATPID:
			c.pat(sec)
		case p.PID() > lastReservedPID && sec[0] == tablePMT:
			c.pmt(p.PID(), sec)
		}
	})
}

func (c *Checker) pat(sec []byte) {
	t := &c.tables
	pat, err := mpegts.ParsePAT(sec)
	if err != nil || sec[6] >= maxParts {
		t.malformed++
		return
	}
	t.pats++
	t.pat.seen()
	n := sec[6] // section_number
	if bytes.Equal(sec, t.parts[n].raw) {
		return
	}
	if pat.Version != t.version {
		t.parts = [maxParts]part{}
	}
	if t.parts[n].raw != nil {
		t.unmarked++
	}
	t.version, t.parts[n] = pat.Version, part{bytes.Clone(sec), pat.Programs}
	c.adopt()
}

// adopt puts the programs of the PAT in force.
func (c *Checker) adopt() {
	c.generation++
	for _, g := range c.programs {
		g.inForce = false
	}
	c.tables.leftOut = 0
	for _, part := range c.tables.parts {
		for _, m := range part.members {
			g := c.numbers[m.Number]
			if g == nil && len(c.programs) == maxPrograms {
				c.tables.leftOut++
				continue
			}
			if g == nil {
				g = newProgram(m.Number, c.time.now)
				c.numbers[m.Number] = g
				c.programs = append(c.programs, g)
			}
			g.inForce, g.pmtPID = true, m.PMTPID
		}
	}
}

func (c *Checker) pmt(n uint16, sec []byte) {
	pmt, err := mpegts.ParsePMT(sec)
	if err != nil {
		c.tables.malformed++
		return
	}
	g := c.numbers[pmt.Program]
	if g == nil || !g.inForce || g.pmtPID != n {
		return // of a program that the PAT has dropped or does not know yet
	}
	g.pmt.seen()
	g.pmts++
	if bytes.Equal(sec, g.raw) {
		return
	}
	if g.raw != nil {
		g.changes++
		if pmt.Version == g.version {
			c.tables.unmarked++
		}
	}
	c.generation++
	g.raw = append(g.raw[:0], sec...)
	g.adopt(pmt, &c.tracks, c.time.now)
}

// find looks up what the tables in force name a PID as, once for each
// generation of them: a PID that nothing comes of costs nothing.
func (c *Checker) find(s *pid, n uint16) {
	if s.generation == c.generation {
		return
	}
	s.generation = c.generation
	s.named, s.program, s.track = false, nil, nil
	table := slices.Contains(tablePIDs[:], n)
	for _, g := range c.programs {
		if !g.inForce {
			continue
		}
		t := g.tracks[n]
		switch {
		case g.pmtPID == n:
			table = true
			s.name(g.since)
		case t != nil && t.inForce:
			s.program, s.track = g, t
			s.name(t.since)
		case g.raw != nil && g.pcrPID == n:
			s.name(g.since)
		}
	}
	if !s.named && c.tables.leftOut > 0 && c.tables.names(n) {
		s.name(c.time.now)
	}
	if s.named {
		c.unreferenced.add(s, n)
	}
	if !table {
		s.sections = nil
	} else if s.sections == nil {
		s.sections = new(mpegts.SectionReader)
	}
}

// names reports whether the PAT names a PMT on a PID.
func (t *tables) names(n uint16) bool {
	for _, part := range t.parts {
		if slices.ContainsFunc(part.members, func(m mpegts.Program) bool { return m.PMTPID == n }) {
			return true
		}
	}
	return false
}

// A spacing is how far apart repetitions of a table lie in stream time.
type spacing struct {
	armed   bool  // seen, and no PCR since
	running bool  // from is set
	from    int64 // the PCR clock after the last one, in 1/27,000,000 s
	told    bool  // this gap has been counted

	gaps    int64
	longest int64
}

func (s *spacing) seen() { s.armed, s.told = true, false }

// restart spaces by another clock.
func (s *spacing) restart() { s.armed = s.armed || s.running }

// tick says that the program's active time is now.
func (s *spacing) tick(now int64) {
	if s.armed {
		s.armed, s.running, s.from = false, true, now
	}
	if !s.running {
		return
	}
	s.longest = max(s.longest, now-s.from)
	if now-s.from > maxTableInterval && !s.told {
		s.told = true
		s.gaps++
	}
}
