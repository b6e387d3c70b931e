// Package tscheck judges an MPEG transport stream as an analyser at the end of
// a link would: by ETSI TR 101 290 (priorities 1 and 2, and PID reference of
// priority 3) and by ISO/IEC 13818-1, cited below as TR and ISO. It decodes
// nothing, knows neither feeds nor streams and reads no clock but the stream's.
//
// Time is stream time: that of the PCRs, whenever and however fast the bytes
// come, so a file and a live stream are judged alike. What lies between two
// PCRs is judged when the second has come. Where a PCR and the time stamps go
// forward together and nothing is stamped in between, all had stopped and went
// on: a silence, which is counted, and exempt from the limits on the
// repetition of PAT, PMT and PCR. No file can tell it from clocks that were
// all put forward together.
//
// What no clause forbids and every viewer sees is a fault too: pictures that are
// decoded too soon behind the one before, and sound that overlaps; and, unless
// Options.Interrupted, a track that goes on on another PID, though its coding is
// the same; a PID that the PMT leaves out and names again; a hole in a track. What
// is announced is no fault. A discontinuity_indicator allows stamps of another
// time base or, on a PID, that some of it is missing: the sender knew, and a decoder
// is told. A silence makes no hole either, since all players stop and go on with it,
// and tracks need not end and begin in it together. A hole behind a continuity
// error has been told by that. For the rest the DTS of a PID goes forward
// from its first to its last, whatever the PMT names in between, and sound
// lasts as long as the frames that were counted by their headers. A track that
// comes or leaves for good, and another coding on a PID, are no faults: players are
// told, and have nothing to go on with.
//
// The spacing of tables is known as exactly as PCRs lie around them and is
// never overestimated. PIDs named by conditional access descriptors only are
// not followed, and a PID that two programs share is judged in one of them.
package tscheck

import (
	"slices"
	"time"

	"vw/media/mpegts"
)

// Options are the limits that a stream is held to.
type Options struct {
	// MaxPCRInterval is the longest stream time between two PCRs of a
	// program. Defaults to 200 ms: TR 2.3 asks for 100 ms, but ffmpeg's own
	// spacing reaches 183 ms, and players take it.
	MaxPCRInterval time.Duration
	// MaxJump is how far a PCR may run ahead of the time stamps around it, or a
	// DTS ahead of or behind the PCR clock, in one step. Defaults to 1 s.
	MaxJump time.Duration
	// MaxSilence is the longest silence: where all clocks go further forward
	// together, it is a jump. Defaults to 1 h; negative: no silence at all.
	MaxSilence time.Duration
	// Interrupted says that tracks may move to other PIDs, leave and come back,
	// and have holes: it is noted, and no fault.
	Interrupted bool
}

// Bounds of memory under hostile input. PIDs are bounded by their 13 bits.
const (
	maxPrograms = 128  // followed, of the 65,535 that PATs may name
	maxParts    = 4    // sections of one PAT, of 253 programs each
	maxTracks   = 4096 // followed, of all programs
	maxHistory  = 64   // PMT versions kept per program
	maxStamps   = 1024 // time stamps kept between two PCRs
	maxListed   = 32   // unreferenced PIDs listed
)

// limits are Options in 1/27,000,000 s.
type limits struct {
	pcrInterval, jump, silence int64
}

// A Checker judges one transport stream. It is not safe for concurrent use.
// It keeps some 16 MiB at most, whatever is written.
type Checker struct {
	limits      limits
	interrupted bool
	sync        packetSync
	pids        map[uint16]*pid
	tables      tables
	programs    []*program
	numbers     map[uint16]*program
	tracks      int // of all programs

	generation int64 // of the tables in force
	time       watch

	timekeeper *program // whose clock the PATs were last spaced by

	packets         int64
	nullPackets     int64
	transportErrors int64
	unreferenced    unreferenced
}

