package media

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"vw/media/program"
)

// A Router knows the feeds and streams by name, and who follows them. Its lock
// is held for reading while a chunk is passed on, which never waits, and for
// writing while something is re-wired, which is short: see change. When a change
// returns, nothing of what it removed is passed on.
type Router struct {
	changing sync.Mutex // held while something is re-wired, before mu and longer
	mu       sync.RWMutex
	feeds    map[string]*feed
	streams  map[string]*stream
	subs     map[*Subscriber]struct{}
	incoming map[string][]*Subscriber // of subs, those who take what comes in on links, by name
	mutes    map[string]muting        // the owner's, by feed
	restored map[string]program.State // by stream, until there are rules
	unsaved  chan struct{}            // capacity 1
}

// NewRouter makes a router without feeds or streams.
func NewRouter() *Router {
	return &Router{feeds: map[string]*feed{}, streams: map[string]*stream{}, subs: map[*Subscriber]struct{}{},
		incoming: map[string][]*Subscriber{}, unsaved: make(chan struct{}, 1)}
}

// Run forgets feeds that nobody has used for a minute, until ctx ends. Then
// streams are filled no more.
func (r *Router) Run(ctx context.Context) error {
	tick := time.NewTicker(feedExpiry / 6)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			r.mu.RLock()
			defer r.mu.RUnlock()
			for _, s := range r.streams {
				s.close()
			}
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
func (r *Router) SetStreams(rules map[string][]string) *PendingWrites {
	r.changing.Lock()
	defer r.changing.Unlock()
	changed := r.changed(rules)
	change := &change{router: r}
	var unused []*stream
	r.mu.Lock()
	for name, rule := range changed {
		s := r.stream(name)
		s.ruled, s.entries, s.rule = rule != nil, rules[name], rule
		r.wire(s)
		if s.unused() {
			unused = append(unused, s)
		} else {
			change.streams([]*stream{s})
		}
	}
	r.forget(unused...)
	r.restored = nil
	for s := range r.subs {
		if !s.ofStream && !s.ofFeed && r.ruled(s.name) {
			change.pending.Join(s.follow(s.name, true))
		}
	}
	r.mu.Unlock()
	return change.done()
}

// changed reads the rules that are not those in force; nil is none any more.
func (r *Router) changed(rules map[string][]string) map[string][]program.Selector {
	r.mu.RLock()
	defer r.mu.RUnlock()
	changed := map[string][]program.Selector{}
	for name, s := range r.streams {
		if _, ok := rules[name]; !ok && s.ruled {
			changed[name] = nil
		}
	}
	for name, entries := range rules {
		if s := r.streams[name]; s != nil && s.ruled && slices.Equal(s.entries, entries) {
			continue
		}
		changed[name] = make([]program.Selector, len(entries))
		for i, e := range entries {
			changed[name][i] = selector(e)
		}
	}
	return changed
}

// wire puts a stream on the feeds that its rule names. It stays on those of the
// rule before until it is unwired: a track of theirs may go on until it is replaced.
func (r *Router) wire(s *stream) {
	wired := append(s.former, s.feeds...)
	s.feeds, s.former = nil, nil
	for _, x := range s.rule {
		f := r.feed(x.Feed)
		if slices.Contains(s.feeds, f) {
			continue // named twice
		}
		s.feeds = append(s.feeds, f)
		if !slices.Contains(wired, f) {
			f.streams = append(f.streams, s)
		}
	}
	for _, f := range wired {
		if !slices.Contains(s.feeds, f) {
			s.former = append(s.former, f)
		}
	}
}

// unwire takes streams off the feeds of former rules, in one pass over those of each feed.
func (r *Router) unwire(streams ...*stream) {
	touched := map[*feed]struct{}{}
	for _, s := range streams {
		s.leaving = true
		for _, f := range s.former {
			touched[f] = struct{}{}
		}
	}
	for f := range touched {
		f.streams = slices.DeleteFunc(f.streams, func(s *stream) bool { return s.leaving && slices.Contains(s.former, f) })
		f.used = r.now()
	}
	for _, s := range streams {
		s.former, s.leaving = nil, false
	}
}

// selectors returns a stream's rule with the owner's mutes, and with the tables
// of feeds that send now.
func (r *Router) selectors(s *stream) []program.Selector {
	rule := make([]program.Selector, len(s.rule))
	for i, x := range s.rule {
		f := r.feeds[x.Feed]
		rule[i] = f.muted.limit(x)
		rule[i].Tables = f.tables(r.now())
	}
	return rule
}

// forget drops streams that are unused.
func (r *Router) forget(streams ...*stream) {
	r.unwire(streams...)
	for _, s := range streams {
		s.close()
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
		f = &feed{name: name, fanout: fanout{inspector: newInspector()}, muted: r.muting(name), used: now, made: now}
		f.filter = func(c chunk) chunk { return f.muted.audible(c) }
		r.feeds[name] = f
	}
	return f
}

func (r *Router) stream(name string) *stream {
	s := r.streams[name]
	if s == nil {
		s = newStream(r, name)
		r.streams[name] = s
	}
	return s
}

// join and part count a subscriber among those who name a source.
func (r *Router) join(s *Subscriber) {
	r.subs[s] = struct{}{}
	if s.incoming {
		r.incoming[s.name] = append(r.incoming[s.name], s)
	}
	s.queue.setBridges(s.ofStream)
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
	if s.incoming {
		r.incoming[s.name] = slices.DeleteFunc(r.incoming[s.name], func(x *Subscriber) bool { return x == s })
		if len(r.incoming[s.name]) == 0 {
			delete(r.incoming, s.name)
		}
	}
	if s.ofStream {
		x := r.stream(s.name)
		x.readers--
		if x.unused() {
			r.forget(x)
		}
	} else {
		f := r.feed(s.name)
		f.readers--
		f.used = r.now()
	}
}

// fanout is what a subscriber follows.
func (r *Router) fanout(s *Subscriber) *fanout {
	if s.ofStream {
		return &r.stream(s.name).fanout
	}
	return &r.feed(s.name).fanout
}

// Deliver gives a message that came in on a destination's link to the local
// clients of that name, and to nobody else.
func (r *Router) Deliver(name string, data []byte, isText bool) {
	c := message(data, isText, r.now())
	r.mu.RLock()
	defer r.mu.RUnlock()
	for _, s := range r.incoming[name] {
		s.queue.push(c)
		s.queue.signal()
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
