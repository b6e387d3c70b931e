package agent

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"vw/command"
	"vw/media"
)

// A recorder writes what a rule selects to a file, whatever becomes of the
// rule's link.
type recorder struct {
	*media.Recording
	file string // as the rule names it
	sub  *media.Subscriber
}

// openWithin is how long a record folder may take to open a file: one on a disk
// that hangs must not hold commands up.
const openWithin = 2 * time.Second

// openFile opens the file of a rule that is to be in force; nil where it has
// none, or where the recording goes on.
func (f *forward) openFile(rule command.Destination) (*media.Recording, error) {
	f.mu.Lock()
	d := f.destinations[rule.ID]
	f.mu.Unlock()
	if rule.File != "" && f.localOnly && !rule.Local {
		return nil, errRecordingNotAllowed
	}
	if rule.File == "" || d != nil && d.records(rule.File) {
		return nil, nil
	}
	rec, err := f.open(rule.File)
	if err != nil {
		return nil, fmt.Errorf("file %q: %w", rule.File, err)
	}
	return rec, nil
}

var errHangs = errors.New("the disk of the record folder does not answer: see to it, then add the rule again")

// open opens a file. One that comes too late it throws away, and until then it
// opens no other.
func (f *forward) open(file string) (*media.Recording, error) {
	select {
	case f.opening <- struct{}{}:
	default:
		return nil, errHangs
	}
	type result struct {
		rec *media.Recording
		err error
	}
	opened, late := make(chan result), make(chan struct{})
	go func() {
		f.disk()
		rec, err := f.folder.Record(file)
		<-f.opening
		select {
		case opened <- result{rec, err}:
		case <-late:
			if rec != nil {
				_ = rec.Discard()
			}
		}
	}()
	timer := time.NewTimer(openWithin)
	defer timer.Stop()
	select {
	case r := <-opened:
		return r.rec, r.err
	case <-timer.C:
		close(late)
		return nil, errHangs
	}
}

// record starts to record. It goes on until the subscription is closed, or the
// context ends and what waits has been written.
func (f *forward) record(rec *media.Recording, file, stream string, ofStream bool, log *slog.Logger) *recorder {
	r := &recorder{rec, file, f.router.Subscribe(media.Subscription{Name: stream, OfStream: ofStream})}
	r.Lost = func(n uint64) {
		log.Warn("the disk is too slow: a hole in the recording", "file", rec.Info().File, "packets", n)
	}
	r.sub.Start()
	f.records.Go(func() {
		defer r.sub.Close()
		if err := r.Run(f.recording, r.sub); err != nil {
			log.Error("recording stopped", "file", r.Info().File, "err", err)
		}
	})
	return r
}
