package forward

import (
	"context"
	"fmt"
	"time"
	"unicode/utf8"

	"vw/agent/link"
	"vw/media"
)

// MaxIncoming bounds a message that comes in on a link of media, in bytes.
const MaxIncoming = 1 << 20

// A sender is a link of a destination, and its writer.
type sender struct {
	*link.Link
	destination *destination
	target      link.Target
	cancel      context.CancelFunc // ends the link
	stop        context.CancelFunc // ends the writer; set while it writes
	ended       chan struct{}      // closed when it has ended
	conn        *link.Conn
}

// Next returns what the link dials next.
func (s *sender) Next() (t link.Target, reset bool) { return s.target, false }

// Serve serves a link that has come up: it writes, until the link is lost or
// another one has taken over, and stays until the link's life ends.
func (s *sender) Serve(life context.Context, c *link.Conn) error {
	ctx, stop := context.WithCancel(life)
	defer stop()
	if s.begin(c, stop) {
		err := s.write(ctx)
		s.end()
		if err != nil {
			return err
		}
	}
	<-life.Done()
	return context.Cause(life)
}

// Receive hands what comes in on the link to this machine's readers of the same
// name, and to nobody else.
func (s *sender) Receive(_ *link.Conn, data []byte, isText bool) {
	switch {
	case data == nil:
		s.Log.Warn("message too long, not passed on", "limit", MaxIncoming)
		return
	case isText && !utf8.Valid(data):
		// RFC 6455, 8.1, would have the link fail: then whoever may write to the topic
		// could cut the picture.
		s.Log.Warn("text that is not UTF-8, not passed on")
		return
	}
	d := s.destination
	d.mu.Lock()
	name := d.rule.Stream
	d.mu.Unlock()
	d.forwarder.Router.Deliver(name, data, isText)
}

// write sends what waits in the queue, until ctx ends or the rule is deleted.
func (s *sender) write(ctx context.Context) error {
	sub := s.destination.sub
	if err := sub.Forward(ctx, &writer{sender: s, dropped: sub.Info().Dropped}); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	return nil
}

// A writer writes a sender's messages to its link, and logs what the queue drops.
type writer struct {
	*sender
	behind  bool // it has written a backlog since it looked
	looked  time.Time
	dropped uint64
}

// TryWrite leaves it to Write to look what has been dropped: a log may have to be
// waited for.
func (w *writer) TryWrite(m media.Message) bool {
	if w.behind && time.Since(w.looked) >= time.Second {
		return false
	}
	return w.conn.TryWrite(m.Text, m.Parts...)
}

func (w *writer) Write(m media.Message) error {
	if err := w.conn.Write(m.Text, m.Parts...); err != nil {
		return err
	}
	now := time.Now()
	if w.behind = now.Sub(w.looked) < time.Second; w.behind {
		return nil
	}
	w.looked = now
	if n := w.destination.sub.Info().Dropped; n != w.dropped {
		w.Log.Warn("queue was full, packets dropped", "packets", n-w.dropped)
		w.dropped = n
	}
	return nil
}

// begin makes s the one that writes. Where another link still carried, its
// writer stops between two messages and s goes on where it stopped; else what
// came in meanwhile is not sent, but the fast start is. It is false where the
// rule has changed since: then the link before has to carry on for the next one.
func (s *sender) begin(c *link.Conn, stop context.CancelFunc) bool {
	d := s.destination
	d.mu.Lock()
	if d.current != s {
		d.mu.Unlock()
		return false
	}
	before := d.active
	d.leaving = before
	d.active, s.stop, s.conn, s.ended = s, stop, c, make(chan struct{})
	d.previous = nil
	if d.expiry != nil {
		d.expiry.Stop()
	}
	d.mu.Unlock()
	if before == nil {
		d.sub.Start()
		return true
	}
	before.stop()
	late := time.AfterFunc(handoverTimeout, before.conn.Abort)
	<-before.ended
	late.Stop()
	return true
}

// end notes that s writes no more.
func (s *sender) end() {
	d := s.destination
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.active == s {
		d.active = nil
		d.sub.Stop()
	}
	if d.previous == s {
		d.previous = nil
	}
	if d.leaving == s {
		d.leaving = nil
	}
	if d.current != s {
		s.cancel() // no longer the rule's: not to be dialled again
	}
	close(s.ended)
}
