package media

import "context"

// maxDirect is how many bytes who brings a chunk writes himself, to all readers
// together. Where there is more, their own goroutines share it among the processors.
const maxDirect = 1 << 20

// A Writer is where messages of a subscriber go.
type Writer interface {
	// Write writes a message, and may wait.
	Write(m Message) error
	// TryWrite writes what it can of a message without waiting, and reports
	// whether that is all. If not, Write is called next, with the same message, for
	// the rest.
	TryWrite(m Message) (all bool)
}

// Forward writes to w until ctx ends, the subscription is closed or a write fails,
// whose error it returns. While nothing waits, who brings a chunk calls TryWrite
// himself: to wake another goroutine costs more than to write.
func (s *Subscriber) Forward(ctx context.Context, w Writer) error {
	q := s.queue
	q.setWriter(w)
	for ctx.Err() == nil {
		m, err := q.take(ctx)
		if err != nil {
			break
		}
		if err = q.write(w, m); err != nil {
			return err
		}
	}
	if m, begun := q.setWriter(nil); begun {
		return q.write(w, m)
	}
	return nil
}

func (q *queue) write(w Writer, m Message) error {
	err := w.Write(m)
	if err != nil {
		q.setWriter(nil) // so that nobody tries it before it is replaced
	}
	q.done(err == nil)
	return err
}

// setWriter says who is tried from now on, nil for nobody. It returns the message
// that the one before has begun.
func (q *queue) setWriter(w Writer) (m Message, begun bool) {
	q.trying.Lock()
	defer q.trying.Unlock()
	q.mu.Lock()
	defer q.mu.Unlock()
	q.writer = w
	if !q.begun {
		return Message{}, false
	}
	q.begun = false
	return q.message(), true
}

// flush has what waits written: at once, if nothing is being written and the writer
// need not wait, else by who takes.
func (q *queue) flush() {
	if q.trying.TryLock() {
		defer q.trying.Unlock()
		if q.tryWrite() {
			return
		}
	}
	q.signal()
}

// tryWrite reports whether nothing is left to be written.
func (q *queue) tryWrite() (all bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.writer != nil && !q.closed && len(q.out) == 0 && len(q.items.all()) > 0 {
		m := q.handOut()
		q.mu.Unlock()
		written := q.writer.TryWrite(m)
		q.mu.Lock()
		if q.begun = !written; written {
			q.finish(true)
		}
	}
	return !q.begun && len(q.items.all()) == 0
}

// flush has a chunk of so many bytes written that has been pushed to readers.
func flush(readers [][]*Subscriber, size int) {
	n := 0
	for _, subs := range readers {
		n += len(subs)
	}
	for _, subs := range readers {
		for _, s := range subs {
			if n*size <= maxDirect {
				s.queue.flush()
			} else {
				s.queue.signal()
			}
		}
	}
}
