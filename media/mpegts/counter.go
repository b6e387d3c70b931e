package mpegts

// A Counter follows the continuity_counter of one PID (2.4.3.3). The zero value
// is ready. The counter of null packets is undefined, and not to be followed.
type Counter struct {
	last     byte
	known    bool
	repeated bool // the last packet was a duplicate
}

// A Step is what a counter says of a packet.
type Step byte

// The steps of a counter.
const (
	Onward    Step = iota // the first packet or the next, or one without payload
	Announced             // any counter, as the discontinuity_indicator allows (2.4.3.5)
	Duplicate             // the counter of the packet before: it may be sent twice
	Surplus               // that counter once more, which is a fault
	Gap                   // packets are missing or out of order
)

// Fault reports whether a packet came that must not come now.
func (s Step) Fault() bool { return s == Surplus || s == Gap }

// Repeats reports whether the packet has the counter of the one before. A source
// that begins anew may have it by chance.
func (s Step) Repeats() bool { return s == Duplicate || s == Surplus }

// Follow takes the next packet of the PID.
func (c *Counter) Follow(p Packet) Step {
	cc, before := p.Continuity(), *c
	switch {
	case p.Discontinuity():
		c.Restart(p)
		return Announced
	case !p.HasPayload():
		return Onward
	case before.known && cc == before.last:
		c.repeated = true
		if before.repeated {
			return Surplus
		}
		return Duplicate
	}
	c.Restart(p)
	if before.known && cc != (before.last+1)&0x0f {
		return Gap
	}
	return Onward
}

// Restart makes p the packet that the next one has to follow.
func (c *Counter) Restart(p Packet) { *c = Counter{last: p.Continuity(), known: true} }

// Known reports whether a packet has set the counter.
func (c *Counter) Known() bool { return c.known }
