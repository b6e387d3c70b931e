package soak_test

import (
	"slices"
	"sync"
	"testing"
	"time"
)

const (
	tick = 50 * time.Millisecond
	// still is how late a tick is at which the machine has stood still.
	still = 300 * time.Millisecond
)

// A clock knows for how long the machine has run, which may be busy, or be stopped for a while.
type clock struct {
	mu     sync.Mutex
	ran    time.Duration
	last   time.Time
	stands []stand
}

// A stand is a time for which the machine stood still.
type stand struct{ from, to time.Time }

// newClock returns one that runs until the test ends.
func newClock(t testing.TB) *clock {
	c := &clock{last: time.Now()}
	quit := make(chan struct{})
	var ended sync.WaitGroup
	ended.Go(func() {
		ticks := time.NewTicker(tick)
		defer ticks.Stop()
		for {
			select {
			case <-quit:
				return
			case <-ticks.C:
				c.tick()
			}
		}
	})
	t.Cleanup(func() { close(quit); ended.Wait() })
	return c
}

func (c *clock) tick() {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	gap := now.Sub(c.last)
	if gap > still {
		c.stands = append(c.stands, stand{c.last, now})
	} else {
		c.ran += gap
	}
	c.last = now
}

// longest is the longest time for which the machine has stood still since then.
func (c *clock) longest(since time.Time) (d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range slices.Backward(c.stands) {
		if s.to.Before(since) {
			break
		}
		d = max(d, s.to.Sub(s.from))
	}
	return d
}

// running is how long the machine has run since the clock began.
func (c *clock) running() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ran
}

// between is how long the machine ran between two times.
func (c *clock) between(from, to time.Time) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	took := to.Sub(from)
	for _, s := range slices.Backward(c.stands) {
		if s.to.Before(from) {
			break
		}
		took -= s.to.Sub(s.from)
	}
	return max(0, took)
}
