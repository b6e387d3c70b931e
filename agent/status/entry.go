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
// selects is muted, missing, present, or present in part.
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
	f := s.Feeds[name].FeedInfo
	muted, open := len(f.Muted) > 0, audible(f, part)
	switch {
	case muted && len(open) == 0:
		return Muted // whatever there is besides
	case !muted && !comesIn(f, part):
		return Missing
	case !slices.ContainsFunc(open, stopped):
		return Present
	case slices.ContainsFunc(open, flows), !muted && part == "" && slices.ContainsFunc(f.Tracks, flows):
		return Partial
	}
	return Missing
}

// comesIn reports whether something comes in on a feed that can be of the part.
// Messages may be far apart.
func comesIn(f media.FeedInfo, part string) bool {
	ofPart := func(t media.TrackInfo) bool { return part == "" || t.Kind == part }
	return (fresh(f.AgeMs) || f.AgeMs != nil && messages(f)) && (len(f.Tracks) == 0 || slices.ContainsFunc(f.Tracks, ofPart))
}

// stopped tells, in the words of a rule, which tracks that an entry selects do not
// come in, though others of the feed do: never those that are muted.
func (s *decision) stopped(entry string) (parts []string) {
	name, part, _ := strings.Cut(entry, ":")
	for _, kind := range []string{"video", "audio"} {
		if part != "" && part != kind {
			continue
		}
		switch open := audible(s.Feeds[name].FeedInfo, kind); {
		case !slices.ContainsFunc(open, stopped):
		case slices.ContainsFunc(open, flows):
			parts = append(parts, "some of "+name+":"+kind)
		default:
			parts = append(parts, name+":"+kind)
		}
	}
	return parts
}

func stopped(t media.TrackInfo) bool { return time.Duration(t.SilentMs)*time.Millisecond >= staleAfter }

func flows(t media.TrackInfo) bool { return !stopped(t) }

func fresh(ageMs *int64) bool {
	return ageMs != nil && time.Duration(*ageMs)*time.Millisecond < staleAfter
}

// messages reports whether a feed is no transport stream.
func messages(f media.FeedInfo) bool { return !f.Source && len(f.Tracks) == 0 && f.Packets > 0 }

// audible lists the pictures and sounds of a feed, or of a part of it, that the owner
// lets out. What is neither video nor audio is muted by either.
func audible(f media.FeedInfo, part string) (list []media.TrackInfo) {
	for _, t := range f.Tracks {
		if (t.Kind == "video" || t.Kind == "audio") && (part == "" || part == t.Kind) && !slices.Contains(f.Muted, t.Kind) && !slices.Contains(f.Muted, "all") {
			list = append(list, t)
		}
	}
	return list
}
