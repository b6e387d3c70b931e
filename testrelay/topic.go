package testrelay

import (
	"context"
	"sync"
	"time"
)

// Message is one websocket message that arrived on a topic.
type Message struct {
	// Topic and Path are where it came in: "video0" and "/in/video0".
	Topic, Path string
	// Type is websocket.TextMessage or websocket.BinaryMessage.
	Type int
	// Data is shared with everybody who got the message: read it only.
	Data []byte
	// At is when its last byte had been read.
	At time.Time
}

// Subscription is every message that arrives on one topic, in order and
// without loss or bound. It is for one goroutine at a time.
type Subscription struct {
	relay *Relay
	topic string
	ready chan struct{} // capacity 1

	mu      sync.Mutex
	waiting []Message
}

// Subscribe begins with what has been kept if Config.Keep is set, else with
// the next message. It goes on across restarts; Close ends it.
func (r *Relay) Subscribe(topic string) *Subscription {
	s := &Subscription{relay: r, topic: topic, ready: make(chan struct{}, 1)}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.subs[s] = struct{}{}
	for _, m := range r.kept[topic] {
		s.put(m)
	}
	return s
}

func (s *Subscription) put(m Message) {
	s.mu.Lock()
	s.waiting = append(s.waiting, m)
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
	s.relay.mu.Lock()
	defer s.relay.mu.Unlock()
	delete(s.relay.subs, s)
}

// Send gives messages, of one websocket message type, to the clients of a
// path and all below it that take any, and says how many those are. With
// Faults.Glue they arrive as one.
func (r *Relay) Send(prefix string, messageType int, data ...[]byte) int {
	var messages []Message
	for _, d := range data {
		messages = append(messages, Message{Type: messageType, Data: d, At: time.Now()})
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	n := 0
	for _, c := range r.clientsUnder(prefix) {
		if c.up && c.takes {
			c.queue.put(messages...)
			n++
		}
	}
	return n
}

// take counts what a client sent and passes it on to everybody else.
func (r *Relay) take(from *client, m Message) {
	r.mu.Lock()
	defer r.mu.Unlock()
	from.visit.Messages++
	from.visit.Bytes += int64(len(m.Data))
	r.notify()
	f := r.faultsAt(from.path)
	if !from.gives || from.expired || f.Silent || f.Swallow {
		return
	}
	if r.cfg.Keep {
		r.kept[m.Topic] = append(r.kept[m.Topic], m)
	}
	for s := range r.subs {
		if s.topic == m.Topic {
			s.put(m)
		}
	}
	for c := range r.clients {
		if c != from && c.up && c.takes && c.topic == m.Topic {
			c.queue.put(m)
		}
	}
}

// manner is how a client is written to.
func (r *Relay) manner(c *client) (quiet, glue bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f := r.faultsAt(c.path)
	return c.expired || f.Silent, f.Glue
}
