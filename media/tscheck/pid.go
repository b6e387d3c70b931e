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

	counter mpegts.Counter
	last    [mpegts.PacketSize]byte

	// What the tables of a generation name it as.
	generation int64
	named      bool
	since      int64                 // the checker's time at which they first did
	sections   *mpegts.SectionReader // where it carries tables
	program    *program              // with track, where a PMT in force names it as one
	track      *track

	unnamed int64 // packets that came while no table named it, and are not judged yet
	from    int64 // the time of the first of them
}

// follow judges the continuity_counter (ISO 2.4.3.3; TR 1.4).
func (s *pid) follow(p mpegts.Packet) mpegts.Step {
	step := s.counter.Follow(p)
	same := step != mpegts.Onward && s.same(p)
	switch {
	case step.Repeats() && !same:
		s.counter.Restart(p)
		step = mpegts.Gap
	case step == mpegts.Duplicate, step == mpegts.Announced && same:
		step = mpegts.Duplicate
		s.duplicates++
	}
	if step.Fault() {
		s.continuityErrors++
	}
	if p.HasPayload() && !step.Repeats() {
		copy(s.last[:], p)
	}
	return step
}

// same says that p is the last packet again. Its PCR may differ (ISO 2.4.3.3).
func (s *pid) same(p mpegts.Packet) bool {
	const pcr, behind = 6, 12 // where a PCR lies in a packet
	if _, ok := p.PCR(); !ok {
		return bytes.Equal(s.last[:], p)
	}
	return bytes.Equal(s.last[:pcr], p[:pcr]) && bytes.Equal(s.last[behind:], p[behind:])
}
