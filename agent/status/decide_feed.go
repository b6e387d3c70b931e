package status

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

const (
	// maxTo is the most destinations that are told of a feed.
	maxTo = 16
	// Posts that end each other are two that come back by themselves where
	// there were at least so many, and one in evictEvery since the start.
	manyEvictions = 3
	evictEvery    = 10 * time.Minute
)

// A use is what the rules do with a feed, or with a name.
type use struct {
	wanted   bool     // by a destination
	to       []string // ids of destinations by which it leaves, maxTo at most
	recorded bool
	stopped  []string // what of it is wanted and does not come in, though other parts of it do
}

func (u *use) add(more use) {
	u.wanted = u.wanted || more.wanted
	u.recorded = u.recorded || more.recorded
	for _, part := range more.stopped {
		if !slices.Contains(u.stopped, part) {
			u.stopped = append(u.stopped, part)
		}
	}
	for _, id := range more.to {
		if len(u.to) < maxTo && !slices.Contains(u.to, id) {
			u.to = append(u.to, id)
		}
	}
}

// uses tells what the rules do with every feed. The destinations are decided.
func (s *decision) uses() map[string]*use {
	names := map[string]*use{}
	for _, id := range slices.Sorted(maps.Keys(s.Destinations)) {
		d := s.Destinations[id]
		u := use{wanted: true, recorded: d.recorded()}
		if d.Condition.Sends() {
			u.to = []string{id}
		}
		if names[d.Stream] == nil {
			names[d.Stream] = &use{}
		}
		names[d.Stream].add(u)
	}
	feeds := map[string]*use{}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		for _, entry := range s.madeOf(name) {
			feed, _, _ := strings.Cut(entry, ":")
			if feeds[feed] == nil {
				feeds[feed] = &use{}
			}
			switch s.entry(entry) {
			case Present, Partial:
				feeds[feed].add(*names[name])
			case Missing:
				feeds[feed].wanted = true
			}
			feeds[feed].add(use{stopped: s.stopped(entry)})
		}
	}
	return feeds
}

func (s *decision) decideFeed(name string, f *Feed, u *use) {
	if u == nil {
		u = &use{}
	}
	f.Condition, f.To = s.entry(name), u.to
	if f.Condition == Partial {
		f.Condition = Present
	}
	if f.Condition == Present && len(u.stopped) > 0 {
		f.Problem = problem(CodeTrackSilent, "nothing comes in on "+strings.Join(u.stopped, ", "))
	}
	switch {
	case f.Condition == Present && len(u.to) > 0 && f.Problem != nil:
		f.Condition = Partial
	case f.Condition == Present && len(u.to) > 0:
		f.Condition = OnAir
	case f.Condition == Present && u.recorded:
		f.Condition = Recording
	case f.Condition == Missing && f.UnknownBytes > 0:
		f.Problem = problem(CodeNotMPEGTS, "what is posted to "+name+" holds no MPEG-TS so far")
	case f.Condition == Missing && f.Refused != "":
		f.Problem = problem(CodeNotMPEGTS, f.Refused+" is posted to "+name+", where MPEG-TS is wanted")
	case f.Condition == Missing && !u.wanted:
		f.Condition = Silent
	case f.Condition == Missing && f.Source:
		f.Problem = problem(CodeSourceSilent, "nothing comes in on "+name+": ffmpeg is connected, but sends nothing")
	case f.Condition == Missing && f.AgeMs == nil:
		f.Problem = problem(CodeNeverFed, "nothing has come in on "+name+" so far")
	case f.Condition == Missing:
		f.Problem = problem(CodeNoSource, "nothing comes in on "+name+": ffmpeg is not posting")
	}
	if n := f.TakenOver; n >= manyEvictions && float64(n)*evictEvery.Seconds() >= s.Uptime {
		f.Problem = f.Problem.with(CodeTakenOver, fmt.Sprintf("on %s one post ends another, %d times so far", name, n))
	}
}

// decideStreams tells of streams what is told of feeds. The destinations are
// decided.
func (s *decision) decideStreams() {
	sent, recorded := map[string]bool{}, map[string]bool{}
	for _, d := range s.Destinations {
		sent[d.Stream] = sent[d.Stream] || d.Condition.Sends()
		recorded[d.Stream] = recorded[d.Stream] || d.recorded()
	}
	for name, x := range s.Streams {
		switch x.Condition, _ = s.sends(name); {
		case x.Condition != Present && x.Condition != Partial:
		case sent[name] && x.Condition == Present:
			x.Condition = OnAir
		case sent[name]:
		case recorded[name]:
			x.Condition = Recording
		default:
			x.Condition = Present
		}
		x.Entries = map[string]Condition{}
		for _, entry := range x.Feeds {
			x.Entries[entry] = s.entry(entry)
		}
		s.Streams[name] = x
	}
}

// recorded reports whether what comes in for the destination is written to its file.
func (d Destination) recorded() bool { return d.Recording != nil && d.Recording.Error == "" }
