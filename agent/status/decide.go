package status

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"vw/agent/link"
	"vw/media"
)

const (
	// staleAfter is how long nothing has to come in for a feed to be missed.
	staleAfter = 3 * time.Second
	// behindAfter is how old what waits for a link has to be for it to be behind.
	behindAfter = time.Second
	// Posts that end each other are two that come back by themselves where
	// there were at least so many, and one in evictEvery since the start.
	manyEvictions = 3
	evictEvery    = 10 * time.Minute
)

// Decide fills in every condition and problem, from what is told besides at that
// time. Of a feed that is muted, or a part of it, it looks at nothing but at
// tracks that are not: what follows may be told to everybody.
func (s *Status) Decide(now time.Time) {
	d := decision{Status: s, now: now, entries: map[string]Condition{}, names: map[string]sending{}}
	d.all()
}

// A decision is one run of Decide. A thousand destinations may be of one stream:
// what an entry is, and what a name sends, is found out once.
type decision struct {
	*Status
	now     time.Time
	entries map[string]Condition
	names   map[string]sending
}

// sending is what goes out under a name where a link takes it.
type sending struct {
	condition Condition // present, muted, silent or missing
	problem   *Problem
}

func (s *decision) all() {
	s.Problems = []Wrong{}
	add := func(of, name string, p *Problem) {
		if p != nil {
			s.Problems = append(s.Problems, Wrong{of, name, p})
		}
	}
	s.decideOwn(add)
	for _, id := range slices.Sorted(maps.Keys(s.Destinations)) {
		d := s.Destinations[id]
		d.Condition, d.Problem = s.decideDestination(d)
		s.Destinations[id] = d
		add("destination", id, d.Problem)
		if r := d.Recording; r != nil && r.Error != "" {
			add("recording", id, problem(CodeRecordingStopped, r.File+": "+r.Error))
		}
	}
	uses := s.uses()
	for _, name := range slices.Sorted(maps.Keys(s.Feeds)) {
		f := s.Feeds[name]
		s.decideFeed(name, &f, uses[name])
		s.Feeds[name] = f
		add("feed", name, f.Problem)
	}
	s.decideStreams()
}

// decideOwn decides on the agent's own state, the owner's word and the channel.
func (s *decision) decideOwn(add func(of, name string, p *Problem)) {
	if s.StateError != "" {
		add("agent", "", problem(CodeStateNotSaved, "a restart would lose the newest rules, the state cannot be saved: "+s.StateError))
	}
	if o := s.Owner; o != nil {
		if o.Damaged {
			add("owner", "", problem(CodeStateDamaged, "the state file was damaged, so everything was muted and locked"))
		}
		if o.ClockUnset {
			add("owner", "", problem(CodeClockUnset, "this machine's clock is not set: until it is, all that is scheduled is muted"))
		}
		if o.OnAirError != "" {
			add("owner", "", problem(CodeOnAirFile, "the on-air sign may tell what is not so: "+o.OnAirError))
		}
	}
	if c := s.Channel; c != nil && c.State != link.Up && (c.OnTrial == nil || c.OnTrial.State != link.Up) {
		_, c.Problem = down(c.Info)
		add("channel", "", c.Problem)
	}
}

// down tells what a link that is not up is.
func down(l link.Info) (Condition, *Problem) {
	switch {
	case l.State == link.Idle:
		return NotAllowed, problem(l.ErrorCode, l.LastError)
	case l.LastError == "":
		return Pending, problem(CodePending, "it is being dialled")
	}
	return Unreachable, problem(l.ErrorCode, l.LastError)
}

// madeOf are the entries of which a destination of that name is made: those of its
// stream rule, none where that has gone, else the feed itself.
func (s *decision) madeOf(name string) []string {
	if x, ok := s.Streams[name]; ok {
		return x.Feeds
	}
	return []string{name}
}

// entry tells of an entry of a stream rule, or of a feed's name, whether what it
// selects is muted, missing or present.
func (s *decision) entry(entry string) Condition {
	c, known := s.entries[entry]
	if !known {
		c = s.selects(entry)
		s.entries[entry] = c
	}
	return c
}

func (s *decision) selects(entry string) Condition {
	name, part, _ := strings.Cut(entry, ":")
	f := s.Feeds[name]
	if len(f.Muted) == 0 {
		return unmuted(f.FeedInfo, part)
	}
	open := audible(f.FeedInfo)
	open = slices.DeleteFunc(open, func(t media.TrackInfo) bool { return part != "" && t.Kind != part })
	switch {
	case len(open) == 0:
		return Muted // whatever there is besides
	case slices.ContainsFunc(open, func(t media.TrackInfo) bool { return fresh(t.AgeMs) }):
		return Present
	}
	return Missing
}

