package media

// A change is a re-wiring under way. Its first part, under the router's lock,
// says who is not to be passed what any more; it is short. The rest stops
// nobody who passes chunks on: every stream concerned is set once, and then
// what was removed is taken out of the queues. A write of it may begin until
// then, but the change has not returned yet, and waits for such writes.
//
// The router's field changing is held throughout, so that no two of them mix.
type change struct {
	router   *Router
	concerns []*stream // each once
	purges   []purge
	pending  PendingWrites
}

// A purge takes what keep leaves out of the queues of readers of one fanout.
type purge struct {
	subs []*Subscriber
	keep func(chunk) chunk
}

// purge notes readers who are to keep no more than keep leaves of a chunk.
func (c *change) purge(subs []*Subscriber, keep func(chunk) chunk) {
	c.purges = append(c.purges, purge{subs, keep})
}

// streams notes streams that have to be set.
func (c *change) streams(concerned []*stream) {
	for _, s := range concerned {
		if !s.concerned {
			s.concerned = true
			c.concerns = append(c.concerns, s)
		}
	}
}

// done does what is left once the router's lock has been released.
func (c *change) done() *PendingWrites {
	r := c.router
	var whole []*stream // in force as a whole
	for _, s := range c.concerns {
		s.concerned = false
		r.mu.RLock()
		keep, spliced := s.set(s.ruled, r.selectors(s))
		c.purge(s.subs, keep)
		if spliced != nil {
			c.pending.splices = append(c.pending.splices, splice{s, spliced})
		} else if len(s.former) > 0 {
			whole = append(whole, s)
		}
		r.mu.RUnlock()
	}
	if len(whole) > 0 {
		r.mu.Lock()
		r.unwire(whole...)
		r.mu.Unlock()
	}
	for _, p := range c.purges {
		rests := remainders{keep: p.keep, known: map[extent]remainder{}}
		for _, s := range p.subs {
			if !s.client || s.ofStream {
				c.pending.add(s, s.queue.purge(rests.of))
			}
		}
		rests.release()
	}
	return &c.pending
}

// A remainder is what is left of a chunk, and the PIDs of packets that are not.
type remainder struct {
	whole chunk // held, so that its bytes do not become another chunk's
	chunk chunk // data nil: nothing
	lost  []uint16
}

// remainders remembers what is left of a chunk: it waits in many queues, which
// share what is left of it too.
type remainders struct {
	keep  func(chunk) chunk
	known map[extent]remainder
}

// An extent is what tells chunks apart: some may be the beginning of others.
type extent struct {
	first *byte
	size  int
	feed  *feed
}

func (r remainders) of(c chunk) remainder {
	if c.format != packets || len(c.data) == 0 {
		return remainder{chunk: r.keep(c)}
	}
	key := extent{&c.data[0], len(c.data), c.feed}
	rest, ok := r.known[key]
	if !ok {
		rest.whole, rest.chunk = c.retain(), r.keep(c)
		rest.lost = c.without(rest.chunk.data)
		r.known[key] = rest
	}
	return rest
}

func (r remainders) release() {
	for _, rest := range r.known {
		rest.whole.release()
	}
}

// nothing leaves nothing of a chunk.
func nothing(chunk) remainder { return remainder{} }
