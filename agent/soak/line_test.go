package soak_test

import "time"

// A line is the way of an agent to a relay, on which there is weather. There are two: packets of
// IP in a network of the test's own, where real TCP meets loss, or a proxy of connections.
type line interface {
	url() string // for the agent
	set(weather)
	close()
}

// weather is how a line is. The zero value is a good one.
type weather struct {
	delay time.Duration // of each way
	loss  float64       // of packets; a proxy has none
	rate  int           // bit/s, 0 for any
	cut   bool          // nothing passes, and nobody is told
}

// backlog is how much waits before a slow line, in time. Packets beyond it are lost.
const backlog = 500 * time.Millisecond

// A lane is one way of a line: when what is sent on it arrives.
type lane struct{ free, last time.Time }

// full reports whether what waits before a slow line is all that may.
func (l *lane) full(w weather) bool { return w.rate > 0 && time.Until(l.free) > backlog }

// send returns when something of so many bytes arrives.
func (l *lane) send(w weather, bytes int) (due time.Time) {
	leaves := time.Now()
	if w.rate > 0 {
		if l.free.After(leaves) {
			leaves = l.free
		}
		leaves = leaves.Add(time.Duration(bytes) * 8 * time.Second / time.Duration(w.rate))
		l.free = leaves
	}
	due = leaves.Add(w.delay)
	if due.Before(l.last) { // none overtakes another
		due = l.last
	}
	l.last = due
	return due
}
