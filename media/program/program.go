// Package program is the heart of a stream: it makes one valid single
// program transport stream (ISO/IEC 13818-1, cited by clause) of the packets
// of several feeds that know nothing of each other. It rewrites PIDs,
// continuity counters, time stamps and stream_ids, writes tables of its own,
// holds nothing back, decodes nothing and does not touch payload bytes. It
// knows no network, no goroutine and no wall clock.
package program

import (
	"slices"
	"time"

	"vw/media/mpegts"
)

// A Selector is one entry of a stream rule's feeds: a feed, or one kind of
// track of it. Part is mpegts.Other for the whole feed. NoVideo and NoAudio
// leave out a kind, and with it each track that may be of it.
type Selector struct {
	Feed             string
	Part             mpegts.Kind
	NoVideo, NoAudio bool
}

func (s Selector) takes(t *track) bool {
	return (s.Part == mpegts.Other || s.Part == t.kind) &&
		!(s.NoVideo && (t.vague || t.kind == mpegts.Video)) && !(s.NoAudio && (t.vague || t.kind == mpegts.Audio))
}

// Stats counts packets that came in and did not go out, and what was found
// wrong with them. The counts never go down.
type Stats struct {
	Sent       uint64 // packets of tracks that went out
	Early      uint64 // before the feed's PMT
	Unselected uint64 // of feeds or tracks that the selection leaves out, or that no PMT names
	Damaged    uint64 // transport errors, scrambled, no valid packet
	Duplicate  uint64 // sent twice by the source (2.4.3.3)
	Waiting    uint64 // before the track's start
	Surplus    uint64 // of tracks beyond MaxTracks, or beyond what one PMT can hold
	Gaps       uint64 // breaks in the sources' continuity counters
	Jumps      uint64 // times that a feed's stamps jumped and its offset was set anew
	Resets     uint64 // times that a feed had drifted so far that its offset was set anew
}

// MaxTracks is how many tracks a program has at most.
const MaxTracks = 32

// A Program is the transport stream of one stream rule. It is not safe for
// concurrent use. Its memory is bounded by the number of feeds selected; of
// feeds that no longer are it remembers some hundred tracks.
//
// Its PMT names the tracks of the selected feeds as soon as their own PMTs do,
// and goes on naming those of a feed that has died. Its PCR goes on with
// arrival time while all is silent, which is no discontinuity. PCRs come on the PCR PID alone, in the
// source's packets where they carry them, else in packets of their own. Packets
// without payload are not passed on for anything else that they hold. Stamps of
// data tracks move with their feed's but do not set its clock.
type Program struct {
	selection []Selector
	feeds     map[string]*feed
	pids      []*track // by output PID, from firstPID on
	list      []*track // what the PMT names, in its order
	master    *track   // the one whose PID carries the PCR
	stale     bool     // list has to be made anew
	tables    tables
	pcr       pcr
	begun     bool
	opened    int64 // arrival of the first stamp
	lag       int64 // arrival less program time, of a packet that is not late
	now       int64 // the newest DTS sent, in program time
	stats     Stats
}

// New returns a program that selects nothing.
func New() *Program {
	return &Program{feeds: make(map[string]*feed), opened: never}
}

// Select sets what the program is made of, in the rule's order, from the
// next packet on. Output PIDs are stable for each feed and source PID whether
// selected or not; a track that comes back starts at a random access point.
// A feed that is no longer selected at all has to send its tables again.
func (p *Program) Select(s []Selector) {
	p.selection = slices.Clone(s)
	p.stale = true
	for _, f := range p.feeds {
		f.selectors = f.selectors[:0]
	}
	for _, sel := range s {
		f := p.feeds[sel.Feed]
		if f == nil {
			f = newFeed(sel.Feed)
			p.feeds[sel.Feed] = f
		}
		f.selectors = append(f.selectors, sel)
	}
	for _, f := range p.feeds {
		for _, t := range f.known {
			p.match(t)
		}
		if !f.selected() {
			f.forget()
			f.current = nil
			p.release(f)
		}
	}
}

func (p *Program) match(t *track) {
	t.selected = slices.ContainsFunc(t.feed.selectors, func(s Selector) bool { return s.takes(t) })
	if !t.selected {
		t.stop()
	}
}

// Append appends to dst what src, whole packets of feed that arrived at at,
// becomes. It retains neither. at counts from any fixed origin and never goes
// back: that of packets that came together is the same. While no track is selected and known nothing is appended.
func (p *Program) Append(dst []byte, feed string, src []byte, at time.Duration) []byte {
	f := p.feeds[feed]
	if f == nil || !f.selected() {
		p.stats.Unselected += uint64(len(src) / mpegts.PacketSize)
		return dst
	}
	now := ticks(at)
	if !p.begun {
		p.begun, p.lag = true, now-startTime
	}
	f.arrived(now)
	for in := range mpegts.Packets(src) {
		if in[0] != mpegts.SyncByte || in.TransportError() || in.Scrambled() || !wellFormed(in) {
			p.stats.Damaged++
			continue
		}
		dst = p.packet(dst, f, in, now)
	}
	return dst
}

// wellFormed checks the adaptation field's control and length (2.4.3.3,
// 2.4.3.5).
func wellFormed(in mpegts.Packet) bool {
	switch in[3] >> 4 & 3 {
	case 0: // reserved
		return false
	case 2:
		return in[4] == mpegts.PacketSize-5
	case 3:
		return in[4] < mpegts.PacketSize-5
	}
	return true
}

// Restart says that the feed's source has ended or been replaced. Its tables,
// counters and open PES packets are forgotten; its tracks stay in the PMT,
// and the next source's take their places where they are alike.
func (p *Program) Restart(feed string) {
	if f := p.feeds[feed]; f != nil {
		f.forget()
	}
}

// Unselected returns the output PIDs of tracks that the present selection leaves
// out, in ascending order.
func (p *Program) Unselected() (pids []uint16) {
	for _, t := range p.pids {
		if !t.selected {
			pids = append(pids, t.pid)
		}
	}
	return pids
}

// Lacks reports whether a feed that is known has no track of the kind that s
// names, and what its tracks are.
func (p *Program) Lacks(s Selector) (tracks []string, lacks bool) {
	f := p.feeds[s.Feed]
	if f == nil || !f.program.Known || s.Part == mpegts.Other {
		return nil, false
	}
	for _, t := range f.current {
		if t.kind == s.Part {
			return nil, false
		}
		name := t.codec
		if name == "data" {
			name = "unknown"
		}
		tracks = append(tracks, name)
	}
	return tracks, true
}

// Stats returns the counts so far.
func (p *Program) Stats() Stats { return p.stats }
