package soak_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// back is how long all may take to come back when a fault has ended: a link that is cut is found dead in three
// pings, a dial ends in 10 s, and the next one begins within 30 s.
const back = 3*pingEvery + 10*time.Second + 30*time.Second + 2*time.Second

// A world is an agent, its cameras, its relays, and whoever commands it.
type world struct {
	t       *testing.T
	random  *rand.Rand
	agent   *agent
	cameras []*camera
	sites   []*site // the first has the command channel
	customs *customs
	rules   rules

	clock *clock
	last  time.Time            // of a look
	moved map[string]time.Time // by URL: when a rule that leads there was changed

	refs, commands       int
	faults               map[string]int
	slowest, slowestBack time.Duration
	story                []string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	seen, clock := newMemory(), newClock(t)
	w := &world{t: t, random: rand.New(rand.NewPCG(*seed, 0)), customs: newCustoms(clock, seen), rules: newRules(), clock: clock, last: time.Now(),
		moved: map[string]time.Time{}, faults: map[string]int{}}
	network, err := (*wide)(nil), errors.New("as was asked for")
	if !*proxies {
		network, err = openWide(t)
	}
	if err != nil {
		t.Logf("seed %d, over proxies, which lose no packets: %v", *seed, err)
	} else {
		t.Logf("seed %d, over a network of the test's own, which does", *seed)
	}
	for range 3 {
		w.sites = append(w.sites, build(t, network, topics()))
	}
	w.agent = launch(t, w.sites[0].line.url()+"/bi/{name}")
	w.wait("the agent listens", func() bool { _, err := w.agent.status(); return err == nil })
	w.cameras = []*camera{
		newCamera(t, w.agent, seen, pictures+noise+"-map 0:v "+videoCodec()+mpegts+" -map 1:a "+mp2+mpegts, "cam", "mic"),
		newCamera(t, w.agent, seen, pictures+videoCodec()+mpegts, "desk"),
	}
	for _, c := range w.cameras {
		c.shoot()
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("what was done last:\n%s", strings.Join(w.story[max(0, len(w.story)-60):], "\n"))
		}
	})
	return w
}

func (w *world) tell(format string, args ...any) {
	w.story = append(w.story, time.Now().Format("15:04:05.000")+"  "+fmt.Sprintf(format, args...))
}

// look takes what has arrived, and ends the test where that is wrong.
func (w *world) look() {
	w.t.Helper()
	now := time.Now()
	if d := w.clock.longest(w.last); d > 0 || w.customs.seen.stalledSince(w.last) {
		w.excuse(d)
	}
	w.last = now
	for _, f := range w.rules.former {
		if now.After(f.until) {
			w.rules = w.rules.change(func(rules) {})
			w.customs.allow(w.rules.permits())
			break
		}
	}
	for _, s := range w.sites {
		for topic, waiting := range s.drain(now.Add(-looked)) {
			for _, m := range waiting {
				url := s.line.url() + "/in/" + topic
				w.customs.take(url, m, func(a arrival) (bool, time.Duration) {
					return s.well && a.sent.After(s.calm) && a.sent.Sub(w.moved[url]) > replaced, w.clock.between(a.sent, a.at)
				})
			}
		}
	}
	if len(w.customs.wrong) > 0 {
		w.t.Fatalf("seed %d after %v:\n%s", *seed, w.clock.running(), strings.Join(w.customs.wrong, "\n"))
	}
}

// halted is how long the machine may stand still before ffmpeg, which sends all that it has missed at once, is started anew.
const halted = 2 * time.Second

// excuse checks programs anew, on new links, after the machine or a camera has stood still: two feeds that send at
// once what they have missed cannot both be in time.
func (w *world) excuse(still time.Duration) {
	w.tell("the machine stood still for %v, or a camera did for a moment", still)
	w.faults["stood still"]++
	w.customs.forgive()
	for _, c := range w.cameras {
		if c.on() && still > halted {
			c.end()
			c.shoot()
		}
	}
	for _, s := range w.sites {
		s.well = false
		s.Reset("/in/")
	}
}

// pass lets time pass in which the machine runs.
func (w *world) pass(d time.Duration) {
	w.t.Helper()
	end := w.clock.running() + d
	ticks := time.NewTicker(tick)
	defer ticks.Stop()
	for w.clock.running() < end {
		<-ticks.C
		w.look()
	}
}

// wait waits for what has to come, and returns how long that took.
func (w *world) wait(what string, ok func() bool) time.Duration {
	w.t.Helper()
	begun := w.clock.running()
	for !ok() {
		if w.clock.running()-begun > back {
			w.t.Fatalf("seed %d after %v: it did not come to this within %v: %s", *seed, w.clock.running(), back, what)
		}
		w.pass(tick)
	}
	return w.clock.running() - begun
}

// command gives an order by a way that works now, and holds its reply against what it has to be.
func (w *world) command(o order) {
	w.t.Helper()
	var ways []string
	if o.rest[0] != "" {
		ways = append(ways, "rest")
	}
	if o.text != "" {
		ways = append(ways, "here")
		if first := w.sites[0]; first.trouble == "" && time.Since(first.calm) > 5*pingEvery && w.channelUp() {
			ways = append(ways, "channel", "channel")
		}
	}
	way := pick(w.random, ways)
	w.tell("%s: %s %v", way, o.text, o.rest)
	w.customs.allow(either(w.rules.permits(), o.next.permits()))
	begun := time.Now()
	got, err := w.give(way, o)
	took := w.clock.between(begun, time.Now())
	if time.Since(begun) > took && err != nil && way == "channel" { // the machine stood still, and the link was lost by that
		got, err = w.give("here", o)
	}
	if w.slowest = max(w.slowest, took); took > replyBound {
		w.t.Errorf("seed %d: %s %v was answered after %v", *seed, o.text, o.rest, took)
	}
	for id, p := range o.next.destinations {
		if w.rules.destinations[id] != p {
			w.moved[p.url] = time.Now()
		}
	}
	w.rules = o.next
	w.customs.allow(w.rules.permits())
	w.commands++
	if err != nil || !wanted(got, o.want) {
		w.t.Fatalf("seed %d after %v: %s: %s %v\n got %s %v\nwant %s", *seed, w.clock.running(), way, o.text, o.rest, got, err, o.want)
	}
}

func (w *world) give(way string, o order) (string, error) {
	switch way {
	case "rest":
		return w.agent.request(o.rest[0], o.rest[1], o.rest[2])
	case "here":
		return w.agent.here(o.text)
	}
	ws, _, err := websocket.DefaultDialer.Dial("ws://"+w.sites[0].address+"/bi/soak", nil)
	if err != nil {
		return "", err
	}
	defer ws.Close()
	w.refs++
	ref := fmt.Sprint("r", w.refs)
	return ask(ws, fmt.Sprintf(`{"ref":%q,%s`, ref, o.text[1:]), ref)
}

func (w *world) channelUp() bool {
	s, err := w.agent.status()
	return err == nil && s.Control.State == "up"
}
