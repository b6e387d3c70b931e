package media

import (
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

// feedExpiry is how long a feed without source, reader or rule is remembered.
const feedExpiry = time.Minute

// ErrFedByPost is what a message gets that is sent into a feed of packets.
var ErrFedByPost = errors.New("the feed carries a transport stream: messages would break it")

// ErrNotUTF8 is what text gets that is none.
var ErrNotUTF8 = errors.New("text that is not UTF-8: send it as a binary message")

// A feed is one named source. Its packets are passed on as they came.
type feed struct {
	name    string
	streams []*stream // that take some of it; guarded by the router's lock
	readers int       // subscribers that name it, linked or not; likewise
	muted   muting    // by the owner; likewise
	open    []*Post   // the present source's, and those that have not begun or not ended yet; likewise

	isTS   atomic.Bool   // what came in last were packets
	sent   atomic.Uint64 // packets and messages handed to readers beyond this machine
	sentAt atomic.Int64  // when the last of them was, in nanoseconds after made; 0: never
	made   time.Time

	mu sync.Mutex
	fanout
	post      *Post  // the present source of packets
	refused   string // FeedInfo.Refused
	row       row    // that it is in
	used      time.Time
	last      time.Time // when something came in
	bytes     uint64
	count     uint64 // packets and messages
	faults    uint64 // continuity errors of sources that have gone
	damaged   uint64 // transport errors of sources that have gone
	skipped   uint64
	leftOut   uint64 // messages, once for each stream that did not take them
	takeovers uint64
	meter     meter
}

// reached appends the subscribers whom carry passes a chunk to. The caller holds the
// router's lock.
func (f *feed) reached(dst [][]*Subscriber) [][]*Subscriber {
	dst = append(dst, f.subs)
	for _, s := range f.streams {
		dst = append(dst, s.subs)
	}
	return dst
}

// carry passes a chunk on: to those who follow the feed, then to its streams.
// The caller holds the router's lock for reading and the feed's. After it comes
// flush, without the locks.
func (f *feed) carry(c chunk, from *Subscriber) {
	f.last, f.used = c.at, c.at
	f.bytes += uint64(len(c.data))
	f.count += c.count()
	f.meter.add(c.at, len(c.data))
	f.isTS.Store(c.format == packets)
	f.publish(c, from)
	for _, s := range f.streams {
		if !s.write(c, from) {
			f.leftOut++
		}
	}
}

// tables are PAT and PMT of a feed that sends now, nil of another.
func (f *feed) tables(now time.Time) []byte {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.post == nil || now.Sub(f.last) > time.Second {
		return nil
	}
	return f.inspector.appendPSI(nil)
}

// restart forgets the source before the next one.
func (f *feed) restart() {
	f.faults += f.inspector.faults
	f.damaged += f.inspector.damaged
	f.forget()
	for _, s := range f.streams {
		s.restart(f.name)
	}
}

// FeedInfo is what is known of a feed.
type FeedInfo struct {
	Bytes            uint64      `json:"bytes"`             // taken in since the feed was first named
	Packets          uint64      `json:"packets"`           // likewise, or messages
	Bitrate          uint64      `json:"bitrate"`           // bit/s over the last second
	AgeMs            *int64      `json:"ageMs"`             // since something came in, in ms; null: never
	Source           bool        `json:"source"`            // a post feeds it now, or may yet
	UnknownBytes     uint64      `json:"unknownBytes"`      // of posts that are open, in which no transport stream has been found yet
	Refused          string      `json:"refused,omitempty"` // what was posted last in place of a transport stream, until one is
	Readers          int         `json:"readers"`           // destinations and local readers that name it
	TakenOver        uint64      `json:"takenOver"`         // times that one post ended another
	ContinuityErrors uint64      `json:"continuityErrors"`  // in what came in
	TransportErrors  uint64      `json:"transportErrors"`   // packets marked as damaged by who sent them
	SkippedBytes     uint64      `json:"skippedBytes"`      // thrown away to find packets
	Sent             uint64      `json:"sent"`              // packets or messages written beyond this machine, to sockets and files, each time
	LeftOut          uint64      `json:"leftOut"`           // messages that a stream did not take, beside packets
	Muted            []string    `json:"muted"`             // by the owner: all, video, audio
	Tracks           []TrackInfo `json:"tracks"`
}

// Fed reports whether anything has come in so far, or a source posts.
func (i FeedInfo) Fed() bool { return i.Source || i.AgeMs != nil }

// info may be called while the feed flows. The caller holds the router's lock.
func (f *feed) info(now time.Time) FeedInfo {
	f.mu.Lock()
	defer f.mu.Unlock()
	in := f.inspector
	i := FeedInfo{
		Bytes: f.bytes, Packets: f.count, Bitrate: f.meter.rate(now), Source: f.post != nil || f.row.goesOn(now),
		Refused: f.refused, Readers: f.readers, TakenOver: f.takeovers, SkippedBytes: f.skipped, LeftOut: f.leftOut,
		ContinuityErrors: f.faults + in.faults, TransportErrors: f.damaged + in.damaged,
		Muted: f.muted.names(), Tracks: in.trackInfo(now), Sent: f.sent.Load(),
	}
	for _, p := range f.open {
		if !p.begun {
			i.Source = true
			i.UnknownBytes += uint64(p.seen.Load())
		}
	}
	if !f.last.IsZero() {
		ms := now.Sub(f.last).Milliseconds()
		i.AgeMs = &ms
	}
	return i
}

// idle says that nobody has used the feed for long. The caller holds the
// router's lock.
func (f *feed) idle(now time.Time) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.open) > 0 || f.readers > 0 || len(f.streams) > 0 {
		f.used = now
	}
	return now.Sub(f.used) > feedExpiry
}
