package forward

import (
	"cmp"
	"context"
	"sync"
	"time"

	"vw/agent/link"
	"vw/agent/status"
	"vw/command"
	"vw/media"
)

const (
	// replaceTimeout is how long the old link of a changed rule may carry on.
	replaceTimeout = 10 * time.Second
	// handoverTimeout is how long a message that is being written to the old link
	// may hold up the new one.
	handoverTimeout = 2 * time.Second
)

// A destination sends what one rule selects to one place. It has one queue and at
// any time one writer, which moves from link to link when the rule's URL changes:
// no packet is lost between two links, and none is sent twice, where the stream stays
// what it is. A rule that has a file alone has a recorder, and no link.
type destination struct {
	forwarder *Forwarder
	sub       *media.Subscriber

	mu          sync.Mutex
	rule        command.Destination
	refused     error       // why a saved rule is not acted upon; it has no link then
	notRecorded error       // why a saved rule is not recorded
	current     *sender     // the link of the rule, nil where that has a file alone
	previous    *sender     // the link of the rule before, while it still carries
	active      *sender     // whose link is up and carries
	leaving     *sender     // the one before, while its last message is under way
	expiry      *time.Timer // of the previous one
	recorder    *recorder
}

// add returns the destination of a new rule.
func (f *Forwarder) add(rule command.Destination, a admission) *destination {
	d := &destination{forwarder: f, rule: rule}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.sub = f.Router.Subscribe(media.Subscription{Name: rule.Stream, OfStream: rule.OfStream, Cut: d.abort})
	if d.refused = a.refused; d.refused != nil {
		f.Log.Error("saved rule is not allowed any more: idle", "id", rule.ID, "err", d.refused)
		return d
	}
	if d.notRecorded = a.notRecorded; d.notRecorded != nil {
		f.Log.Error("saved rule is not recorded: add it again to try again", "id", rule.ID, "err", d.notRecorded)
	}
	d.setFile(a.recording)
	if rule.Destination != "" {
		d.dial()
	}
	return d
}

// change puts another rule of the same id in force, or what is missing of the
// same. A refused rule stays so until it is admitted.
func (d *destination) change(rule command.Destination, a admission, admitted bool) (pending []*media.PendingWrites) {
	d.mu.Lock()
	defer d.mu.Unlock()
	before, wasRefused := d.rule, d.refused != nil
	d.rule = rule
	if before.Stream != rule.Stream || before.OfStream != rule.OfStream {
		pending = append(pending, d.sub.Follow(rule.Stream, rule.OfStream))
		if d.recorder != nil {
			pending = append(pending, d.recorder.sub.Follow(rule.Stream, rule.OfStream))
		}
	}
	if wasRefused && !admitted {
		return pending
	}
	if admitted {
		d.refused, d.notRecorded = nil, nil
	}
	if a.recording != nil || rule.File == "" {
		pending = append(pending, d.setFile(a.recording))
	}
	if wasRefused || target(before) != target(rule) {
		d.redial()
	}
	return pending
}

// remove cuts the destination off.
func (d *destination) remove() []*media.PendingWrites {
	d.mu.Lock()
	defer d.mu.Unlock()
	pending := []*media.PendingWrites{d.sub.Close(), d.setFile(nil)}
	for _, s := range []*sender{d.current, d.previous} {
		if s != nil {
			s.cancel()
		}
	}
	if d.expiry != nil {
		d.expiry.Stop()
	}
	return pending
}

// setFile ends the recording, and begins the one that the rule wants, if any. The
// caller holds the lock.
func (d *destination) setFile(recording *media.Recording) *media.PendingWrites {
	pending := &media.PendingWrites{}
	if d.recorder != nil {
		pending = d.recorder.sub.Close()
		d.recorder = nil
	}
	if recording != nil {
		from := media.Subscription{Name: d.rule.Stream, OfStream: d.rule.OfStream}
		d.recorder = d.forwarder.record(recording, d.rule.File, from, d.forwarder.Log.With("id", d.rule.ID))
	}
	return pending
}

// goesOn reports whether the destination can be changed to a rule: a link neither
// comes to one that has none, nor goes, and no link that carries on for a while
// brings another stream to where no rule sends that.
func (d *destination) goesOn(rule command.Destination) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	another := d.rule.Stream != rule.Stream || d.rule.OfStream != rule.OfStream
	if another && (d.rule.Destination != rule.Destination || d.previous != nil) {
		return false
	}
	return (d.rule.Destination == "") == (rule.Destination == "")
}

// recordsTo reports whether the destination writes to file now.
func (d *destination) recordsTo(file string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.recorder != nil && d.recorder.file == file && d.recorder.Info().Error == ""
}

// dial starts a link for the rule. The caller holds the lock.
func (d *destination) dial() {
	ctx, cancel := context.WithCancel(d.forwarder.ctx)
	s := &sender{destination: d, target: target(d.rule), cancel: cancel}
	s.Link = &link.Link{Dialer: d.forwarder.Dialer, Session: s, SlowAfterRefusal: true, Limit: MaxIncoming,
		Log: d.forwarder.Log.With("id", d.rule.ID)}
	d.current = s
	d.forwarder.children.Go(func() { s.Run(ctx) })
}

// redial puts a link to the changed rule's URL in place of the current one,
// which goes on while it carries and until the new one does: for ten seconds
// at most. The caller holds the lock.
func (d *destination) redial() {
	if d.current != nil && d.current != d.active {
		d.current.cancel()
	}
	if previous := d.active; previous != nil {
		if d.previous != previous { // else its time is running already
			d.previous, d.expiry = previous, time.AfterFunc(replaceTimeout, previous.cancel)
		}
		if previous.target == target(d.rule) && d.expiry.Stop() {
			d.current, d.previous = previous, nil // changed back before the other was up
			return
		}
	}
	d.dial()
}

// leave ends links that carry to another place than this.
func (d *destination) leave(to link.Target) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.active == nil || d.active.target == to {
		return
	}
	d.active.cancel()
	d.active, d.previous = nil, nil
	if d.expiry != nil {
		d.expiry.Stop()
	}
	d.sub.Stop()
}

// abort ends a write that is under way: during a hand-over the old link's, since
// the new one writes nothing before that has ended.
func (d *destination) abort() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if s := cmp.Or(d.leaving, d.active); s != nil {
		s.conn.Abort()
	}
}

func (d *destination) info() status.Destination {
	d.mu.Lock()
	defer d.mu.Unlock()
	i := status.Destination{Stream: d.rule.Stream, Destination: d.rule.Destination, Queue: d.sub.Info()}
	switch {
	case d.refused != nil:
		i.Info = link.Info{State: link.Idle, LastError: d.refused.Error(), ErrorCode: link.CodeOf(d.refused)}
	case d.current == nil:
		i.Info = link.Info{State: link.None}
	default:
		i.Info = d.current.Info()
	}
	if d.previous != nil {
		f := d.previous.Info()
		i.Former = &f
	}
	if d.recorder != nil {
		r := d.recorder.Info()
		i.Recording = &r
	} else if d.notRecorded != nil {
		i.Recording = &media.RecordingInfo{File: d.rule.File, Error: d.notRecorded.Error()}
	}
	return i
}