// New is a checker at the start of a stream.
func New(o Options) *Checker {
	if o.MaxPCRInterval == 0 {
		o.MaxPCRInterval = 200 * time.Millisecond
	}
	if o.MaxJump == 0 {
		o.MaxJump = time.Second
	}
	if o.MaxSilence == 0 {
		o.MaxSilence = time.Hour
	}
	return &Checker{
		limits:      limits{ticks(o.MaxPCRInterval), ticks(o.MaxJump), ticks(o.MaxSilence)},
		interrupted: o.Interrupted,
		pids:        map[uint16]*pid{},
		numbers:     map[uint16]*program{},
		generation:  1,
	}
}

// ticks is d in 1/27,000,000 s.
func ticks(d time.Duration) int64 {
	return int64(d/time.Microsecond) * (mpegts.PCRHz / 1_000_000)
}

func seconds(ticks int64) float64 { return float64(ticks) / mpegts.PCRHz }

// Write takes the next bytes of the stream, in pieces of any size. It keeps no
// part of b and never fails.
func (c *Checker) Write(b []byte) (int, error) {
	const piece = 64 << 10 // bounds what is held to find packets
	for part := range slices.Chunk(b, piece) {
		c.sync.write(part, c.packet, c.forget)
	}
	return len(b), nil
}

func (c *Checker) packet(p mpegts.Packet) {
	c.packets++
	if p.TransportError() { // TR 2.1: nothing else is to be derived from it
		c.transportErrors++
		c.forget(p)
		return
	}
	if p.PID() == mpegts.NullPID { // its counter is undefined (ISO 2.4.3.3)
		c.nullPackets++
		return
	}
	s := c.pid(p.PID())
	s.packets++
	step := s.follow(p)
	if step.Repeats() {
		return
	}
	pcr, clocked := p.PCR()
	if clocked {
		c.time.tick(p.PID(), pcr, c.limits.pcrInterval)
	}
	c.find(s, p.PID())
	if s.track != nil && step != mpegts.Onward { // what is missing has been told, by us or by the sender
		s.track.extent = extent{}
	}
	if clocked && p.Discontinuity() { // the stamps of this packet are of the new time base
		c.pcr(p, pcr)
	}
	switch {
	case s.sections != nil:
		c.section(s, p)
	case s.track != nil:
		s.program.pes(s.track, p, c.limits)
	case !s.named && p.PID() > lastReservedPID:
		s.stray(c.time.now)
	}
	if clocked && !p.Discontinuity() {
		c.pcr(p, pcr)
	}
}

// pcr hands a PCR to the programs that name its PID; more than one may.
func (c *Checker) pcr(p mpegts.Packet, pcr uint64) {
	for _, g := range c.programs {
		if !g.inForce || g.raw == nil || g.pcrPID != p.PID() {
			continue
		}
		g.pcr(pcr, p.Discontinuity(), c.limits)
		g.clock.last = c.packets
		if g.clock.first == 0 {
			g.clock.first = c.packets
		}
		g.pmt.tick(g.clock.active)
		if g == c.reference() {
			c.tables.pat.tick(g.clock.active)
		}
	}
}

// reference is the program whose clock spaces the PATs: the first in force
// that has one.
func (c *Checker) reference() *program {
	i := slices.IndexFunc(c.programs, func(g *program) bool { return g.inForce && g.clock.running })
	if c.programs[i] != c.timekeeper {
		c.timekeeper = c.programs[i]
		c.tables.pat.restart()
	}
	return c.timekeeper
}

func (c *Checker) pid(n uint16) *pid {
	s := c.pids[n]
	if s == nil {
		s = new(pid)
		c.pids[n] = s
	}
	return s
}

// forget lets the next packet of p's PID carry any counter: p was damaged on
// the way, and is a fault of its own.
func (c *Checker) forget(p mpegts.Packet) {
	if s := c.pids[p.PID()]; s != nil {
		s.counter = mpegts.Counter{}
	}
}
