package testrelay

import (
	"log/slog"
	"sync"
	"time"
)

const (
	// startWait is how long somebody who joins waits for a random access point.
	startWait = 2 * time.Second
	// maxJoined bounds a message that is made of several, in bytes.
	maxJoined = 64 << 10
	// tellEvery is the least time between two lines on a client that is slow.
	tellEvery = 10 * time.Second
)

// queue holds the messages that wait for one client: limit bytes at most, or
// one message if that is longer. When it is full the oldest are dropped, or with
// keyFrames all packets up to the next random access point, so putting never
// waits, whatever the client does.
type queue struct {
	limit     int
	keyFrames bool
	counters  *counters
	log       *slog.Logger
	ready     chan struct{} // capacity 1: there is something to pop

	mu       sync.Mutex
	messages []Message
	bytes    int
	started  bool      // with keyFrames: it has got a random access point
	since    time.Time // when the first packet came that it has not got
	told     time.Time
}

// put adds messages together: a reader that glues finds them together.
func (q *queue) put(messages ...Message) {
	q.mu.Lock()
	for _, m := range messages {
		if q.keyFrames && m.packets && !q.started && !q.enter(&m) {
			continue
		}
		q.messages = append(q.messages, m)
		q.bytes += len(m.Data)
	}
	if q.bytes > q.limit && len(q.messages) > 1 {
		q.overflow()
	}
	q.mu.Unlock()
	select {
	case q.ready <- struct{}{}:
	default:
	}
}

// enter reports whether a client begins with m, and cuts off what is before the
// random access point.
func (q *queue) enter(m *Message) bool {
	if q.since.IsZero() {
		q.since = m.At
	}
	if m.start == nil && m.At.Sub(q.since) < startWait {
		return false
	}
	if m.start != nil {
		m.Data = m.start
	}
	q.started = true
	return true
}

// overflow makes room.
func (q *queue) overflow() {
	last := q.messages[len(q.messages)-1]
	before := len(q.messages)
	if q.keyFrames && last.packets {
		clear(q.messages)
		q.messages, q.bytes = q.messages[:0], 0
		q.started, q.since = false, time.Time{}
	}
	for q.bytes > q.limit && len(q.messages) > 1 {
		q.shift()
	}
	q.counters.dropped.Add(before - len(q.messages))
	if last.At.Sub(q.told) > tellEvery {
		q.told = last.At
		q.log.Warn("dropped messages: a client is too slow", "limit", q.limit)
	}
}

// pop takes the oldest message. With keyFrames packets that wait behind packets
// come joined; with glue messages of one type, with a newline between them.
func (q *queue) pop(glue bool) (Message, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.messages) == 0 {
		return Message{}, false
	}
	m, separator, joined := q.shift(), "", false
	if glue {
		separator = "\n"
	}
	for len(q.messages) > 0 && q.joins(m, q.messages[0], glue) {
		if !joined {
			m.Data, joined = append([]byte(nil), m.Data...), true // others hold the original
		}
		m.Data = append(append(m.Data, separator...), q.shift().Data...)
	}
	return m, true
}

// joins reports whether next may go into one message with m.
func (q *queue) joins(m, next Message, glue bool) bool {
	return glue && next.Type == m.Type ||
		q.keyFrames && m.packets && next.packets && len(m.Data)+len(next.Data) <= maxJoined
}

func (q *queue) shift() Message {
	m := q.messages[0]
	q.messages[0] = Message{}
	q.messages = q.messages[1:]
	q.bytes -= len(m.Data)
	return m
}
