package tscheck

import (
	"slices"

	"vw/media/mpegts"
)

// maxUnnamed is how long packets of a PID may come before a table names it (TR
// 3.4): whoever joins, and whatever is captured from the middle of a stream,
// sees that.
const maxUnnamed = mpegts.PCRHz / 2

// unreferenced are the packets that no PAT or PMT in force named, and did not
// within maxUnnamed.
type unreferenced struct {
	packets int64
	pids    []uint16 // the first of them
}

// name notes that a table in force names the PID, and did first at since.
func (s *pid) name(since int64) { s.named, s.since = true, since }

// stray counts a packet of a PID that no table in force names.
func (s *pid) stray(now int64) {
	if s.unnamed == 0 {
		s.from = now
	}
	s.unnamed++
}

// add judges the unnamed packets of a PID that is named now: they are no fault
// if they came shortly before it was named for the first time.
func (x *unreferenced) add(s *pid, n uint16) {
	if s.unnamed > 0 && (s.since < s.from || s.since-s.from > maxUnnamed) {
		x.count(s, n)
	}
	s.unnamed = 0
}

// mayBeNamed reports whether a PID that is not named has come for so short a
// time that it may be yet.
func (c *Checker) mayBeNamed(s *pid, n uint16) bool {
	former := slices.ContainsFunc(c.programs, func(g *program) bool { return g.tracks[n] != nil })
	return !former && c.time.running && c.time.now-s.from <= maxUnnamed
}

func (x *unreferenced) count(s *pid, n uint16) {
	x.packets += s.unnamed
	if len(x.pids) < maxListed && !slices.Contains(x.pids, n) {
		x.pids = append(x.pids, n)
	}
}
