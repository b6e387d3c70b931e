package media

import (
	"errors"
	"io"
	"slices"
	"sync/atomic"
	"time"

	"vw/media/mpegts"
)

const (
	// rowGap is the longest time from one post to the next that goes on from it.
	rowGap = 2 * time.Second
	// rowTold is how often it is told that posts go on from each other.
	rowTold = time.Minute
)

// ErrTakenOver is what a post ends with when another post has taken its feed.
var ErrTakenOver = errors.New("another post has taken this feed over")

// ErrEmptyPost is what a post ends with that held not one byte.
var ErrEmptyPost = errors.New("the post held nothing")

// A Post brings a feed's packets: one HTTP body.
type Post struct {
	// Begun, where it is set before Copy, is called with 1 when the post has
	// become its feed's source. Where it goes on from posts before it, it is
	// called once a minute at most, with how many they are by now.
	Begun   func(posts int)
	router  *Router
	feed    *feed
	evict   func()
	seen    atomic.Int64    // bytes
	begun   bool            // guarded by the feed's lock
	nth     int             // in its row; likewise
	reached [][]*Subscriber // by the chunk that was published last
}

// A row is a source that sends one post after the other, each of which goes on
// where the last one stopped: GStreamer's souphttpclientsink sends every buffer
// as a PUT of its own.
type row struct {
	posts int       // so far
	told  time.Time // when it was told last that there are several
	ended time.Time // when the last of them ended well, zero while it has not
}

// open says that the next post may go on from the last one.
func (r *row) open(now time.Time) bool { return !r.ended.IsZero() && now.Sub(r.ended) <= rowGap }

// goesOn says that the source is between two of its posts.
func (r *row) goesOn(now time.Time) bool { return r.posts > 1 && r.open(now) }

// due says whether it has to be told that the row goes on.
func (r *row) due(now time.Time) bool {
	if r.posts > 1 && now.Sub(r.told) < rowTold {
		return false
	}
	if r.posts > 1 {
		r.told = now
	}
	return true
}

// Post prepares a post to the feed of that name. It becomes the feed's source
// with its first packet: then the source before is ended, its evict being
// called, which must make its Copy return and must not block.
func (r *Router) Post(name string, evict func()) *Post {
	r.mu.Lock()
	defer r.mu.Unlock()
	f := r.feed(name)
	p := &Post{router: r, feed: f, evict: evict}
	f.open = append(f.open, p)
	return p
}

// Copy is called once. It reads packets from src until it ends or fails, or until another post
// takes the feed over (ErrTakenOver). A source that is no transport stream is
// NotTransportStreamError, one without a byte ErrEmptyPost; they leave the feed as it was.
func (p *Post) Copy(src io.Reader) (err error) {
	rd := newReader(src, &p.seen)
	defer rd.close()
	defer func() { p.end(err) }()
	for {
		c, err := rd.next()
		if err != nil {
			switch overtaken := p.skip(rd.takeSkipped()); {
			case overtaken:
				return ErrTakenOver
			case errors.Is(err, io.EOF) && p.seen.Load() == 0:
				return ErrEmptyPost
			case errors.Is(err, io.EOF):
				return nil
			}
			return err
		}
		c.feed, c.at = p.feed, p.router.now()
		ok, tell := p.publish(c, rd.takeSkipped())
		c.release()
		flush(p.reached, len(c.data))
		if !ok {
			return ErrTakenOver
		}
		if tell && p.Begun != nil {
			p.Begun(p.nth)
		}
	}
}

// publish hands a chunk on, if the post is the feed's source or becomes it. It
// says too whether that it begins has to be told.
func (p *Post) publish(c chunk, skipped uint64) (ok, tell bool) {
	f := p.feed
	p.router.mu.RLock()
	defer p.router.mu.RUnlock()
	f.mu.Lock()
	defer f.mu.Unlock()
	if !p.begun {
		tell = p.begin(c)
	}
	if f.post != p {
		return false, false
	}
	f.skipped += skipped
	f.carry(c, nil)
	p.reached = f.reached(p.reached[:0])
	return true, tell
}

// begin makes the post the feed's source. The caller holds the locks.
func (p *Post) begin(c chunk) (tell bool) {
	f := p.feed
	p.begun = true
	if f.post != nil {
		f.takeovers++
		f.post.evict()
	}
	f.post, f.refused = p, ""
	if f.row.open(c.at) && f.inspector.continuedBy(c.data) {
		f.row.ended = time.Time{}
	} else {
		f.row = row{}
		f.restart()
	}
	f.row.posts++
	p.nth = f.row.posts
	return f.row.due(c.at)
}

// GoesOn says whether the post went on from one before it. It may be called
// when Copy has returned.
func (p *Post) GoesOn() bool { return p.nth > 1 }

// continuedBy says whether b goes on where what was scanned stopped: each PID in
// it that has come before goes on by its continuity counter, or repeats a packet
// (GStreamer does, where its encoder begins anew), and one goes on or is named by
// the PMT and comes for the first time.
func (in *inspector) continuedBy(b []byte) (goesOn bool) {
	looked := map[uint16]bool{}
	for p := range mpegts.Packets(b) {
		s := in.pids[p.PID()]
		if s == nil || looked[p.PID()] || p.TransportError() || p.Discontinuity() || !p.HasPayload() {
			continue
		}
		looked[p.PID()] = true
		counter := s.counter
		switch step := counter.Follow(p); {
		case !s.counter.Known():
			goesOn = goesOn || s.codec != ""
		case step == mpegts.Gap:
			return false
		case step == mpegts.Onward:
			goesOn = true
		}
	}
	return goesOn
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

// end says that the post has ended, and why if it has not ended well.
func (p *Post) end(why error) {
	p.router.mu.Lock()
	defer p.router.mu.Unlock()
	f := p.feed
	f.mu.Lock()
	defer f.mu.Unlock()
	f.open = slices.DeleteFunc(f.open, func(x *Post) bool { return x == p })
	f.used = p.router.now()
	if no := (*NotTransportStreamError)(nil); f.post == nil && errors.As(why, &no) {
		f.refused = no.Format()
	}
	if f.post != p {
		return
	}
	f.post = nil
	if f.row.posts == 1 { // of a row the next one is to be expected
		for _, s := range f.streams {
			s.end(f.name)
		}
	}
	if why == nil {
		f.row.ended = f.used
	}
}
