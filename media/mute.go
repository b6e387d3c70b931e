package media

import (
	"slices"

	"vw/media/mpegts"
	"vw/media/program"
)

// MuteAll is the entry that mutes every feed, those to come included.
const MuteAll = "*"

// A muting is what the owner has muted of a feed.
type muting byte

const (
	mutedVideo muting = 1 << iota
	mutedAudio
	mutedWhole
)

// names lists what is muted: all, video, audio.
func (m muting) names() []string {
	names := []string{}
	if m&mutedWhole != 0 {
		return append(names, "all")
	}
	if m&mutedVideo != 0 {
		names = append(names, mpegts.Video.String())
	}
	if m&mutedAudio != 0 {
		names = append(names, mpegts.Audio.String())
	}
	return names
}

// limit notes in an entry of a stream's rule what the stream may not take of it.
func (m muting) limit(s program.Selector) program.Selector {
	s.NoVideo, s.NoAudio = m&mutedVideo != 0, m&mutedAudio != 0
	s.Muted = m&mutedWhole != 0 || s.NoVideo && s.Part == mpegts.Video || s.NoAudio && s.Part == mpegts.Audio
	return s
}

// audible returns what is left of a feed's chunk for readers beyond this machine.
// Messages are of unknown kind: they leave with nothing muted alone. Tables
// without a track are not counted as sent.
func (m muting) audible(c chunk) chunk {
	switch {
	case m == 0:
		return c
	case m&mutedWhole != 0 || c.format != packets:
		return chunk{}
	}
	rest := c.filter(func(p mpegts.Packet) bool { return c.contents.stays(p.PID(), m) })
	if !rest.hasTrack() {
		rest.feed = nil
	}
	return rest
}

// SetMutes makes these the owner's mutes: names of feeds, with :video or
// :audio behind them for a part of one, and MuteAll. What they name leaves for
// no destination and no recording, whatever the rules say; local clients of
// the feed itself still see it. What is not known to be of another kind counts
// as muted by either part, and so do all messages of the feed.
func (r *Router) SetMutes(entries []string) *PendingWrites {
	r.changing.Lock()
	defer r.changing.Unlock()
	mutes := map[string]muting{}
	for _, e := range entries {
		s := selector(e)
		mutes[s.Feed] |= map[mpegts.Kind]muting{mpegts.Other: mutedWhole, mpegts.Video: mutedVideo, mpegts.Audio: mutedAudio}[s.Part]
	}
	change := &change{router: r}
	r.mu.Lock()
	r.mutes = mutes
	for _, f := range r.feeds {
		if m := r.muting(f.name); m != f.muted {
			f.muted = m
			f.fastStart.clear()
			change.purge(f.subs, m.audible)
			change.streams(f.streams)
		}
	}
	r.mu.Unlock()
	return change.done()
}

func (r *Router) muting(feed string) muting {
	if _, all := r.mutes[MuteAll]; all {
		return mutedWhole
	}
	return r.mutes[feed]
}

// Mutes lists the owner's mutes that SetMutes was given last, sorted.
func (r *Router) Mutes() []string {
	r.mu.RLock()
	defer r.mu.RUnlock()
	list := []string{}
	for feed, m := range r.mutes {
		for _, part := range m.names() {
			if part == "all" {
				list = append(list, feed)
			} else {
				list = append(list, feed+":"+part)
			}
		}
	}
	slices.Sort(list)
	return list
}
