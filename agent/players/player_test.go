package players_test

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"sync"
	"time"
)

// An event is what happened in a player's page.
type event struct {
	Kind   string  // picture, sound, late, log or error
	At     float64 // ms of the wall clock
	Clock  int64   // that the picture shows, of its 20 bits
	Camera uint32
	Black  bool
	// Garbled pictures show no clock, and are not black.
	Garbled       bool
	Width, Height int
	Media         float64
	Level         float64 // of the sound, its root mean square
	Text          string
	Late          float64 // ms, of a page that was held up
}

func (e event) time() time.Time { return time.UnixMicro(int64(e.At * 1000)) }

// behind is how long ago the picture was drawn.
func (e event) behind() time.Duration {
	const turn = 1 << clockBits
	ms := (int64(e.At) - e.Clock) & (turn - 1)
	if ms > turn/2 {
		ms -= turn
	}
	return time.Duration(ms) * time.Millisecond
}

// A player is one in a page of the browser.
type player struct {
	name string
	key  string // in its URL
	page string // its text

	mu      sync.Mutex
	events  []event
	changed chan struct{}
}

func (p *player) take(body []byte) error {
	var events []event
	if err := json.Unmarshal(body, &events); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.events = append(p.events, events...)
	if p.changed != nil {
		close(p.changed)
		p.changed = nil
	}
	return nil
}

// await waits until what has been seen since then satisfies ok.
func (p *player) await(since time.Time, patience time.Duration, ok func([]event) bool) bool {
	late := time.After(patience)
	for {
		p.mu.Lock()
		events := after(p.events, since)
		if p.changed == nil {
			p.changed = make(chan struct{})
		}
		changed := p.changed
		p.mu.Unlock()
		if ok(events) {
			return true
		}
		select {
		case <-changed:
		case <-late:
			return false
		}
	}
}

func after(events []event, since time.Time) []event {
	i := slices.IndexFunc(events, func(e event) bool { return e.time().After(since) })
	if i < 0 {
		return nil
	}
	return events[i:]
}

// between returns the events of a kind in a stretch of time, in order.
func (p *player) between(kind string, from, to time.Time) (found []event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, e := range p.events {
		if e.Kind == kind && !e.time().Before(from) && !e.time().After(to) {
			found = append(found, e)
		}
	}
	slices.SortStableFunc(found, func(a, b event) int { return int(math.Copysign(1, a.At-b.At)) })
	return found
}

// still is the longest time for which the picture did not go on: it goes on
// when another one of a camera is shown, or a black one.
func (p *player) still(from, to time.Time) (longest time.Duration, at time.Time) {
	last, shown := from.Add(-time.Minute), event{}
	for _, e := range append(p.between("picture", last, to), event{At: float64(to.UnixMicro()) / 1000, Black: true}) {
		if e.Garbled || !e.Black && !shown.Black && e.Clock == shown.Clock {
			continue
		}
		if gap := e.time().Sub(last); e.time().After(from) && gap > longest {
			longest, at = gap, last
		}
		last, shown = e.time(), e
	}
	return min(longest, to.Sub(from)), at
}

// first is how long it took until the first event that is wanted.
func (p *player) first(kind string, from, to time.Time, ok func(event) bool) time.Duration {
	for _, e := range p.between(kind, from, to) {
		if ok(e) {
			return e.time().Sub(from)
		}
	}
	return never
}

const never = time.Hour

func black(e event) bool { return e.Black }
func live(e event) bool  { return !e.Black && !e.Garbled }
func loud(e event) bool  { return e.Level > 0.02 }

// quiet is the longest time for which nothing was heard.
func (p *player) quiet(from, to time.Time) (longest time.Duration) {
	last := from
	for _, e := range append(p.between("sound", from, to), event{At: float64(to.UnixMicro()) / 1000, Level: 1}) {
		if loud(e) {
			longest = max(longest, e.time().Sub(last))
			last = e.time()
		}
	}
	return longest
}

// behind is the median of how long ago the pictures of a stretch were drawn.
func (p *player) behind(from, to time.Time) time.Duration {
	var all []time.Duration
	for _, e := range p.between("picture", from, to) {
		if live(e) {
			all = append(all, e.behind())
		}
	}
	if len(all) == 0 {
		return never
	}
	slices.Sort(all)
	return all[len(all)/2]
}

// heldUp is the longest time for which the machine held the player's page up.
func (p *player) heldUp(from, to time.Time) (longest time.Duration) {
	for _, e := range p.between("late", from, to) {
		longest = max(longest, time.Duration(e.Late)*time.Millisecond)
	}
	return longest
}

func (p *player) errors(from time.Time) (texts []string) {
	for _, e := range p.between("error", from, time.Now().Add(time.Hour)) {
		texts = append(texts, e.Text)
	}
	return texts
}

// log is what the player said, and what it showed, in a stretch of time.
func (p *player) log(from, to time.Time) (text string) {
	for _, kind := range []string{"log", "error"} {
		for _, e := range p.between(kind, from, to) {
			text += fmt.Sprintf("%8.3f %s: %s\n", e.time().Sub(from).Seconds(), p.name, e.Text)
		}
	}
	return text
}
