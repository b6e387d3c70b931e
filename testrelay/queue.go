package testrelay

import "sync"

// queue holds the messages that wait for one client: limit bytes at most, or
// one message if that is longer. When it is full the oldest are dropped, so
// putting never waits, whatever the client does.
type queue struct {
	limit int
	ready chan struct{} // capacity 1: there is something to pop

	mu       sync.Mutex
	messages []Message
	bytes    int
}

// put adds messages together: a reader that glues finds them together.
func (q *queue) put(messages ...Message) {
	q.mu.Lock()
	for _, m := range messages {
		q.messages = append(q.messages, m)
		q.bytes += len(m.Data)
	}
	for q.bytes > q.limit && len(q.messages) > 1 {
		q.shift()
	}
	q.mu.Unlock()
	select {
	case q.ready <- struct{}{}:
	default:
	}
}

// pop takes the oldest message, glued to those of its type that follow it if
// glue is set.
func (q *queue) pop(glue bool) (Message, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.messages) == 0 {
		return Message{}, false
	}
	m := q.shift()
	if !glue || len(q.messages) == 0 || q.messages[0].Type != m.Type {
		return m, true
	}
	m.Data = append([]byte(nil), m.Data...) // others hold the original
	for len(q.messages) > 0 && q.messages[0].Type == m.Type {
		m.Data = append(append(m.Data, '\n'), q.shift().Data...)
	}
	return m, true
}

func (q *queue) shift() Message {
	m := q.messages[0]
	q.messages[0] = Message{}
	q.messages = q.messages[1:]
	q.bytes -= len(m.Data)
	return m
}
