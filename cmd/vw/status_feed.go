package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"vw/media"
)

const (
	// staleAfter is how long nothing has to come in for a feed to be missed.
	staleAfter = 3 * time.Second
	// Posts that end each other are two that come back by themselves where
	// there were at least so many, and one in evictEvery since the start.
	manyEvictions = 3
	evictEvery    = 10 * time.Minute
)

// A flow is what becomes of a feed, or part of one, that a rule names.
type flow int

const (
	flowing flow = iota
	muted        // by the owner
	missing      // does not come in
)

// flow tells of an entry of a stream rule, or of a feed's name.
func (v view) flow(entry string) flow {
	name, part, _ := strings.Cut(entry, ":")
	f := v.Feeds[name]
	kinds := map[bool]int{} // tracks that the entry names, by whether they are muted
	for _, t := range f.Tracks {
		if part == "" || t.Kind == part {
			kinds[slices.Contains(f.Muted, t.Kind)]++
		}
	}
	switch {
	case slices.Contains(f.Muted, "all"), slices.Contains(f.Muted, part), len(f.Muted) == 2, kinds[true] > 0 && kinds[false] == 0:
		return muted
	case !v.fresh(f), len(f.Tracks) > 0 && kinds[false] == 0:
		return missing
	}
	return flowing
}

// fresh says that a feed is as alive as can be told: messages may be far apart.
func (v view) fresh(f media.FeedInfo) bool {
	return f.AgeMs != nil && (messages(f) || time.Duration(*f.AgeMs)*time.Millisecond < staleAfter)
}

// messages says that a feed is no transport stream.
func messages(f media.FeedInfo) bool { return !f.Source && len(f.Tracks) == 0 && f.Packets > 0 }

// wanted says that a destination rule names the feed, in itself or by its stream.
func (v view) wanted(name string) bool {
	for _, d := range v.Destinations {
		for _, entry := range v.entries(d.Stream) {
			if feed, _, _ := strings.Cut(entry, ":"); feed == name && v.flow(entry) != muted {
				return true
			}
		}
	}
	return false
}

// feed tells what comes in.
func (v view) feed(name string) line {
	f := v.Feeds[name]
	l := line{plain, name + " "}
	switch {
	case v.fresh(f) && messages(f):
		l.text += fmt.Sprintf("messages, the last %s ago", v.age(f))
	case v.fresh(f):
		l.text += bitRate(float64(f.Bitrate)) + codecs(f.Tracks)
	default:
		l.text = v.absence(name)
		if v.wanted(name) {
			l.mood = wrong
		}
	}
	if len(f.Muted) > 0 && v.fresh(f) {
		l.text += "; MUTED by you: " + strings.Join(f.Muted, ", ")
	}
	if f.TakenOver > 0 {
		l.text += fmt.Sprintf("; one post ended another %d times", f.TakenOver)
		if f.TakenOver >= manyEvictions {
			l.text += ": where two ffmpegs post to one feed they evict each other for ever, give each a feed of its own"
		}
		if f.TakenOver >= manyEvictions && float64(f.TakenOver)*evictEvery.Seconds() >= v.Uptime {
			l.mood = wrong
		}
	}
	for _, damage := range []struct {
		n    uint64
		what string
	}{
		{f.ContinuityErrors, "packets missing in what came in (continuity errors)"}, {f.TransportErrors, "packets came in damaged"},
		{f.SkippedBytes, "bytes came in that are no packets"}, {f.LeftOut, "messages left out of a stream of packets"},
	} {
		if damage.n > 0 {
			l.text += fmt.Sprintf("; %d %s", damage.n, damage.what)
		}
	}
	return l
}

// absence says that a feed does not come in, and why.
func (v view) absence(name string) string {
	f := v.Feeds[name]
	what, why := "nothing", "ffmpeg is not posting"
	if video := slices.ContainsFunc(f.Tracks, isVideo); video {
		what = "no picture"
	} else if len(f.Tracks) > 0 {
		what = "no sound"
	}
	switch {
	case f.UnknownBytes > 0:
		why = byteSize(int64(f.UnknownBytes)) + " were posted that hold no MPEG-TS so far: ffmpeg is to write -f mpegts"
	case f.Source:
		why = "ffmpeg is connected, but sends nothing"
	}
	since := "never yet: it is to post to " + v.url + "/ts/" + name
	if f.AgeMs != nil {
		since = "last packet " + v.age(f) + " ago"
	}
	return fmt.Sprintf("%s comes in on %s: %s (%s)", what, name, why, since)
}

func (v view) age(f media.FeedInfo) string { return span(time.Duration(*f.AgeMs) * time.Millisecond) }

func isVideo(t media.TrackInfo) bool { return t.Kind == "video" }

// codecs lists the tracks.
func codecs(tracks []media.TrackInfo) string {
	var names []string
	for _, t := range tracks {
		names = append(names, t.Codec)
	}
	if len(names) == 0 {
		return ""
	}
	return ": " + strings.Join(names, ", ")
}
