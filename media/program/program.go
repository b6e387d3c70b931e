// Package program is the heart of a stream: it makes one valid single
// program transport stream (ISO/IEC 13818-1, cited by clause) of the packets
// of several feeds that know nothing of each other, and fills what is missing.
// It gives tracks slots, rewrites PIDs, continuity counters, time stamps and
// stream_ids, writes tables of its own, holds nothing back, decodes nothing and
// does not touch payload bytes. It must not know the network, goroutines or the
// time of day.
package program

import (
	"maps"
	"slices"
	"time"

	"vw/media/mpegts"
)

// A Selector is one entry of a stream rule's feeds: a feed, or one kind of
// track of it. Part is mpegts.Other for the whole feed. The owner's mutes leave
// the tracks their slots: Muted is the whole feed, NoVideo and NoAudio a kind,
// and with it each track that may be of it. Tables are PAT and PMT of a feed that
// sends now, where they are known.
type Selector struct {
	Feed                    string
	Part                    mpegts.Kind
	Muted, NoVideo, NoAudio bool
	Tables                  []byte
}

func (s Selector) covers(f format) bool { return s.Part == mpegts.Other || s.Part == f.kind }

func (s Selector) mutes(f format) bool {
	return s.Muted || s.NoVideo && (f.vague || f.kind == mpegts.Video) || s.NoAudio && (f.vague || f.kind == mpegts.Audio)
}

// passes reports whether tracks of a format go out by the selector.
func (s Selector) passes(f format) bool {
	return s.covers(f) && !s.mutes(f)
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

// A Program is the transport stream of one stream rule. It is not safe for
// concurrent use. Its memory is bounded by the number of feeds selected; it
// remembers the clocks of some more.
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
	slots     []*slot // by PID
	clock     *slot   // the one whose PID carries the PCR
	master    *feed   // the one that sets the clock
	tables    tables
	pcr       pcr
	at        int64 // the newest arrival
	opened    int64 // arrival of the first stamp
	lag       int64 // arrival less program time, of a packet that is not late
	now       int64 // the newest DTS sent, in program time
	until     int64 // arrival time at which tracks that are no heirs any more have to be gone
	revision  int   // counts what State has to tell anew
	told      int64 // lag as it was counted last
	stats     Stats
}

// maxFeeds is how many feeds a program remembers that it does not select.
const maxFeeds = 256

// New returns a program that selects nothing. Arrival time 0 is the time of day
// start: its program time begins there, so that it goes on over a restart.
func New(start time.Time) *Program {
	return &Program{feeds: make(map[string]*feed), opened: never, lag: -timeOfDay(start)}
}

// Select sets what the program is made of, in the rule's order, from the next
// packet on. What has the same slot again goes on. What has lost its slot to a
// feed that can start there goes on until it has started, 2 s at most; what is
// removed or muted otherwise stops at once, and so does what has been waiting to
// be replaced. A feed that is no longer heard at all has to send its tables again.
func (p *Program) Select(selection []Selector) {
	p.EndSplices()
	p.selection = slices.Clone(selection)
	for _, f := range p.feeds {
		f.selectors = f.selectors[:0]
	}
	for _, sel := range selection {
		f := p.feeds[sel.Feed]
		if f == nil {
			f = newFeed(sel.Feed)
			p.feeds[sel.Feed] = f
		}
		f.selectors = append(f.selectors, sel)
	}
	p.assign()
	for _, sel := range selection {
		if f := p.feeds[sel.Feed]; !sel.Muted && !f.program.Known && len(sel.Tables) > 0 {
			f.arrived(p.at)
			for in := range mpegts.Packets(sel.Tables) {
				p.psi(f, in.PID(), in)
			}
		}
	}
	for _, s := range p.slots {
		if t := s.occupant; t != nil && t.goal != s && (t.muted || !s.awaited(p.at)) {
			t.stop()
		}
	}
	p.until = p.at + patience
	p.forget()
}

// forget drops what is known of the sources of feeds that are not heard any
// more, and of some of those altogether where there are many.
func (p *Program) forget() {
	for _, f := range p.feeds {
		if !f.heard() {
			f.forget()
		}
		if len(f.selectors) == 0 && !f.inSlot() {
			f.current = nil
		}
	}
	if len(p.feeds) > len(p.selection)+maxFeeds {
		maps.DeleteFunc(p.feeds, func(_ string, f *feed) bool { return f.current == nil && len(f.selectors) == 0 })
	}
	if p.master != nil && p.feeds[p.master.name] != p.master {
		p.master = nil
	}
}

// Splicing reports whether a track is in a slot that the rule gives to another.
func (p *Program) Splicing() bool {
	return slices.ContainsFunc(p.slots, func(s *slot) bool { return s.occupant != nil && s.occupant.goal != s })
}

// EndSplices stops what has been waiting to be replaced.
func (p *Program) EndSplices() {
	for _, s := range p.slots {
		if t := s.occupant; t != nil && t.goal != s {
			t.giveWay()
		}
	}
}

// Append appends to dst what src, whole packets of feed that arrived at at,
// becomes. It retains neither. at counts from the start and never goes
// back: that of packets that came together is the same. While no track is selected and known nothing is appended.
func (p *Program) Append(dst []byte, feed string, src []byte, at time.Duration) []byte {
	f := p.feeds[feed]
	if f == nil || !f.heard() {
		p.stats.Unselected += uint64(len(src) / mpegts.PacketSize)
		return dst
	}
	now := ticks(at)
	p.advance(now)
	f.arrived(now)
	for len(src) >= mpegts.PacketSize {
		in := mpegts.Packet(src[:mpegts.PacketSize])
		src = src[mpegts.PacketSize:]
		if in[0] != mpegts.SyncByte || in.TransportError() || in.Scrambled() || !wellFormed(in) {
			p.stats.Damaged++
			continue
		}
		var sent *track
		if dst, sent = p.packet(dst, f, in, now); sent != nil && sent.header == 0 && !p.owes(f, now) {
			n := in.Continuing(src) * mpegts.PacketSize
			dst = p.goOn(dst, sent, src[:n])
			src = src[n:]
		}
	}
	return dst
}

// advance takes note of the time.
func (p *Program) advance(at int64) {
	p.at = max(p.at, at)
	if p.at >= p.until {
		p.EndSplices()
		p.until = never
	}
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

// Restart says that the feed's source has been replaced. Its tables,
// counters and open PES packets are forgotten; its tracks keep their slots,
// and the next source's take their places where they are alike.
func (p *Program) Restart(feed string) {
	if f := p.feeds[feed]; f != nil {
		f.forget()
	}
}

// End says that the feed's source has ended: what it was in is filled soon.
func (p *Program) End(feed string) {
	if f := p.feeds[feed]; f != nil {
		f.ended = true
	}
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
