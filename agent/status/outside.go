package status

import (
	"maps"
	"slices"
	"strings"

	"vw/media"
	"vw/media/program"
)

// A mutedFeed is what leaves this machine of what is known of a feed that the
// owner has muted, or a part of it. Rates, counters and ages would tell whether
// somebody moves in front of the camera, and so would its condition.
type mutedFeed struct {
	Source bool              `json:"source"`
	Muted  []string          `json:"muted"`
	Tracks []media.TrackInfo `json:"tracks,omitempty"` // those that are not muted
}

// Outside returns what is told of a feed beyond this machine.
func (f Feed) Outside() any {
	if len(f.Muted) == 0 {
		return f
	}
	return mutedFeed{f.Source, f.Muted, audible(f.FeedInfo, "")}
}

// OutsideFeeds is Outside for each of many.
func OutsideFeeds(feeds map[string]Feed) map[string]any {
	all := make(map[string]any, len(feeds))
	for name, f := range feeds {
		all[name] = f.Outside()
	}
	return all
}

// secret reports whether something of a feed is muted.
func (s Status) secret(feed string) bool { return len(s.Feeds[feed].Muted) > 0 }

// OutsideProblems returns those problems that are told beyond this machine.
func (s Status) OutsideProblems() []Wrong {
	return slices.DeleteFunc(slices.Clone(s.Problems), func(w Wrong) bool {
		return w.Of == "owner" || w.Of == "feed" && s.secret(w.Name)
	})
}

// Outside returns what is told beyond this machine: nothing of the owner's word
// but what is muted now, since a schedule tells when somebody is there, and
// nothing of what a muted feed does.
func (s Status) Outside() any {
	s.Owner, s.Journal, s.Problems = nil, "", s.OutsideProblems()
	s.Streams = maps.Clone(s.Streams)
	for name, x := range s.Streams {
		x.Missing = maps.Clone(x.Missing)
		maps.DeleteFunc(x.Missing, func(entry, _ string) bool {
			feed, _, _ := strings.Cut(entry, ":")
			return s.secret(feed)
		})
		x.Slots = slices.DeleteFunc(slices.Clone(x.Slots), func(i program.SlotInfo) bool {
			return i.Condition == program.SlotMuted && i.Filled == "" // the feed alone tells of it, if at all
		})
		s.Streams[name] = x
	}
	return struct {
		Status
		Feeds map[string]any `json:"feeds"`
	}{s, OutsideFeeds(s.Feeds)}
}
