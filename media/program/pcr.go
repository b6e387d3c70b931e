package program

import "vw/media/mpegts"

const (
	pcrScale     = mpegts.PCRHz / mpegts.PTSHz
	pcrInterval  = mpegts.PTSHz / 10       // between PCRs that the program makes itself (2.7.2)
	pcrSilence   = 12 * mpegts.PTSHz / 100 // a source that sends no PCR for so long is helped out
	pcrTolerance = mpegts.PCRHz / 10       // by how much a new source's PCR may differ from the last one's
	pcrLeap      = mpegts.PCRHz            // and that of the same source
	pcrDelay     = 7 * mpegts.PTSHz / 10   // from PCR to DTS where no source gives any: ffmpeg's
)

// A pcr is the program's clock as its PCRs tell it (2.4.2.2), in program
// time times 300. It never goes back, and goes forward no faster than arrival
// time but for its tolerances; except that a source which takes it over with
// another decoder delay makes it jump, and that is announced (2.4.3.5): else its
// pictures would come too late for the clock from then on.
type pcr struct {
	known bool
	last  int64
	at    int64 // arrival time of last, 1/90,000 s
	from  *feed // whose PCR last was
	epoch int   // and on which of its clocks
	shift int64 // added to that feed's PCRs, to make up for another decoder delay
	delay int64 // from that feed's last PCR to its DTS
}

func (c *pcr) sent(pcr, at int64) { c.known, c.last, c.at = true, pcr, at }

// expected is what the clock would say now.
func (c *pcr) expected(at int64) int64 { return c.last + (at-c.at)*pcrScale }

// next is the program's PCR for a feed's, false where it would go back. It
// jumps where the feed has just taken the clock over and keeps its pictures for
// longer or shorter than the one before.
func (c *pcr) next(f *feed, ticks uint64, at int64) (pcr int64, ok, jumps bool) {
	tolerance, taken := int64(pcrLeap), c.from != f
	if taken || c.epoch != f.epoch {
		c.from, c.epoch, c.shift = f, f.epoch, 0
		tolerance = pcrTolerance
	}
	pcr = f.clock.time(ticks/pcrScale)*pcrScale + int64(ticks%pcrScale)
	was := c.delay
	c.delay = f.clock.out*pcrScale - pcr
	pcr += c.shift
	if expected := c.expected(at); c.known && (pcr < c.last-tolerance || pcr > expected+tolerance) {
		if taken && c.delay >= 0 && c.delay <= keeping*pcrScale {
			return pcr, true, true
		}
		if same := c.delay - was; !taken && pcr < c.last && same >= -pcrTolerance && same <= pcrTolerance {
			return pcr, false, false // it is late as a whole, behind PCRs of the program's own
		}
		c.shift += expected - pcr
		pcr = expected
	}
	return pcr, !c.known || pcr > c.last, false
}

// readPCR takes the PCR of a packet of the feed that carries the clock.
func (p *Program) readPCR(f *feed, pid uint16, in mpegts.Packet, at int64) (pcr int64, timed, jumps bool) {
	ticks, ok := in.PCR()
	if !ok || pid != f.pcrPID {
		return 0, false, false
	}
	if p.clock == nil || p.master != f || !f.clock.set || f.returned {
		return 0, false, false
	}
	pcr, timed, jumps = p.pcr.next(f, ticks, at)
	if timed {
		f.pcrAt, f.pcrTime = at, f.clock.out
	}
	return pcr, timed, jumps
}

// lacksPCR reports whether the program has sent no PCR for an interval, and the source
// of the clock none for long, because it has died or has none. A source that comes in bursts brings its own,
// which would be late: where f is that, it is judged by its own time.
func (p *Program) lacksPCR(f *feed, at, interval int64) bool {
	m := p.master
	switch {
	case p.clock == nil || p.pcr.known && at-p.pcr.at < interval:
		return false
	case m == nil:
		return true
	}
	return at-m.pcrAt >= pcrSilence && (f != m || f.clock.out-f.pcrTime >= pcrSilence)
}

// pcrDue is the arrival time at which a PCR is lacking if none comes.
func (p *Program) pcrDue() int64 {
	switch m := p.master; {
	case p.clock == nil:
		return never
	case m == nil:
		return p.pcr.at + pcrInterval
	default:
		return max(p.pcr.at, m.pcrAt) + pcrSilence
	}
}

// fillPCR appends a PCR where one is lacking. It goes on with arrival time.
func (p *Program) fillPCR(dst []byte, f *feed, at int64) []byte {
	if !p.lacksPCR(f, at, pcrInterval) {
		return dst
	}
	return p.appendPCR(dst, p.ownPCR(at), at)
}

// ownPCR is a PCR of the program's own.
func (p *Program) ownPCR(at int64) int64 {
	if !p.pcr.known {
		return (at - p.lag - pcrDelay) * pcrScale
	}
	return p.pcr.expected(at)
}

// appendPCR appends a packet of the PCR PID that carries nothing else and
// does not advance the counter (2.4.3.3).
func (p *Program) appendPCR(dst []byte, pcr, at int64) []byte {
	p.pcr.sent(pcr, at)
	return mpegts.AppendPCR(p.clock.announce(dst), p.clock.pid, p.clock.cc-1, wrapPCR(pcr))
}

// wrapPCR brings program time times 300 to the 42 bits of a PCR.
func wrapPCR(pcr int64) uint64 {
	return uint64((pcr%mpegts.PCRModulus + mpegts.PCRModulus) % mpegts.PCRModulus)
}
