package media

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"vw/media/programme"
)

// A Router knows the feeds and streams by name, and who follows them. Its lock
// is held for reading while a chunk is passed on, which never waits, and for
// writing while something is re-wired: when a change returns, nothing of what
// it removed is passed on.
type Router struct {
	mu      sync.RWMutex
	feeds   map[string]*feed
	streams map[string]*stream
	subs    map[*Subscriber]struct{}
	mutes   map[string]muting // the owner's, by feed
}

// NewRouter makes a router without feeds or streams.
func NewRouter() *Router {
	return &Router{feeds: map[string]*feed{}, streams: map[string]*stream{}, subs: map[*Subscriber]struct{}{}}
}

// Run forgets feeds that nobody has used for a minute, until ctx ends.
func (r *Router) Run(ctx context.Context) error {
	tick := time.NewTicker(feedExpiry / 6)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case now := <-tick.C:
			r.mu.Lock()
			maps.DeleteFunc(r.feeds, func(_ string, f *feed) bool { return f.idle(now) })
			r.mu.Unlock()
		}
	}
}

func (r *Router) now() time.Time { return time.Now() }

// SetStreams makes rules the stream rules in force: names of streams, and what
// each is made of. Who follows a feed of a name that is now a stream's follows
// the stream.
func (r *Router) SetStreams(rules map[string][]string) *Stopping {
	r.mu.Lock()
	defer r.mu.Unlock()
	stopping := &Stopping{}
	for name, s := range r.streams {
		if _, ok := rules[name]; !ok && s.ruled {
			s.ruled = false
			r.wire(s, nil, stopping)
			r.forgetUnused(s)
		}
	}
	for name, entries := range rules {
		s := r.stream(name)
		selectors := make([]programme.Selector, len(entries))
		for i, e := range entries {
			selectors[i] = selector(e)
		}
		if s.ruled && slices.Equal(s.rule, selectors) {
			continue
		}
		s.ruled, s.entries = true, entries
		r.wire(s, selectors, stopping)
	}
	for s := range r.subs {
		if !s.ofStream && r.ruled(s.name) {
			stopping.Join(s.follow(s.name, true))
		}
	}
	return stopping
}

// wire connects a stream to the feeds it is made of, and takes what it is no
// longer made of out of every queue.
func (r *Router) wire(s *stream, rule []programme.Selector, stopping *Stopping) {
	for _, f := range s.feeds {
		f.leave(s)
		f.used = r.now()
	}
	s.feeds, s.rule = nil, rule
	var selectors []programme.Selector
	for _, x := range rule {
		f := r.feed(x.Feed)
		if !slices.Contains(s.feeds, f) {
			s.feeds = append(s.feeds, f)
			f.streams = append(f.streams, s)
		}
		if x, left := f.muted.limit(x); left {
			selectors = append(selectors, x)
		}
	}
	s.set(selectors)
	for _, sub := range s.subs {
		stopping.add(sub, sub.queue.purge(s.keep))
	}
}

func (r *Router) forgetUnused(s *stream) {
	if !s.ruled && s.readers == 0 {
		s.slab.release()
		s.slab = nil
		delete(r.streams, s.name)
	}
}

func (r *Router) ruled(name string) bool {
	s := r.streams[name]
	return s != nil && s.ruled
}

// feed returns the feed of that name, which it makes where there is none.
func (r *Router) feed(name string) *feed {
	f := r.feeds[name]
	if f == nil {
		now := r.now()
		f = &feed{name: name, outlet: outlet{inspector: newInspector()}, muted: r.muting(name), used: now, made: now}
		f.limit = f.audible
		r.feeds[name] = f
	}
	return f
}

func (r *Router) stream(name string) *stream {
	s := r.streams[name]
	if s == nil {
		s = newStream(name, r.now())
		r.streams[name] = s
	}
	return s
}

// join and part count a subscriber among those who name a source.
func (r *Router) join(s *Subscriber) {
	r.subs[s] = struct{}{}
	s.queue.setMends(s.ofStream)
	if s.ofStream {
		r.stream(s.name).readers++
	} else {
		r.feed(s.name).readers++
	}
}

func (r *Router) part(s *Subscriber) {
	if _, ok := r.subs[s]; !ok {
		return
	}
	delete(r.subs, s)
	if s.ofStream {
		x := r.stream(s.name)
		x.readers--
		r.forgetUnused(x)
	} else {
		f := r.feed(s.name)
		f.readers--
		f.used = r.now()
	}
}

// outlet is what a subscriber follows.
func (r *Router) outlet(s *Subscriber) *outlet {
	if s.ofStream {
		return &r.stream(s.name).outlet
	}
	return &r.feed(s.name).outlet
}

// Deliver gives a message that came in on a destination's link to the local
// clients of that name, and to nobody else.
func (r *Router) Deliver(name string, data []byte, isText bool) {
	c := chunk{data: data, at: r.now(), rap: -1, format: binary}
	if isText {
		c.format = text
	}
	r.mu.RLock()
	defer r.mu.RUnlock()
	for s := range r.subs {
		if s.incoming && s.name == name {
			s.queue.push(c)
		}
	}
}

// Feeds says what is known of every feed, or of the one named.
func (r *Router) Feeds(which ...string) map[string]FeedInfo {
	r.mu.RLock()
	defer r.mu.RUnlock()
	now := r.now()
	all := map[string]FeedInfo{}
	for name, f := range r.feeds {
		if len(which) == 0 || slices.Contains(which, name) {
			all[name] = f.info(now)
		}
	}
	return all
}

// Streams says what is known of every stream.
func (r *Router) Streams() map[string]StreamInfo {
	r.mu.RLock()
	defer r.mu.RUnlock()
	now := r.now()
	all := map[string]StreamInfo{}
	for name, s := range r.streams {
		all[name] = s.info(now)
	}
	return all
}
