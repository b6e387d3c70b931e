package command

import "sync"

// An Outcome is what became of a command: its verb, "other" for one that there is
// not, and whether it was done or refused.
type Outcome struct {
	Verb string
	Done bool
}

// counts are of the commands that were run.
type counts struct {
	mu sync.Mutex
	of map[Outcome]uint64
}

func (c *counts) add(verb string, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.of == nil {
		c.of = map[Outcome]uint64{}
	}
	c.of[Outcome{verb, err == nil}]++
}
