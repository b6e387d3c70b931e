package agent_test

import (
	"flag"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// What make simulate says. The tests run in short.
var (
	simSeed  = flag.Uint64("seed", 0, "simulate this world alone; 0: the first three")
	simHours = flag.Float64("hours", 0.2, "of a simulated world")
)

// A whole agent, three relays, sources and whoever commands it live in memory for
// hours, which pass in seconds. Commands and faults come from the seed; after each the
// model says what may leave, what has to arrive, and what is answered. The same seed
// does the same to the agent at the same times; what Go's scheduler and the waits
// between dials make of that is not in its hand.
func TestSimulation(t *testing.T) {
	seeds := []uint64{1, 2, 3}
	if *simSeed != 0 {
		seeds = []uint64{*simSeed}
	}
	for _, seed := range seeds {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			real := realClock()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, seed)
				w.live(time.Duration(*simHours * float64(time.Hour)))
				w.end()
				t.Logf("%v simulated: %v, %d packets in %d links, %d of them marked", time.Since(w.began).Round(time.Minute), w.count,
					w.customs.passed, w.customs.links, w.customs.tracks)
			})
			t.Logf("in %v", real().Round(time.Second))
		})
	}
}

// realClock returns what tells the time that has passed outside of the bubble.
func realClock() func() time.Duration {
	begun := time.Now()
	return func() time.Duration { return time.Since(begun) }
}

// live lives for some time, or until something is wrong.
func (w *world) live(d time.Duration) {
	end := time.Now().Add(d)
	for steps := 0; time.Now().Before(end); steps++ {
		w.step()
		if steps%25 == 24 {
			w.check()
		}
		if steps%100 == 99 {
			w.night()
		}
		if wrong := w.customs.faults(); len(wrong) > 0 {
			w.t.Errorf("seed %d after %v:\n%s\n\nwhat was done last:\n%s\n\nthe agent's log:\n%s\n\nto do it again: make simulate SEED=%d HOURS=%g", w.seed, time.Since(w.began),
				strings.Join(wrong, "\n"), strings.Join(w.story, "\n"), w.log.last(6000), w.seed, *simHours)
			return
		}
	}
}

// step does one thing, and lets some time pass.
func (w *world) step() {
	switch n := w.random.IntN(20); {
	case n < 13:
		w.perform(draw(w.random, w.model))
	case n < 16:
		w.switchCamera()
	default:
		w.trouble()
	}
	w.sleep(time.Duration(w.random.ExpFloat64() * float64(4*time.Second)))
}

// switchCamera starts or ends a source.
func (w *world) switchCamera() {
	c := pick(w.random, w.cameras)
	if c.on && w.random.IntN(3) == 0 {
		w.tell("the source of %s ends", simFeeds[c.source.feed].name)
		c.end()
	} else if !c.on {
		w.tell("the source of %s starts", simFeeds[c.source.feed].name)
		c.start()
	}
	w.count["sources"]++
}

// trouble makes a fault, or ends one.
func (w *world) trouble() {
	address := pick(w.random, simRelays)
	m := w.network.at(address)
	calm := weather{delay: time.Duration(w.random.IntN(40)) * time.Millisecond}
	if w.troubled[address] && w.random.IntN(2) == 0 {
		w.tell("%s is well again", address)
		m.set(calm)
		delete(w.troubled, address)
		w.calmAt = time.Now()
		return
	}
	weathers := []struct {
		name string
		weather
	}{
		{"slow", weather{delay: time.Duration(w.random.IntN(2000)) * time.Millisecond}},
		{"half open", weather{up: true}},
		{"half open the other way", weather{down: true}},
		{"lost", weather{up: true, down: true}},
		{"refused", weather{dial: refused}},
		{"dialled in vain", weather{dial: lost}},
		{"unknown", weather{unknown: true}},
	}
	if w.random.IntN(3) == 0 {
		w.tell("links to %s are reset", address)
		w.count["fault: reset"] += m.reset()
		w.calmAt = time.Now()
		return
	}
	x := pick(w.random, weathers)
	w.tell("%s is %s", address, x.name)
	w.count["fault: "+x.name]++
	w.troubled[address], w.calmAt = true, time.Now()
	m.set(x.weather)
}

// heal ends all faults.
func (w *world) heal() {
	if len(w.troubled) == 0 {
		return
	}
	for _, address := range simRelays {
		w.network.at(address).set(weather{delay: 5 * time.Millisecond})
	}
	clear(w.troubled)
	w.calmAt = time.Now()
}

// night is long, and nothing is sent.
func (w *world) night() {
	w.heal()
	for _, c := range w.cameras {
		c.end()
	}
	w.sleep(healing)
	w.perform(order{local: true, rest: [3]string{"DELETE", "/api/streams/all", ""}, next: w.model.withoutStream(true, "all"), want: deleted("all")})
	w.sleep(time.Duration(w.random.IntN(8*60)) * time.Minute)
}

// last is the end of what was logged.
func (l *logbook) last(n int) string {
	s := l.String()
	return s[max(0, len(s)-n):]
}
