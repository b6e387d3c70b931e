package status

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"vw/agent/link"
)

// behindAfter is how old what waits for a link has to be for it to be behind.
const behindAfter = time.Second

func (s *decision) decideDestination(d Destination) (Condition, *Problem) {
	if d.State == link.None {
		return s.decideRecording(d)
	}
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
	switch condition {
	case Present:
		condition = OnAir
	case Partial:
	default:
		return condition, s.token(p, l)
	}
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
	return condition, s.token(p, l)
}

// decideRecording decides on a rule that has a file alone. Why that has stopped is
// told of the recording.
func (s *decision) decideRecording(d Destination) (Condition, *Problem) {
	condition, p := s.sends(d.Stream)
	switch {
	case !d.recorded():
		return Unreachable, nil
	case condition == Present || condition == Partial:
		condition = Recording
	}
	return condition, p
}

// token adds to p that the token of a link ends, or has ended.
func (s *decision) token(p *Problem, l link.Info) *Problem {
	switch {
	case l.Expires == nil || l.Renew == nil || s.now.Before(*l.Renew):
		return p
	case s.now.Before(*l.Expires):
		return p.with(CodeTokenExpiring, "its token ends on "+l.Expires.Format("2006-01-02 at 15:04 UTC"))
	}
	return p.with(CodeTokenExpired, "its token has expired")
}

// sends tells what goes out under a name where a link takes it: present, present in
// part, muted, silent or missing.
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
	there := append(by[Present], by[Partial]...)
	switch {
	case ofStream && len(x.Feeds) == 0:
		return Silent, nil
	case len(there)+len(by[Missing]) == 0:
		return Muted, nil
	case len(there) == 0:
		return Missing, problem(CodeNothingComesIn, "nothing comes in on "+strings.Join(by[Missing], ", "))
	case lacks != "" && len(x.Tracks) == 0:
		return Missing, problem(CodePartMissing, lacks)
	case ofStream && x.Bitrate == 0 && len(x.Tracks) == 0 && s.packets(there):
		return Missing, problem(CodeNoTracks, "no track can be made of what comes in on "+strings.Join(there, ", "))
	}
	for _, entry := range by[Partial] {
		by[Missing] = append(by[Missing], s.stopped(entry)...)
	}
	var p *Problem
	if len(by[Missing]) > 0 {
		p = problem(CodePartMissing, "without "+strings.Join(by[Missing], ", ")+", which does not come in")
	}
	if lacks != "" {
		p = p.with(CodePartMissing, lacks)
	}
	if p != nil {
		return Partial, p
	}
	return Present, nil
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
