package tscheck

import (
	"bytes"

	"vw/media/mpegts"
)

// A pid is what is known of one PID.
type pid struct {
	packets          int64
	continuityErrors int64
	duplicates       int64

	cc       byte
	known    bool // cc is that of the last packet
	repeated bool // the last packet was a duplicate
	last     [mpegts.PacketSize]byte

	// What the tables of a generation name it as.
	generation int64
	named      bool
	since      int64                 // the checker's time at which they first did
	sections   *mpegts.SectionReader // where it carries tables
	program    *program              // with track, where a PMT in force names it as one
	track      *track

	strange int64 // packets that came while no table named it, and are not judged yet
	from    int64 // the time of the first of them
}

// follow judges the continuity_counter (ISO 2.4.3.3; TR 1.4) and reports
// whether p brings something new: not a repetition, legal or not.
func (s *pid) follow(p mpegts.Packet) bool {
	cc := p.Continuity()
	if !p.HasPayload() {
		if p.Discontinuity() { // a jump is legal, and ends here (ISO 2.4.3.5)
			s.remember(p)
		}
		return true
	}
	switch {
	case s.known && cc == s.cc && s.same(p):
		if s.repeated { // a packet may be sent twice, not three times
			s.continuityErrors++
		} else {
			s.duplicates++
		}
		s.repeated = true
		return false
	case s.known && cc != (s.cc+1)&0x0f && !p.Discontinuity():
		s.continuityErrors++
	}
	s.remember(p)
	return true
}

func (s *pid) remember(p mpegts.Packet) {
	s.cc, s.known, s.repeated = p.Continuity(), true, false
	copy(s.last[:], p)
}

// same says that p is the last packet again. Its PCR may differ (ISO 2.4.3.3).
func (s *pid) same(p mpegts.Packet) bool {
	const pcr, behind = 6, 12 // where a PCR lies in a packet
	if _, ok := p.PCR(); !ok {
		return bytes.Equal(s.last[:], p)
	}
	return bytes.Equal(s.last[:pcr], p[:pcr]) && bytes.Equal(s.last[behind:], p[behind:])
}
