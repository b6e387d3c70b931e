package agent

import (
	"cmp"
	"context"
	"fmt"
	"sync"
	"time"

	"vw/agent/link"
	"vw/agent/status"
	"vw/command"
	"vw/media"
)

const (
	// replaceWithin is how long the old link of a changed rule may carry on.
	replaceWithin = 10 * time.Second
	// maxIncoming bounds a message that comes in on a destination's link, bytes.
	maxIncoming = 1 << 20
)

// A destination carries what one rule selects to one place. It has one queue
// and at any time one writer, which moves from link to link when the rule's
// URL changes: no packet is lost between two links, and none is sent twice.
type destination struct {
	forward *forward
	sub     *media.Subscriber

	mu      sync.Mutex
	rule    command.Destination
	idle    error    // why a saved rule is not acted upon; it has no link then
	noRec   error    // why a saved rule is not recorded
	present *carrier // the link of the rule
	former  *carrier // the link of the rule before, while it still carries
	writing *carrier // whose link is up and carries
	leaving *carrier // the one before, while its last message is under way
	giveUp  *time.Timer
	record  *recorder
}

// A carrier is a link of a destination, and its writer.
type carrier struct {
	*link.Link
	destination *destination
	target      link.Target
	cancel      context.CancelFunc // ends the link
	stop        context.CancelFunc // ends the writer; set while it writes
	ended       chan struct{}      // closed when it has ended
	conn        *link.Conn
}

// Next returns what the link dials next.
func (k *carrier) Next() (t link.Target, reset bool) { return k.target, false }

// Serve writes while the link is up.
func (k *carrier) Serve(life context.Context, c *link.Conn) error {
	return k.destination.carry(life, k, c)
}

// Receive hands on what comes in.
func (k *carrier) Receive(_ *link.Conn, data []byte, isText bool) {
	k.destination.receive(k, data, isText)
}

// dial starts a link for the rule. The caller holds the lock.
func (d *destination) dial() {
	ctx, cancel := context.WithCancel(d.forward.ctx)
	k := &carrier{destination: d, target: ruleTarget(d.rule), cancel: cancel}
	k.Link = &link.Link{Dialer: d.forward.dialer, Session: k, SlowAfterRefusal: true, Limit: maxIncoming,
		Log: d.forward.log.With("id", d.rule.ID)}
	d.present = k
	d.forward.links.Go(func() { k.Run(ctx) })
}

// redial puts a link to the changed rule's URL in place of the present one,
// which goes on while it carries and until the new one does: for ten seconds
// at most. The caller holds the lock.
func (d *destination) redial() {
	if d.present != nil && d.present != d.writing {
		d.present.cancel()
	}
	if former := d.writing; former != nil {
		if d.former != former { // else its time is running already
			d.former, d.giveUp = former, time.AfterFunc(replaceWithin, former.cancel)
		}
		if former.target == ruleTarget(d.rule) && d.giveUp.Stop() {
			d.present, d.former = former, nil // changed back before the other was up
			return
		}
	}
	d.dial()
}

// carry serves a link that has come up: it writes, until the link is lost or
// another one has taken over, and stays until the link's life ends.
func (d *destination) carry(life context.Context, k *carrier, c *link.Conn) error {
	ctx, stop := context.WithCancel(life)
	defer stop()
	if d.begin(k, c, stop) {
		err := d.write(ctx, k, c)
		d.end(k)
		if err != nil {
			return err
		}
	}
	<-life.Done()
	return context.Cause(life)
}

// write sends what waits in the queue, until ctx ends or the rule is deleted.
func (d *destination) write(ctx context.Context, k *carrier, c *link.Conn) error {
	dropped := d.sub.Info().Dropped
	var told time.Time
	for ctx.Err() == nil {
		m, err := d.sub.Take(ctx)
		if err != nil {
			return nil
		}
		err = c.Write(m.Text, m.Parts...)
		d.sub.Done(err == nil)
		if err != nil {
			return fmt.Errorf("write: %w", err)
		}
		now := time.Now()
		if now.Sub(told) < time.Second {
			continue
		}
		told = now
		if n := d.sub.Info().Dropped; n != dropped {
			k.Log.Warn("queue was full, packets dropped", "packets", n-dropped)
			dropped = n
		}
	}
	return nil
}

// begin makes k the one that writes. Where another link still carried, its
// writer stops between two messages and k goes on where it stopped; else what
// came in meanwhile is not sent, but the fast start is. It is false where the
// rule has changed since: then the link before has to carry on for the next one.
func (d *destination) begin(k *carrier, c *link.Conn, stop context.CancelFunc) bool {
	d.mu.Lock()
	if d.present != k {
		d.mu.Unlock()
		return false
	}
	before := d.writing
	d.leaving = before
	d.writing, k.stop, k.conn, k.ended = k, stop, c, make(chan struct{})
	d.former = nil
	if d.giveUp != nil {
		d.giveUp.Stop()
	}
	d.mu.Unlock()
	if before == nil {
		d.sub.Start()
		return true
	}
	before.stop()
	slow := time.AfterFunc(handOver, before.conn.Abort)
	<-before.ended
	slow.Stop()
	return true
}

// handOver is how long a message that is being written to the old link may
// hold up the new one.
const handOver = 2 * time.Second

func (d *destination) end(k *carrier) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.writing == k {
		d.writing = nil
		d.sub.Stop()
	}
	if d.former == k {
		d.former = nil
	}
	if d.leaving == k {
		d.leaving = nil
	}
	if d.present != k {
		k.cancel() // no longer the rule's: not to be dialled again
	}
	close(k.ended)
}

// cut ends a write that is under way: during a hand-over the old link's, since
// the new one writes nothing before that has ended.
func (d *destination) cut() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if k := cmp.Or(d.leaving, d.writing); k != nil {
		k.conn.Abort()
	}
}

// receive hands what comes in on the link to this machine's readers of the
// same name, and to nobody else.
func (d *destination) receive(k *carrier, data []byte, isText bool) {
	if data == nil {
		k.Log.Warn("message too long, not passed on", "limit", maxIncoming)
		return
	}
	d.mu.Lock()
	name := d.rule.Stream
	d.mu.Unlock()
	d.forward.router.Deliver(name, data, isText)
}

func (d *destination) info() status.Destination {
	d.mu.Lock()
	defer d.mu.Unlock()
	i := status.Destination{Stream: d.rule.Stream, Destination: d.rule.Destination, Queue: d.sub.Info()}
	if d.idle != nil {
		i.Info = link.Info{State: link.Idle, LastError: d.idle.Error(), ErrorCode: link.CodeOf(d.idle)}
	} else {
		i.Info = d.present.Info()
	}
	if d.former != nil {
		f := d.former.Info()
		i.Former = &f
	}
	if d.record != nil {
		r := d.record.Info()
		i.Recording = &r
	} else if d.noRec != nil {
		i.Recording = &media.RecordingInfo{File: d.rule.File, Error: d.noRec.Error()}
	}
	return i
}
