package media

import (
	"slices"

	"vw/media/mpegts"
	"vw/media/programme"
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

// covers says that tracks of a kind are muted.
func (m muting) covers(k mpegts.Kind) bool {
	return m&mutedWhole != 0 || k == mpegts.Video && m&mutedVideo != 0 || k == mpegts.Audio && m&mutedAudio != 0
}

// limit is what is left of a stream rule's entry, false for nothing.
func (m muting) limit(s programme.Selector) (programme.Selector, bool) {
	if s.Part == mpegts.Other {
		switch m {
		case mutedAudio:
			s.Part = mpegts.Video
		case mutedVideo:
			s.Part = mpegts.Audio
		}
		return s, m == 0 || s.Part != mpegts.Other
	}
	return s, !m.covers(s.Part)
}

// SetMutes makes these the owner's mutes: names of feeds, with :video or
// :audio behind them for a part of one, and MuteAll. What they name leaves for
// no destination and no recording, whatever the rules say; local clients of
// the feed itself still see it.
func (r *Router) SetMutes(entries []string) *Stopping {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.mutes = map[string]muting{}
	for _, e := range entries {
		s := selector(e)
		r.mutes[s.Feed] |= map[mpegts.Kind]muting{mpegts.Other: mutedWhole, mpegts.Video: mutedVideo, mpegts.Audio: mutedAudio}[s.Part]
	}
	stopping := &Stopping{}
	for _, f := range r.feeds {
		if m := r.muting(f.name); m != f.muted {
			r.mute(f, m, stopping)
		}
	}
	return stopping
}

func (r *Router) muting(feed string) muting {
	if _, all := r.mutes[MuteAll]; all {
		return mutedWhole
	}
	return r.mutes[feed]
}

// mute takes what is muted now of a feed out of every queue.
func (r *Router) mute(f *feed, m muting, stopping *Stopping) {
	f.muted = m
	f.start.clear()
	for _, s := range f.subs {
		if !s.client {
			stopping.add(s, s.queue.purge(func(c chunk) []byte { return f.audible(c).data }))
		}
	}
	for _, s := range slices.Clone(f.streams) {
		r.wire(s, s.rule, stopping)
	}
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

// audible is what is left of a feed's chunk for those beyond this machine. Of a
// feed that is muted in part that is tables and the other tracks: a packet of
// which it is not known what it carries is left out.
func (f *feed) audible(c chunk) chunk {
	switch {
	case f.muted == 0 || f.muted&mutedWhole == 0 && c.format != packets:
		return c
	case f.muted&mutedWhole != 0:
		return chunk{}
	}
	var rest []byte
	rap := -1
	for at := 0; at < len(c.data); at += mpegts.PacketSize {
		p := mpegts.Packet(c.data[at : at+mpegts.PacketSize])
		if !f.inspector.isTable(p.PID()) {
			if kind, known := f.inspector.kind(p.PID()); !known || f.muted.covers(kind) {
				continue
			}
		}
		if at == c.rap {
			rap = len(rest)
		}
		rest = append(rest, p...)
	}
	return chunk{data: rest, feed: c.feed, at: c.at, rap: rap, format: c.format}
}
