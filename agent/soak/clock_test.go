package soak_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	tick = 50 * time.Millisecond
	// still is how late a tick is at which the machine has stood still.
	still = 300 * time.Millisecond
	// held is how late a tick is at which others have held up what is to be in time.
	held = 100 * time.Millisecond
	// pressed is the share of a second in which something waits for a processor, by
	// the kernel's account, of a machine that is busy with something else.
	pressed = 0.4
)

// A clock knows for how long the machine has run, which may be busy, or be stopped for a while.
type clock struct {
	mu     sync.Mutex
	ran    time.Duration
	last   time.Time
	stands []stand

	busyAt  time.Time // when the machine was last busy with something else
	waited  time.Duration
	waitsAt time.Time // of waited
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
	if waited, ok := pressure(); ok && now.Sub(c.waitsAt) >= time.Second {
		if !c.waitsAt.IsZero() && float64(waited-c.waited) > pressed*float64(now.Sub(c.waitsAt)) {
			c.busyAt = now
		}
		c.waited, c.waitsAt = waited, now
	}
	if gap > tick+held {
		c.busyAt = now
	}
}

// pressure is for how long in all something has waited for a processor, where the kernel counts it.
func pressure() (waited time.Duration, ok bool) {
	text, err := os.ReadFile("/proc/pressure/cpu")
	_, total, found := strings.Cut(string(text), "total=")
	var us int64
	if _, e := fmt.Sscan(total, &us); err != nil || e != nil || !found {
		return 0, false
	}
	return time.Duration(us) * time.Microsecond, true
}

// busySince reports whether the machine has been busy with something else since then.
func (c *clock) busySince(then time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.busyAt.After(then)
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
