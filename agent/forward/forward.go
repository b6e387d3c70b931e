// Package forward makes links of the destination rules: a Forwarder keeps what of
// them has not changed, and starts, replaces and ends the rest. Each destination
// has one queue and one writer. It must not know how a rule comes in, nor what is
// told of it.
package forward

import (
	"context"
	"log/slog"
	"slices"
	"sync"

	"vw/agent/link"
	"vw/agent/status"
	"vw/command"
	"vw/media"
)

// Config is what the room needs of the agent around it.
type Config struct {
	Router *media.Router
	Dialer *link.Dialer
	Folder Folder
	// LocalOnly lets only rules of this machine record.
	LocalOnly bool
	Log       *slog.Logger
}

// A Folder opens recordings. It may block, as disks do.
type Folder interface {
	Record(file string) (*media.Recording, error)
}

// A Forwarder makes the links of the destination rules. Its methods may be called
// from anywhere.
type Forwarder struct {
	Config
	opening  chan struct{}   // capacity 1: held while a file is being opened
	ctx      context.Context // of links and recordings
	end      context.CancelFunc
	children sync.WaitGroup // links and recordings

	mu           sync.Mutex
	ended        bool
	destinations map[string]*destination
	streams      map[string][]string // the rules in force
}

// New returns a forwarder without rules. Close has to be called.
func New(c Config) *Forwarder {
	f := &Forwarder{Config: c, opening: make(chan struct{}, 1), destinations: map[string]*destination{}}
	f.ctx, f.end = context.WithCancel(context.Background())
	return f
}

// Withdraw ends what rules that are about to come into force leave out: destinations,
// and links to a place that a rule has left, which carry on until the new place is
// reached, where the stream is made of something else now. That was never to be seen there.
func (f *Forwarder) Withdraw(rules command.Rules) *media.PendingWrites {
	f.mu.Lock()
	defer f.mu.Unlock()
	pending := &media.PendingWrites{}
	for id, d := range f.destinations {
		rule, wanted := rules.Destinations[id]
		switch name := rule.Stream; {
		case !wanted:
			pending.Join(d.remove()...)
			delete(f.destinations, id)
		case !slices.Equal(f.streams[name], rules.Streams[name]):
			d.leave(target(rule))
		}
	}
	f.streams = rules.Streams
	return pending
}

// Apply makes rules the ones in force, after Withdraw, and takes what was admitted for them over.
// It does not wait for anything: what has to be waited for before the change can
// be called done, it returns.
func (f *Forwarder) Apply(rules map[string]command.Destination, admitted Admissions) *media.PendingWrites {
	f.mu.Lock()
	defer f.mu.Unlock()
	pending := &media.PendingWrites{}
	if f.ended {
		admitted.Undo()
		return pending
	}
	for id, rule := range rules {
		if id == command.APIRule {
			continue
		}
		a, anew := admitted[id]
		switch d := f.destinations[id]; {
		case d == nil:
			f.destinations[id] = f.add(rule, a)
		case !d.goesOn(rule):
			pending.Join(d.remove()...)
			f.destinations[id] = f.add(rule, a)
		case anew || d.rule != rule:
			pending.Join(d.change(rule, a, anew)...)
		}
	}
	return pending
}

// Close ends all links and recordings, and waits for that. What waits to be
// recorded is written first. No rule comes into force any more.
func (f *Forwarder) Close() {
	f.mu.Lock()
	f.ended = true
	f.mu.Unlock()
	f.end()
	f.children.Wait()
}

// Info returns the state of every destination, by the rule's id.
func (f *Forwarder) Info() map[string]status.Destination {
	f.mu.Lock()
	defer f.mu.Unlock()
	all := make(map[string]status.Destination, len(f.destinations))
	for id, d := range f.destinations {
		all[id] = d.info()
	}
	return all
}
