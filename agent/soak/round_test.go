package soak_test

import (
	"fmt"
	"maps"
	"slices"
	"time"
)

// round makes faults, commands meanwhile, ends them, and holds that all comes back.
func (w *world) round() {
	w.t.Helper()
	var ends []func()
	order := w.random.Perm(len(w.sites))
	for _, i := range order[:1+w.random.IntN(2)] {
		ends = append(ends, w.trouble(w.sites[i]))
	}
	if w.random.IntN(3) == 0 {
		ends = append(ends, w.killCamera())
	}
	for range 2 + w.random.IntN(5) {
		w.pass(time.Duration(w.random.ExpFloat64() * float64(1500*time.Millisecond)))
		w.command(draw(w.random, w.rules, w.urls()))
	}
	w.pass(time.Duration(w.random.ExpFloat64() * float64(3*time.Second)))
	for _, end := range ends {
		end()
	}
	if w.random.IntN(8) == 0 {
		w.freeze()
	}
	w.comesBack()
	for range w.random.IntN(4) {
		w.command(draw(w.random, w.rules, w.urls()))
		w.pass(time.Duration(w.random.ExpFloat64() * float64(time.Second)))
	}
}

func (w *world) urls() (all []string) {
	for _, s := range w.sites {
		all = append(all, s.line.url())
	}
	return all
}

// trouble begins a fault of a site, and returns what ends it.
func (w *world) trouble(s *site) (end func()) {
	f := pick(w.random, faults)
	w.faults[f.name]++
	name := fmt.Sprintf("relay %d is %s", slices.Index(w.sites, s), f.name)
	w.tell("%s", name)
	s.trouble, s.well = f.name, false
	f.begin(s)
	return func() {
		w.tell("%s: that is over", name)
		f.end(s)
		s.trouble, s.calm = "", time.Now()
	}
}

func (w *world) killCamera() (restart func()) {
	c := pick(w.random, w.cameras)
	w.tell("the ffmpeg of %v is killed", c.feeds)
	w.faults["ffmpeg killed"]++
	c.end()
	return func() {
		w.tell("the ffmpeg of %v starts", c.feeds)
		c.shoot()
	}
}

// freeze stops the agent's process for a while, as a machine that is overloaded does. Its links may not
// outlast that.
func (w *world) freeze() {
	w.tell("the agent is stopped")
	w.faults["agent stopped"]++
	for _, s := range w.sites {
		s.trouble, s.well = "the agent is stopped", false
	}
	w.judge() // of what comes until its links are new, nothing more is
	freeze(w.agent.cmd.Process, true)
	w.pass(time.Duration(w.random.IntN(4000)) * time.Millisecond)
	freeze(w.agent.cmd.Process, false)
	w.tell("the agent goes on")
	w.pass(taken)
	w.excuse(0)
	for _, s := range w.sites {
		s.trouble, s.calm = "", time.Now()
	}
}

// comesBack waits until all arrives that has to, and the channel is up.
func (w *world) comesBack() {
	w.t.Helper()
	begun := time.Now()
	missing := ""
	took := w.wait("what has to arrive does, and a command", func() bool {
		missing = w.missing(begun)
		return missing == "" && w.channelUp()
	})
	w.slowestBack = max(w.slowestBack, took)
	for _, s := range w.sites {
		s.well = s.trouble == ""
	}
	w.tell("all is back after %v", took.Round(time.Millisecond))
}

// missing names what has not arrived of what was sent since then, and has to.
func (w *world) missing(since time.Time) string {
	permits := w.rules.permits()
	for _, id := range slices.Sorted(maps.Keys(w.rules.destinations)) {
		url := w.rules.destinations[id].url
		for feed := range permits[url].feeds {
			if !w.feeds(feed) {
				continue
			}
			if last := w.customs.last[url+" "+feed]; last.sent.Before(since) {
				return feed + " at " + url
			}
		}
	}
	return ""
}

// feeds reports whether a camera is on for a feed.
func (w *world) feeds(feed string) bool {
	return slices.ContainsFunc(w.cameras, func(c *camera) bool { return c.on() && slices.Contains(c.feeds, feed) })
}

// settle puts the same rules in force every time, and waits until all is as they want it.
func (w *world) settle() {
	w.t.Helper()
	w.tell("settle")
	for _, entry := range slices.Sorted(maps.Keys(w.rules.mutes)) {
		w.command(muteOrder(w.rules, entry, false))
	}
	w.command(streamOrder(w.rules, "lab", []string{"cam", "mic"}))
	w.command(streamOrder(w.rules, "hall", []string{"desk", "mic"}))
	for i, id := range ids {
		stream := []string{"lab", "hall", "cam", "lab"}[i]
		w.command(destinationOrder(w.rules, id, place{stream, fmt.Sprintf("%s/in/d%s.0", w.sites[i%3].line.url(), id)}))
	}
	w.comesBack()
	w.wait("the agent finds nothing wrong", func() bool {
		s, err := w.agent.status()
		return err == nil && len(s.Problems) == 0
	})
	w.pass(replaced) // nothing is left of what was replaced
}

// judge judges all that was sent.
func (w *world) judge() {
	w.t.Helper()
	w.customs.judgeAll()
	for _, wrong := range w.customs.wrong {
		w.t.Error(wrong)
	}
}
