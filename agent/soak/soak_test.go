// Package soak_test runs the real program for as long as is asked for: a real ffmpeg
// feeds it, it sends to relays over a network that loses, delays and stops, and is
// commanded by a channel and on its machine. What is done comes from a seed. What
// arrives is held against what may, and what the program holds at the end against
// what it held at the start. make soak runs it.
package soak_test

import (
	"flag"
	"fmt"
	"os"
	"testing"
	"time"
)

var (
	soakFor = flag.Duration("for", 0, "how long the agent is soaked")
	seed    = flag.Uint64("seed", 1, "of what is done; with an even one the cameras are H.264, else MPEG-1")
	proxies = flag.Bool("proxies", false, "over proxies, also where the system gives the test a network of its own")
	cycles  = flag.Int("cycles", 0, "destination rules that are added and deleted")
)

func TestMain(m *testing.M) {
	flag.Parse()
	if code, done := isolate(); done {
		os.Exit(code)
	}
	var err error
	if temp, err = os.MkdirTemp("", "vw-soak"); err != nil {
		panic(err)
	}
	code := m.Run()
	_ = os.RemoveAll(temp)
	os.Exit(code)
}

// An hour of it takes an hour: the tests of every day leave it out.
func TestAnAgentIsAfterEveryFaultAsItWasBefore(t *testing.T) {
	if *soakFor == 0 {
		t.Skip("its time is real: make soak FOR=30m, or go test ./agent/soak -for 2m; make test does")
	}
	w := newWorld(t)
	w.settle()
	for range 2 { // what is made once is there then
		w.round()
	}
	w.settle()
	before := w.agent.measure(w)
	t.Logf("at the start: %v", before)
	for rounds := 1; w.clock.running() < *soakFor && !t.Failed(); rounds++ {
		w.round()
		if rounds%12 == 0 {
			w.settle()
			now := w.agent.measure(w)
			t.Logf("after %v: %v", w.clock.running().Round(time.Second), now)
			w.compare(before, now)
		}
	}
	w.settle()
	after := w.agent.measure(w)
	t.Logf("at the end, after %v: %v", w.clock.running().Round(time.Second), after)
	w.compare(before, after)
	w.look()
	w.judge()
	w.agent.stop()
	t.Log(w.told())
}

// compare holds that an agent of which the same is wanted holds the same.
func (w *world) compare(before, after holdings) {
	w.t.Helper()
	if more := after.more(before); more != "" {
		w.t.Errorf("seed %d: with the same rules the agent held %v, and holds %v: %s", *seed, before, after, more)
		w.agent.dump()
	}
}

// told is what was done, and how it went.
func (w *world) told() string {
	s := fmt.Sprintf("%d commands, the slowest reply after %v; faults: %v\nback after a fault in %v at most; by links without a fault %d packets came %v late on average, %v at most",
		w.commands, w.slowest.Round(time.Millisecond), w.faults, w.slowestBack.Round(100*time.Millisecond),
		w.customs.timely, w.customs.average().Round(time.Millisecond), w.customs.latest.Round(time.Millisecond))
	return s + fmt.Sprintf("\n%d packets arrived by %d links, %d of them known to be of a feed; of %d programs %d were late, on a busy machine",
		w.customs.packets, len(w.customs.links), w.customs.known, w.customs.judged, w.customs.excused)
}
