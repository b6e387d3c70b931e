package media

import (
	"errors"
	"io"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// feedExpiry is how long a feed without source, reader or rule is remembered.
const feedExpiry = time.Minute

// ErrTakenOver is what a post ends with when another post has taken its feed.
var ErrTakenOver = errors.New("another post has taken this feed over")

// ErrFedByPost is what a message gets that is sent into a feed of packets.
var ErrFedByPost = errors.New("the feed carries a transport stream: messages would break it")

// A feed is one named source. Its packets are passed on as they came.
type feed struct {
	name    string
	streams []*stream // that take some of it; guarded by the router's lock
	readers int       // subscribers that name it, linked or not; likewise
	muted   muting    // by the owner; likewise
	posts   int       // that are open, the present source's or not yet begun; likewise

	isTS   atomic.Bool   // what came in last were packets
	sent   atomic.Uint64 // packets and messages handed to readers beyond this machine
	sentAt atomic.Int64  // when the last of them was, in nanoseconds after made; 0: never
	made   time.Time

	mu sync.Mutex
	outlet
	post      *Post // the present source of packets
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

// carry passes a chunk on: to those who follow the feed, then to its streams.
// The caller holds the router's lock for reading and the feed's.
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

// restart forgets the source before the next one.
func (f *feed) restart() {
	f.faults += f.inspector.faults
	f.damaged += f.inspector.damaged
	f.forget()
	for _, s := range f.streams {
		s.restart(f.name)
	}
}

// A Post is a source of a feed's packets: one HTTP body.
type Post struct {
	router *Router
	feed   *feed
	evict  func()
	begun  bool
}

// Post prepares a source of the feed of that name. It becomes the feed's with
// its first packet: then the source before is ended, its evict being called,
// which must make its Copy return and must not block.
func (r *Router) Post(name string, evict func()) *Post {
	r.mu.Lock()
	defer r.mu.Unlock()
	f := r.feed(name)
	f.posts++
	return &Post{router: r, feed: f, evict: evict}
}

// Copy is called once. It reads packets from src until it ends or fails, or until another post
// takes the feed over (ErrTakenOver). A source that is no transport stream is
// ErrNotTransportStream and leaves the feed as it was.
func (p *Post) Copy(src io.Reader) error {
	rd := newReader(src)
	defer rd.close()
	defer p.end()
	for {
		c, err := rd.next()
		if err != nil {
			switch overtaken := p.skip(rd.takeSkipped()); {
			case overtaken:
				return ErrTakenOver
			case err == io.EOF:
				return nil
			}
			return err
		}
		c.feed, c.at = p.feed, p.router.now()
		ok := p.publish(c, rd.takeSkipped())
		c.release()
		if !ok {
			return ErrTakenOver
		}
	}
}

func (p *Post) publish(c chunk, skipped uint64) bool {
	f := p.feed
	p.router.mu.RLock()
	defer p.router.mu.RUnlock()
	f.mu.Lock()
	defer f.mu.Unlock()
	if !p.begun {
		p.begun = true
		if f.post != nil {
			f.takeovers++
			f.post.evict()
		}
		f.post = p
		f.restart()
	}
	if f.post != p {
		return false
	}
	f.skipped += skipped
	f.carry(c, nil)
	return true
}

// skip counts what was skipped last, if the source has been the feed's, and
// says whether another one is now.
func (p *Post) skip(n uint64) (overtaken bool) {
	p.feed.mu.Lock()
	defer p.feed.mu.Unlock()
	if p.begun {
		p.feed.skipped += n
	}
	return p.begun && p.feed.post != p
}

// end says that the source has gone, where it had not been taken over before.
func (p *Post) end() {
	p.router.mu.Lock()
	defer p.router.mu.Unlock()
	p.feed.mu.Lock()
	defer p.feed.mu.Unlock()
	p.feed.posts--
	p.feed.used = p.router.now()
	if p.feed.post == p {
		p.feed.post = nil
	}
}

// FeedInfo is what is known of a feed.
type FeedInfo struct {
	Bytes            uint64      `json:"bytes"`            // taken in since the feed was first named
	Packets          uint64      `json:"packets"`          // likewise, or messages
	Bitrate          uint64      `json:"bitrate"`          // bit/s over the last second
	AgeMs            *int64      `json:"ageMs"`            // since something came in, in ms; null: never
	Source           bool        `json:"source"`           // a post feeds it now
	Readers          int         `json:"readers"`          // destinations and local readers that name it
	TakenOver        uint64      `json:"takenOver"`        // times that one post ended another
	ContinuityErrors uint64      `json:"continuityErrors"` // in what came in
	TransportErrors  uint64      `json:"transportErrors"`  // packets marked as damaged by who sent them
	SkippedBytes     uint64      `json:"skippedBytes"`     // thrown away to find packets
	Sent             uint64      `json:"sent"`             // packets or messages written beyond this machine, to sockets and files, each time
	LeftOut          uint64      `json:"leftOut"`          // messages that a stream did not take, beside packets
	Muted            []string    `json:"muted"`            // by the owner: all, video, audio
	Tracks           []TrackInfo `json:"tracks"`
}

// info may be called while the feed flows. The caller holds the router's lock.
func (f *feed) info(now time.Time) FeedInfo {
	f.mu.Lock()
	defer f.mu.Unlock()
	in := f.inspector
	i := FeedInfo{
		Bytes: f.bytes, Packets: f.count, Bitrate: f.meter.rate(now), Source: f.post != nil,
		Readers: f.readers, TakenOver: f.takeovers, SkippedBytes: f.skipped, LeftOut: f.leftOut,
		ContinuityErrors: f.faults + in.faults, TransportErrors: f.damaged + in.damaged,
		Muted: f.muted.names(), Tracks: in.trackInfo(), Sent: f.sent.Load(),
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
	if f.posts > 0 || f.readers > 0 || len(f.streams) > 0 {
		f.used = now
	}
	return now.Sub(f.used) > feedExpiry
}

func (f *feed) leave(s *stream) {
	f.streams = slices.DeleteFunc(f.streams, func(x *stream) bool { return x == s })
}
