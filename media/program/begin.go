package program

// reference is the lag that a feed's first packet is given: that of a feed
// which is there already, else the program's. A feed that is going to carry
// the clock takes the program's while that is near: the others follow it, so
// that what each of its sources is off by would add up.
func (p *Program) reference(f *feed) int64 {
	other := p.peer(f)
	if other == nil {
		return p.lag
	}
	lag := other.clock.lag()
	if d := lag - p.lag; d > late || d < -late {
		return lag
	}
	for g := range p.candidates {
		switch g {
		case f:
			return p.lag
		case other:
			return lag
		}
	}
	return lag
}

// peer is the feed that f has to be in time with: the one that carries the
// clock, else another one that is there.
func (p *Program) peer(f *feed) *feed {
	there := func(g *feed) bool {
		return g != f && g.clock.set && !g.returned && g.alive(f.at)
	}
	if p.master != nil && there(p.master) {
		return p.master
	}
	for g := range p.candidates {
		if there(g) {
			return g
		}
	}
	return nil
}

// settle draws a new clock back at once where packets come earlier than the
// first one told: that one was late. ffmpeg analyses a network input for up to
// 5 s and then sends what it has kept. Only the first feed of a program is
// free to begin with a burst: program time goes by it.
func (p *Program) settle(f *feed, due uint64, at int64) {
	c := &f.clock
	if at > c.begins {
		return
	}
	lag := at - c.time(due)
	if at-p.opened <= opening && p.peer(f) == nil {
		p.lag = min(p.lag, lag)
		return
	}
	early := p.reference(f) - lag
	if (early > jitter || early > slack && c.drawn > 0) && c.drawn+early <= keeping {
		c.draw(early, at)
	}
}
