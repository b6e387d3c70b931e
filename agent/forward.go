package agent

import (
	"context"
	"errors"
	"log/slog"
	"sync"

	"vw/agent/link"
	"vw/agent/status"
	"vw/command"
	"vw/media"
)

// A forward makes the destination rules' links: it keeps those of rules that
// have not changed, and starts, replaces and ends the others.
type forward struct {
	router    *media.Router
	dialer    *link.Dialer
	log       *slog.Logger
	folder    *media.Folder // of recordings
	localOnly bool          // the owner named no folder: only rules of this machine record
	disk      func()        // called before a file is opened there

	opening chan struct{} // capacity 1: held while a file is being opened

	ctx       context.Context // of the links
	recording context.Context // of the recordings
	links     sync.WaitGroup
	records   sync.WaitGroup

	mu           sync.Mutex
	ended        bool
	destinations map[string]*destination
	admitted     map[string]admission // rules that the next apply puts in force anew
}

// An admission is what a rule may do that is put in force.
type admission struct {
	refused error            // why a saved rule may not be acted upon any more; it has no link then
	rec     *media.Recording // its file, nil where it has none, or where that goes on
	noRec   error            // why a saved rule is not recorded
}

var errRecordingNotAllowed = errors.New("the owner of this machine does not let the command channel record: " +
	"VW_RECORD_DIR has to be set there, or leave file out")

// admit says in words why a rule is not acted upon, and opens its file.
func (f *forward) admit(rule command.Destination) error {
	if err := f.allowed(rule); err != nil {
		return err
	}
	rec, err := f.openFile(rule)
	if err == nil {
		f.mu.Lock()
		f.admitted[rule.ID] = admission{rec: rec}
		f.mu.Unlock()
	}
	return err
}

// admitSaved lets a rule in that was in force before the restart: one that may
// not be acted upon any more stays, idle; one whose file cannot be had is not
// recorded, but is sent.
func (f *forward) admitSaved(rule command.Destination) {
	a := admission{refused: f.allowed(rule)}
	if a.refused == nil {
		a.rec, a.noRec = f.openFile(rule)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.admitted[rule.ID] = a
}

func (f *forward) allowed(rule command.Destination) error {
	return f.dialer.Policy.Check(ruleTarget(rule))
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
		if id == command.APIRule {
			continue
		}
		a, admitted := f.admitted[id]
		switch d := f.destinations[id]; {
		case d == nil:
			f.destinations[id] = f.add(rule, a)
		case admitted || d.rule != rule:
			stopping.Join(d.change(rule, a, admitted)...)
		}
	}
	clear(f.admitted)
	return stopping
}

func (f *forward) add(rule command.Destination, a admission) *destination {
	d := &destination{forward: f, rule: rule}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.sub = f.router.Subscribe(media.Subscription{Name: rule.Stream, OfStream: rule.OfStream, Cut: d.cut})
	if d.idle = a.refused; d.idle != nil {
		f.log.Error("saved rule is not allowed any more: idle", "id", rule.ID, "err", d.idle)
		return d
	}
	if d.noRec = a.noRec; d.noRec != nil {
		f.log.Error("saved rule is not recorded: add it again to try again", "id", rule.ID, "err", d.noRec)
	}
	d.setFile(a.rec)
	d.dial()
	return d
}

// records says that the destination writes to file now.
func (d *destination) records(file string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.record != nil && d.record.file == file && d.record.Info().Error == ""
}

// change puts another rule of the same id in force, or what is missing of the
// same. An idle rule stays so until it is admitted.
func (d *destination) change(rule command.Destination, a admission, admitted bool) (stopping []*media.Stopping) {
	d.mu.Lock()
	defer d.mu.Unlock()
	before, wasIdle := d.rule, d.idle != nil
	d.rule = rule
	if before.Stream != rule.Stream || before.OfStream != rule.OfStream {
		stopping = append(stopping, d.sub.Follow(rule.Stream, rule.OfStream))
		if d.record != nil {
			stopping = append(stopping, d.record.sub.Follow(rule.Stream, rule.OfStream))
		}
	}
	if wasIdle && !admitted {
		return stopping
	}
	if admitted {
		d.idle, d.noRec = nil, nil
	}
	if a.rec != nil || rule.File == "" {
		stopping = append(stopping, d.setFile(a.rec))
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

func (f *forward) info() map[string]status.Destination {
	f.mu.Lock()
	defer f.mu.Unlock()
	all := make(map[string]status.Destination, len(f.destinations))
	for id, d := range f.destinations {
		all[id] = d.info()
	}
	return all
}
