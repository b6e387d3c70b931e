package media

import (
	"context"
	"time"
	"unicode/utf8"
)

// A Subscriber is one reader of a feed or stream: a destination's writer, a
// recording, a local client. Between Start and Stop what its source carries
// waits in its queue; Take and Done are for one goroutine at a time, the rest
// may be called from anywhere.
type Subscriber struct {
	router   *Router
	client   bool
	incoming bool
	cut      func()
	queue    *queue

	// guarded by the router's lock
	name     string
	ofStream bool
	ofFeed   bool // for good
	live     bool
	begun    bool // it has been live: its reader has seen counters and tables
	since    time.Time
	waits    time.Time // until then, for a random access point; zero: no more. Guarded by its fanout's lock
}

// Subscription says what a subscriber wants.
type Subscription struct {
	Name     string // of a feed or stream
	OfStream bool   // the name is a stream's, even while no rule of it is in force
	OfFeed   bool   // the name is a feed's, even where a stream has it too
	// Client says that it is a local client, which may have what came in before
	// it, and whom the owner's mutes do not concern.
	Client bool
	// Incoming says that messages that come in on destinations' links go to it too.
	Incoming bool
	// Cut makes a write that is under way end soon. It is called when one that
	// holds packets of what was removed lasts longer than 100 ms. Defaults to
	// nothing.
	Cut func()
}

// Subscribe adds a reader. It gets nothing before Start. Close has to be called.
func (r *Router) Subscribe(o Subscription) *Subscriber {
	s := &Subscriber{router: r, client: o.Client, incoming: o.Incoming, cut: o.Cut, queue: newQueue(!o.Client)}
	if s.cut == nil {
		s.cut = func() {}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if !s.client {
		s.since = r.now()
	}
	s.name = o.Name
	s.ofFeed, s.ofStream = o.OfFeed, o.OfStream || !o.OfFeed && r.ruled(o.Name)
	r.join(s)
	return s
}

// Start lets the source's chunks into the queue, the fast start first. What
// was in it is forgotten. From the second time on whoever reads a stream at the other
// end is told that counters and time jump.
func (s *Subscriber) Start() {
	s.router.mu.Lock()
	defer s.router.mu.Unlock()
	s.queue.reset()
	if _, open := s.router.subs[s]; !open {
		return
	}
	f := s.router.fanout(s)
	if !s.live {
		s.live = true
	} else {
		f.detach(s)
	}
	again := s.ofStream && (s.begun || f.resumed)
	if again {
		s.queue.jump(f.inspector.pids)
	}
	s.begun = true
	f.attach(s, again)
}

// Stop keeps chunks out, and forgets what waits.
func (s *Subscriber) Stop() {
	s.router.mu.Lock()
	defer s.router.mu.Unlock()
	s.unlink()
	s.queue.reset()
}

func (s *Subscriber) unlink() {
	if s.live {
		s.live = false
		s.router.fanout(s).detach(s)
	}
}

// Follow changes the source, where it differs from the present one: nothing of
// the old one is handed out from now on.
func (s *Subscriber) Follow(name string, ofStream bool) *PendingWrites {
	s.router.changing.Lock()
	defer s.router.changing.Unlock()
	s.router.mu.Lock()
	defer s.router.mu.Unlock()
	return s.follow(name, ofStream || s.router.ruled(name))
}

func (s *Subscriber) follow(name string, ofStream bool) *PendingWrites {
	pending := &PendingWrites{}
	if _, open := s.router.subs[s]; !open || name == s.name && ofStream == s.ofStream {
		return pending
	}
	r, live := s.router, s.live
	sent := r.fanout(s).inspector
	s.unlink()
	pending.add(s, s.queue.purge(nothing))
	r.part(s)
	s.name, s.ofStream = name, ofStream
	if !s.client {
		s.since = r.now()
	}
	r.join(s)
	if s.begun {
		s.queue.jump(sent.pids)
		if ofStream {
			r.stream(name).renumber(&sent.program)
		}
	}
	if live {
		s.live = true
		r.fanout(s).attach(s, false)
	}
	return pending
}

// Take waits for the next message: packets joined up to 64 KiB, or one message
// as it came. ErrClosed after Close; otherwise the context's error.
func (s *Subscriber) Take(ctx context.Context) (Message, error) { return s.queue.take(ctx) }

// Done says that the message taken has been written. Where it was not, it is
// handed out again, unless some of it has been removed from the rules since or
// the queue was full.
func (s *Subscriber) Done(written bool) { s.queue.done(written) }

// Removed reports whether some of the message taken has been removed from the
// rules since: then no further write of it may begin.
func (s *Subscriber) Removed() bool {
	s.queue.mu.Lock()
	defer s.queue.mu.Unlock()
	return s.queue.stale || s.queue.closed
}

// Send puts a message into the feed that the subscriber names. It goes to all
// who follow it but the sender. Text that is not UTF-8 is not taken: a relay would
// close the link on which it came (RFC 6455, 8.1).
func (s *Subscriber) Send(data []byte, isText bool) error {
	if isText && !utf8.Valid(data) {
		return ErrNotUTF8
	}
	r := s.router
	c := message(data, isText, r.now())
	r.mu.RLock()
	if c.feed = r.feeds[s.name]; c.feed == nil {
		r.mu.RUnlock()
		r.mu.Lock()
		c.feed = r.feed(s.name)
		r.mu.Unlock()
		r.mu.RLock()
	}
	f := c.feed
	f.mu.Lock()
	fed := f.post != nil
	if !fed {
		f.carry(c, s)
	}
	f.mu.Unlock()
	reached := f.reached(nil)
	r.mu.RUnlock()
	if fed {
		return ErrFedByPost
	}
	flush(reached, len(data))
	return nil
}

// Close ends the subscription: Take returns ErrClosed.
func (s *Subscriber) Close() *PendingWrites {
	s.router.mu.Lock()
	defer s.router.mu.Unlock()
	s.unlink()
	s.router.part(s)
	pending := &PendingWrites{}
	pending.add(s, s.queue.close())
	return pending
}

// QueueInfo is the state of a subscriber's queue.
type QueueInfo struct {
	Bytes     int    `json:"bytes"`     // waiting
	Sent      uint64 `json:"sent"`      // packets, or messages
	SentBytes uint64 `json:"sentBytes"` // in them
	Dropped   uint64 `json:"dropped"`   // packets, or messages, since the queue was full
	AgeMs     int64  `json:"ageMs"`     // since the oldest that waits or is being written came in, in ms
	Hangs     bool   `json:"hangs"`     // what is being written came in over 5 s ago: the other end takes nothing
}

// hangsAfter is beyond the age of what a queue hands out, and of a message on a slow link.
const hangsAfter = queueAge + 3*time.Second

// Info may be called at any time.
func (s *Subscriber) Info() QueueInfo {
	q := s.queue
	q.mu.Lock()
	defer q.mu.Unlock()
	i := QueueInfo{Bytes: q.bytes, Sent: q.sent, SentBytes: q.sentB, Dropped: q.drops}
	waits := q.out
	if len(waits) == 0 {
		waits = q.items.all()
	}
	if len(waits) > 0 {
		age := time.Since(waits[0].at)
		i.AgeMs, i.Hangs = age.Milliseconds(), len(q.out) > 0 && age > hangsAfter
	}
	return i
}
