package program

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"vw/media/mpegts"
)

const (
	maxHeaders = 4096             // bytes that a filler's headers have at most
	notedLag   = mpegts.PTSHz / 4 // by which program time may have moved unsaved
	// maxAhead is by how much saved program time may differ from the time of day: a
	// century, since a clock that is not set may say 1970.
	maxAhead = 100 * 366 * 24 * 3600 * mpegts.PTSHz
)

// A State is what outlives a program, so that a viewer who stays sees the same
// tracks of the one that follows. It holds no sound and no picture.
type State struct {
	Version byte        `json:"version"` // of the PMT
	Ahead   int64       `json:"ahead"`   // of the time of day, program time is, in 1/90,000 s
	Slots   []SlotState `json:"slots"`   // by PID
}

// A SlotState is what outlives a slot.
type SlotState struct {
	Type         byte   `json:"type"` // stream_type
	Descriptors  []byte `json:"descriptors,omitempty"`
	Registration string `json:"registration,omitempty"`
	Headers      []byte `json:"headers,omitempty"` // that the filler goes on from
}

// Revision grows when State has something new to tell. It may grow for nothing.
func (p *Program) Revision() int {
	if d := p.lag - p.told; d > notedLag || d < -notedLag {
		p.told = p.lag
		p.revision++
	}
	return p.revision
}

// State returns what is to outlive the program: at is the arrival time now, and
// now the time of day.
func (p *Program) State(at time.Duration, now time.Time) State {
	x := State{Version: p.tables.version, Ahead: ticks(at) - p.lag - timeOfDay(now), Slots: []SlotState{}}
	for _, s := range p.slots {
		x.Slots = append(x.Slots, SlotState{s.coding, s.descriptors, s.registration, s.headers()})
	}
	return x
}

// headers are those that the filler goes on from; while they come in, those before.
func (s *slot) headers() []byte {
	if s.keeps && s.kind == mpegts.Video || !s.canFill() {
		return s.known
	}
	if s.audio != nil {
		s.known = s.audio.Headers()
	} else {
		s.known = slices.Clone(s.video.Headers())
	}
	return s.known
}

// Check reports why no program can have had it.
func (x State) Check() error {
	if len(x.Slots) > MaxTracks {
		return fmt.Errorf("%d slots are more than the %d that a stream has at most", len(x.Slots), MaxTracks)
	}
	if x.Version > maxVersion || x.Ahead > maxAhead || x.Ahead < -maxAhead {
		return errors.New("version or ahead are out of range")
	}
	for i, s := range x.Slots {
		if err := s.check(); err != nil {
			return fmt.Errorf("slot %d: %w", i, err)
		}
	}
	return nil
}

// Restore gives a new program, whose start is the time of day now, what another
// one had; Check has to find no error in it.
func (p *Program) Restore(x State) {
	for _, saved := range x.Slots {
		s := p.addSlot(newFormat(mpegts.Track{Type: saved.Type, Descriptors: saved.Descriptors, Registration: saved.Registration}))
		s.es, s.known, s.jumps = slices.Clone(saved.Headers), saved.Headers, true
	}
	p.lag -= x.Ahead
	p.told = p.lag
	p.tables.version = (x.Version + queued) & maxVersion
	p.tables.changed = true
}

// check reports what no slot has. Headers that are not valid are as good as none.
func (s SlotState) check() error {
	if n := len(s.Registration); n != 0 && n != 4 {
		return errors.New("a registration has 4 characters")
	}
	if len(s.Headers) > maxHeaders || len(s.Descriptors) > maxSection {
		return errors.New("its headers or descriptors are too long")
	}
	d := s.Descriptors
	for len(d) >= 2 && len(d) >= 2+int(d[1]) {
		d = d[2+int(d[1]):]
	}
	if len(d) > 0 {
		return errors.New("its descriptors are cut short")
	}
	return nil
}

// announce appends the packet that makes the first jump of the slot's counter a
// legal one (2.4.3.5).
func (s *slot) announce(dst []byte) []byte {
	if !s.jumps {
		return dst
	}
	s.jumps = false
	return mpegts.AppendDiscontinuity(dst, s.pid, s.cc)
}
