// Package state keeps what outlives the program: the rules, the command channel's
// endpoints, and the owner's mutes and lock. A Store writes it to one file, which
// is whole whenever the program or the machine stops. It must not know what a rule
// does, nor who changes it.
package state

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"
)

// saveTimeout is how long a save is waited for: a disk that hangs must not hold
// commands up.
const saveTimeout = 2 * time.Second

var errHangs = errors.New("the disk of the state file does not answer: what is new is saved when it does")

// Config says where the state is, and whose it is.
type Config struct {
	// Path is the file. Defaults to none: then nothing outlives the program.
	Path string
	// Source tells what is in force.
	Source Source
	Log    *slog.Logger
	disk   disk // nil: the machine's
}

// A Source tells what is in force. It is asked from the Store's own goroutine,
// and may block.
type Source interface{ Snapshot() Snapshot }

// A Store writes the newest state to a disk that may hang. Its methods may be
// called from anywhere.
type Store struct {
	source Source
	log    *slog.Logger
	file   *file // nil: none

	mu             sync.Mutex
	asked, written uint64        // saves
	forced         uint64        // the last one that is to be on the disk when it is written
	err            error         // of the last write; errHangs while one hangs
	ended          chan struct{} // closed when a write has ended
	idle           chan struct{} // closed when all that was asked has been written; nil: it is
}

// Open returns a store and what it holds. Run has to be called.
func Open(c Config) (*Store, Snapshot, error) {
	s := &Store{source: c.Source, log: c.Log}
	if c.Path == "" {
		return s, Snapshot{}, nil
	}
	if c.disk == nil {
		c.disk = machine{}
	}
	f, err := newFile(c.Path, c.disk, c.Log)
	if err != nil {
		return nil, Snapshot{}, err
	}
	s.file = f
	held, err := f.load()
	return s, held, err
}

// Keeps reports whether there is a file.
func (s *Store) Keeps() bool { return s.file != nil }

// Run forces what is written to the disk, until ctx ends and once more then. A
// disk that hangs is waited for 2 s at the end: what it holds up ends with the
// program.
func (s *Store) Run(ctx context.Context) {
	if s.file == nil {
		return
	}
	synced := make(chan struct{})
	go func() {
		defer close(synced)
		s.file.keepSynced(ctx)
		s.await()
		s.file.sync()
	}()
	<-ctx.Done()
	timer := time.NewTimer(saveTimeout)
	defer timer.Stop()
	select {
	case <-synced:
	case <-timer.C:
	}
}

// await returns when nothing is written any more.
func (s *Store) await() {
	s.mu.Lock()
	idle := s.idle
	s.mu.Unlock()
	if idle != nil {
		<-idle
	}
}

// Save returns when what is in force now is written, or the disk hangs. The end of the
// program does not undo it then.
func (s *Store) Save() error { return s.save(false) }

// Force is Save for what a power cut must not undo either.
func (s *Store) Force() error { return s.save(true) }

func (s *Store) save(force bool) error {
	if s.file == nil {
		return nil
	}
	timer := time.NewTimer(saveTimeout)
	defer timer.Stop()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked++
	mine := s.asked
	if force {
		s.forced = mine
	}
	if s.idle == nil {
		s.ended, s.idle = make(chan struct{}), make(chan struct{})
		go s.write() // Run awaits it
	}
	for s.written < mine && !errors.Is(s.err, errHangs) {
		ended := s.ended
		s.mu.Unlock()
		select {
		case <-ended:
			s.mu.Lock()
		case <-timer.C:
			s.mu.Lock()
			if s.written < mine {
				s.fail(errHangs)
			}
		}
	}
	return s.err
}

// write writes until nothing newer is there.
func (s *Store) write() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.written < s.asked {
		n, force := s.asked, s.forced > s.written
		s.mu.Unlock()
		err := s.file.write(s.source.Snapshot(), force)
		s.mu.Lock()
		s.written = n
		s.fail(err)
		close(s.ended)
		s.ended = make(chan struct{})
	}
	close(s.idle)
	s.idle = nil
}

// fail notes an error, nil for none, and logs where it begins and ends.
func (s *Store) fail(err error) {
	if err != nil && s.err == nil {
		s.log.Error("state not saved: a restart would lose it", "err", err)
	} else if err == nil && s.err != nil {
		s.log.Info("state is saved again")
	}
	s.err = err
}

// Err returns why the newest state is not saved, nil where it is.
func (s *Store) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}