// unmuted is entry for a feed of which nothing is muted. Messages may be far apart.
func unmuted(f media.FeedInfo, part string) Condition {
	ofPart := func(t media.TrackInfo) bool { return part == "" || t.Kind == part }
	switch {
	case f.AgeMs == nil, !fresh(f.AgeMs) && !messages(f), len(f.Tracks) > 0 && !slices.ContainsFunc(f.Tracks, ofPart):
		return Missing
	}
	return Present
}

func fresh(ageMs *int64) bool {
	return ageMs != nil && time.Duration(*ageMs)*time.Millisecond < staleAfter
}

// messages reports whether a feed is no transport stream.
func messages(f media.FeedInfo) bool { return !f.Source && len(f.Tracks) == 0 && f.Packets > 0 }

// audible lists the tracks of a feed that the owner lets out, where something of
// it is muted. What is neither video nor audio is muted by either.
func audible(f media.FeedInfo) (list []media.TrackInfo) {
	for _, t := range f.Tracks {
		if (t.Kind == "video" || t.Kind == "audio") && !slices.Contains(f.Muted, t.Kind) && !slices.Contains(f.Muted, "all") {
			list = append(list, t)
		}
	}
	return list
}

func (s *decision) decideDestination(d Destination) (Condition, *Problem) {
	l := d.Info
	if d.Former != nil && d.Former.State == link.Up && l.State != link.Up {
		l = *d.Former // it carries on until the new one is up
	}
	if l.State != link.Up {
		return down(l)
	}
	if d.Queue.Hangs {
		return Unreachable, problem(CodeStalled, "the relay takes nothing")
	}
	condition, p := s.sends(d.Stream)
	if condition != Present {
		return condition, p
	}
	condition = OnAir
	if time.Duration(d.Queue.AgeMs)*time.Millisecond > behindAfter {
		condition = Behind
		behind := problem(CodeBehind, "the uplink or the relay takes less than comes in")
		if p != nil {
			behind = behind.with(p.Code, p.Text)
		}
		p = behind
	}
	if l.ReadOnly {
		p = p.with(CodeTokenReadOnly, "its token may not write: the relay may throw away what is sent")
	}
	if e := l.Expires; e != nil && e.Before(s.now) {
		p = p.with(CodeTokenExpired, "its token has expired")
	}
	return condition, p
}

// sends tells what goes out under a name where a link takes it: present, muted,
// silent or missing.
func (s *decision) sends(name string) (Condition, *Problem) {
	is, known := s.names[name]
	if !known {
		is.condition, is.problem = s.carries(name)
		s.names[name] = is
	}
	return is.condition, is.problem
}

func (s *decision) carries(name string) (Condition, *Problem) {
	x, ofStream := s.Streams[name]
	by := map[Condition][]string{}
	for _, entry := range s.madeOf(name) {
		c := s.entry(entry)
		by[c] = append(by[c], entry)
	}
	lacks := s.lacks(x)
	switch {
	case ofStream && len(x.Feeds) == 0:
		return Silent, nil
	case len(by[Present])+len(by[Missing]) == 0:
		return Muted, nil
	case len(by[Present]) == 0:
		return Missing, problem(CodeNothingComesIn, "nothing comes in on "+strings.Join(by[Missing], ", "))
	case lacks != "" && len(x.Tracks) == 0:
		return Missing, problem(CodePartMissing, lacks)
	case ofStream && x.Bitrate == 0 && len(x.Tracks) == 0 && s.packets(by[Present]):
		return Missing, problem(CodeNoTracks, "no track can be made of what comes in on "+strings.Join(by[Present], ", "))
	}
	var p *Problem
	if len(by[Missing]) > 0 {
		p = problem(CodePartMissing, "without "+strings.Join(by[Missing], ", ")+", which does not come in")
	}
	if lacks != "" {
		p = p.with(CodePartMissing, lacks)
	}
	return Present, p
}

// packets reports whether some of the entries are of a transport stream.
func (s *decision) packets(entries []string) bool {
	return slices.ContainsFunc(entries, func(entry string) bool {
		feed, _, _ := strings.Cut(entry, ":")
		return !messages(s.Feeds[feed].FeedInfo)
	})
}

// lacks tells which entries of a stream's rule their feeds have nothing for, but
// not what those have of which something is muted.
func (s *decision) lacks(x Stream) string {
	var list []string
	for _, entry := range slices.Sorted(maps.Keys(x.Missing)) {
		if feed, _, _ := strings.Cut(entry, ":"); len(s.Feeds[feed].Muted) == 0 {
			list = append(list, fmt.Sprintf("without %s: %s", entry, x.Missing[entry]))
		}
	}
	return strings.Join(list, "; ")
}
