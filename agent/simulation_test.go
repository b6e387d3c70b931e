package agent_test

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
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

// A whole agent, four relays, sources and whoever commands it live in memory for
// hours, which pass in seconds. Commands and faults come from the seed; after each the
// model says what may leave, what has to arrive, and what is answered. The agent is
// stopped, and killed within a write of its state; its command channel moves; relays
// misbehave; sources send rubbish and take each other's feeds over. A clock that is set
// is not among it: in a bubble of time there is one clock alone. The same seed
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

// A table that changes what a stream is made of, and where it is sent, sends nothing
// of before to the new place.
func TestATableThatChangesStreamAndPlaceMixesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1)
		for _, c := range w.cameras {
			c.start(nil)
		}
		w.sleep(10 * time.Second)
		for i := range 40 {
			feeds := [][]string{{"cam0", "mic0"}, {"av"}, {"cam1", "mic1"}}[i%3]
			to := tableOf{streams: map[string][]string{"lab": feeds}, destinations: map[string]place{"0": {stream: "lab", url: fmt.Sprintf("ws://%s/in/d0.%d", pick(w.random, simRelays), i%2)}}}
			next := w.model.withTable(false, to, time.Now())
			w.perform(order{text: to.command(), next: next, want: jsonOf(map[string]any{"rules": next.listed(), "hash": next.hash()})})
			w.sleep(time.Duration(2000+w.random.IntN(20_000)) * time.Millisecond)
		}
		w.check()
		if wrong := w.customs.faults(); len(wrong) > 0 {
			t.Errorf("%s\n\nwhat was done:\n%s", strings.Join(wrong, "\n"), strings.Join(w.story, "\n"))
		}
		w.end()
	})
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
	switch n := w.random.IntN(100); {
	case n < 62:
		w.perform(draw(w.random, w.model))
	case n < 76:
		w.switchCamera()
	case n < 78:
		w.post()
	case n < 95:
		w.trouble()
	case n < 96:
		w.move()
	case n < 97:
		w.outage()
	case n < 98:
		w.restart()
	default:
		w.killAgent()
	}
	w.sleep(time.Duration(w.random.ExpFloat64() * float64(4*time.Second)))
}

// switchCamera starts or ends a source, or has another one take its feed over.
func (w *world) switchCamera() {
	c := pick(w.random, w.cameras)
	var dirty *rand.Rand
	if w.random.IntN(4) == 0 {
		dirty = rand.New(rand.NewPCG(w.seed, w.random.Uint64()))
	}
	w.count["sources"]++
	switch name := simFeeds[c.feed].name; {
	case !c.on:
		w.tell("the source of %s starts", name)
		c.start(dirty)
	case w.random.IntN(3) == 0:
		w.tell("the source of %s ends", name)
		c.end()
	case time.Since(c.since) > 5*time.Second && time.Since(w.life.begun) > 5*time.Second:
		w.tell("the source of %s is taken over", name)
		w.count["takeovers"]++
		if status := c.takeOver(dirty); status != http.StatusConflict {
			w.fault("the source of %s that was taken over is answered %d", name, status)
		}
	}
}

// post sends to a feed what is no transport stream: nothing is changed by that.
func (w *world) post() {
	c := pick(w.random, w.cameras)
	w.count["refused posts"]++
	body := rubbish(w.random, 1+w.random.IntN(4000))
	if w.random.IntN(20) == 0 {
		body = append(body, make([]byte, 1<<20)...)
	}
	w.tell("%d bytes of something else are posted to %s", len(body), simFeeds[c.feed].name)
	ctx, cancel := context.WithTimeout(context.Background(), patientFor)
	defer cancel()
	if status := c.send(ctx, c.feed, bytes.NewReader(body)); status != http.StatusUnsupportedMediaType {
		w.fault("a post of something else is answered %d", status)
	}
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
