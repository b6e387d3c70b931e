package program

import (
	"slices"

	"vw/media/mpegts"
)

// Output PIDs: the PMT's, and those of the tracks. maxKnown bounds what is
// remembered of feeds that come and go.
const (
	pmtPID   = 0x0020
	firstPID = 0x0100
	maxKnown = 1024
)

// allot gives a new track of f an output PID: a new one or, where there is none
// left, that of the track that has been out of use for the longest. The counter
// and the time of a PID go on with its next owner. It returns nil where all
// PIDs are in use.
func (p *Program) allot(f *feed, e mpegts.Track, taken []*track) *track {
	t := &track{pid: uint16(firstPID + len(p.pids))}
	if len(p.pids) < maxKnown {
		p.pids = append(p.pids, t)
	} else if t = p.evict(taken); t == nil {
		return nil
	}
	codec, kind := e.Codec()
	*t = track{feed: f, kind: kind, vague: e.Vague(), coding: e.Type, codec: codec, pid: t.pid, cc: t.cc, out: t.out, outSet: t.outSet, at: t.at}
	f.known = append(f.known, t)
	p.match(t)
	return t
}

// evict takes the place from the track that has been out of use the longest.
func (p *Program) evict(taken []*track) *track {
	var oldest *track
	for _, t := range p.pids {
		if (oldest == nil || t.at < oldest.at) && !t.listed && !slices.Contains(taken, t) && !slices.Contains(t.feed.current, t) {
			oldest = t
		}
	}
	if oldest == nil {
		return nil
	}
	f := oldest.feed
	f.known = slices.DeleteFunc(f.known, func(t *track) bool { return t == oldest })
	return oldest
}

// release forgets a feed that is neither selected nor remembered by a track.
// Select asks for it, so that between two of them a few may be left over.
func (p *Program) release(f *feed) {
	if !f.selected() && len(f.known) == 0 {
		delete(p.feeds, f.name)
	}
}
