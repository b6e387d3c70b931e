package status

import (
	"slices"
	"strings"
	"time"

	"vw/media"
)

// staleAfter is how long nothing has to come in for a feed to be missed.
const staleAfter = 3 * time.Second

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
