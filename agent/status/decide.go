package status

import (
	"maps"
	"slices"
	"time"

	"vw/agent/link"
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
	condition Condition // present, partial, muted, silent or missing
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
	if s.JournalError != "" {
		add("agent", "", problem(CodeJournal, "who changes what is not kept, the journal cannot be written: "+s.JournalError))
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
	if c := s.Channel; c != nil {
		if c.State == link.Up {
			c.Problem = s.token(nil, c.Info)
		} else if c.OnTrial == nil || c.OnTrial.State != link.Up {
			_, c.Problem = down(c.Info)
		}
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
