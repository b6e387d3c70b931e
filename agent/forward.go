package agent

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"vw/agent/link"
	"vw/command"
	"vw/media"
)

// A forward makes the destination rules' links: it keeps those of rules that
// have not changed, and starts, replaces and ends the others.
type forward struct {
	router    *media.Router
	dialer    *link.Dialer
	log       *slog.Logger
	folder    string // of recordings
	localOnly bool   // the owner named no folder: only rules of this machine record

	ctx       context.Context // of the links
	recording context.Context // of the recordings
	links     sync.WaitGroup
	records   sync.WaitGroup

	mu           sync.Mutex
	ended        bool
	destinations map[string]*destination
	opened       map[string]*media.Recording // for rules that are about to be in force
	idle         map[string]error            // saved rules that may not be acted upon any more, and why
}

var errRecordingNotAllowed = errors.New("the owner of this machine does not let the command channel record: " +
	"VW_RECORD_DIR has to be set there, or leave file out")

// admit says in words why a rule is not acted upon, and opens its file.
func (f *forward) admit(rule command.Destination) error {
	if err := f.dialer.Policy.Check(ruleTarget(rule)); err != nil {
		return err
	}
	f.mu.Lock()
	d := f.destinations[rule.ID]
	f.mu.Unlock()
	if rule.File != "" && f.localOnly && !rule.Local {
		return errRecordingNotAllowed
	}
	if rule.File == "" || d != nil && d.records(rule.File) {
		return nil
	}
	rec, err := media.Record(f.folder, rule.File)
	if err != nil {
		return fmt.Errorf("file %q: %w", rule.File, err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.opened[rule.ID] = rec
	return nil
}

// apply makes rules the ones in force. It does not wait for anything: what has
// to be waited for before the change can be called done, it returns.
func (f *forward) apply(rules map[string]command.Destination) *media.Stopping {
	f.mu.Lock()
	defer f.mu.Unlock()
	stopping := &media.Stopping{}
	if f.ended {
		return stopping
	}
	for id, d := range f.destinations {
		if _, wanted := rules[id]; !wanted {
			stopping.Join(d.remove()...)
			delete(f.destinations, id)
		}
	}
	for id, rule := range rules {
		if id == apiRule {
			continue
		}
		if d := f.destinations[id]; d != nil {
			stopping.Join(d.change(rule, f.opened[id])...)
		} else {
			f.destinations[id] = f.add(rule, f.opened[id])
		}
		delete(f.opened, id)
	}
	return stopping
}

func (f *forward) add(rule command.Destination, rec *media.Recording) *destination {
	d := &destination{forward: f, rule: rule}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.sub = f.router.Subscribe(media.Subscription{Name: rule.Stream, OfStream: rule.OfStream, Cut: d.cut})
	if d.idle = f.idle[rule.ID]; d.idle != nil {
		delete(f.idle, rule.ID)
		f.log.Error("saved rule is not allowed any more: idle", "id", rule.ID, "err", d.idle)
		return d
	}
	d.setFile(rec)
	d.dial()
	return d
}

// records says that the destination writes to file now.
func (d *destination) records(file string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.record != nil && d.record.file == file && d.record.Info().Error == ""
}

// change puts another rule of the same id in force.
func (d *destination) change(rule command.Destination, rec *media.Recording) (stopping []*media.Stopping) {
	d.mu.Lock()
	defer d.mu.Unlock()
	before := d.rule
	if before == rule {
		return nil
	}
	d.rule = rule
	wasIdle := d.idle != nil
	d.idle = nil
	stopping = append(stopping, d.sub.Follow(rule.Stream, rule.OfStream))
	if rec != nil || rule.File == "" {
		stopping = append(stopping, d.setFile(rec))
	} else if d.record != nil {
		stopping = append(stopping, d.record.sub.Follow(rule.Stream, rule.OfStream))
	}
	if wasIdle || ruleTarget(before) != ruleTarget(rule) {
		d.redial()
	}
	return stopping
}

// setFile ends the recording, and begins the one that the rule wants, if any.
func (d *destination) setFile(rec *media.Recording) *media.Stopping {
	stopping := &media.Stopping{}
	if d.record != nil {
		stopping = d.record.sub.Close()
		d.record = nil
	}
	if rec != nil {
		d.record = d.forward.record(rec, d.rule.File, d.rule.Stream, d.rule.OfStream,
			d.forward.log.With("id", d.rule.ID))
	}
	return stopping
}

// remove cuts the destination off.
func (d *destination) remove() []*media.Stopping {
	d.mu.Lock()
	defer d.mu.Unlock()
	stopping := []*media.Stopping{d.sub.Close(), d.setFile(nil)}
	for _, k := range []*carrier{d.present, d.former} {
		if k != nil {
			k.cancel()
		}
	}
	if d.giveUp != nil {
		d.giveUp.Stop()
	}
	return stopping
}

// close ends all links and recordings, and waits for that. What waits to be
// recorded is written first.
func (f *forward) close(endLinks, endFiles context.CancelFunc) {
	f.mu.Lock()
	f.ended = true
	f.mu.Unlock()
	endLinks()
	endFiles()
	f.links.Wait()
	f.records.Wait()
}

func (f *forward) info() map[string]DestinationInfo {
	f.mu.Lock()
	defer f.mu.Unlock()
	all := make(map[string]DestinationInfo, len(f.destinations))
	for id, d := range f.destinations {
		all[id] = d.info()
	}
	return all
}
