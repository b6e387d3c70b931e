package testrelay

import (
	"context"
	"sync"
)

// A taker is given what comes in on a topic. It never waits.
type taker interface{ put(...Message) }

// topics are those that somebody names. They exist while somebody does, or with
// keep for ever.
type topics struct {
	keep, keyFrames bool
	limit           int

	mu  sync.Mutex
	all map[string]*topic
}

// topic passes messages on.
type topic struct {
	name  string
	users int // topics.mu

	mu      sync.Mutex
	takers  map[taker]struct{}
	program *program  // with keyFrames
	kept    []Message // with keep
}

// join returns a topic for one more user, nil where limited and there are too many.
func (ts *topics) join(name string, limited bool) *topic {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	t := ts.all[name]
	if t == nil {
		if limited && len(ts.all) >= ts.limit {
			return nil
		}
		t = &topic{name: name, takers: map[taker]struct{}{}}
		if ts.keyFrames {
			t.program = &program{}
		}
		ts.all[name] = t
	}
	t.users++
	return t
}

func (ts *topics) leave(t *topic) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	if t.users--; t.users == 0 && !ts.keep {
		delete(ts.all, t.name)
	}
}

func (ts *topics) count() int {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	return len(ts.all)
}

// publish gives a message to all but who sent it.
func (ts *topics) publish(t *topic, from taker, m Message) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if ts.keep {
		t.kept = append(t.kept, m)
	}
	if t.program != nil {
		t.program.mark(&m)
	}
	for taker := range t.takers {
		if taker != from {
			taker.put(m)
		}
	}
}

// give begins with what was kept.
func (t *topic) give(to taker, past bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.takers[to] = struct{}{}
	if past {
		to.put(t.kept...)
	}
}

func (t *topic) stop(to taker) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.takers, to)
}

// Subscription is every message that arrives on one topic, in order and
// without loss or bound. It is for one goroutine at a time.
type Subscription struct {
	topics *topics
	topic  *topic
	once   sync.Once
	ready  chan struct{} // capacity 1

	mu      sync.Mutex
	waiting []Message
}

// Subscribe begins with what has been kept if Config.Keep is set, else with
// the next message. It goes on across restarts; Close ends it.
func (ts *topics) Subscribe(name string) *Subscription {
	s := &Subscription{topics: ts, topic: ts.join(name, false), ready: make(chan struct{}, 1)}
	s.topic.give(s, true)
	return s
}

func (s *Subscription) put(messages ...Message) {
	s.mu.Lock()
	s.waiting = append(s.waiting, messages...)
	s.mu.Unlock()
	select {
	case s.ready <- struct{}{}:
	default:
	}
}

// Next waits for the next message. Its error is that of ctx.
func (s *Subscription) Next(ctx context.Context) (Message, error) {
	for {
		s.mu.Lock()
		if len(s.waiting) > 0 {
			m := s.waiting[0]
			s.waiting[0] = Message{}
			s.waiting = s.waiting[1:]
			s.mu.Unlock()
			return m, nil
		}
		s.mu.Unlock()
		select {
		case <-s.ready:
		case <-ctx.Done():
			return Message{}, ctx.Err()
		}
	}
}

// Drain returns what is waiting, without waiting for more.
func (s *Subscription) Drain() []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	waiting := s.waiting
	s.waiting = nil
	return waiting
}

// Close ends the subscription; what is waiting can still be had.
func (s *Subscription) Close() {
	s.once.Do(func() {
		s.topic.stop(s)
		s.topics.leave(s.topic)
	})
}
