package agent

import (
	"errors"
	"log/slog"
	"sync"
	"time"
)

// saveWithin is how long a save may take before it is not waited for: a disk
// that hangs must not hold commands up.
const saveWithin = 2 * time.Second

var errStateHangs = errors.New("the disk of the state file does not answer: what is new is saved when it does")

// A saver writes the newest state to a disk that may hang.
type saver struct {
	write func() error
	log   *slog.Logger

	mu             sync.Mutex
	asked, written uint64        // saves
	err            error         // of the last write; errStateHangs while one hangs
	ended          chan struct{} // closed when a write has ended
	idle           chan struct{} // closed when all that was asked has been; nil where it is
}

// save returns when what is in force now is written, or the disk hangs.
func (s *saver) save() error {
	timer := time.NewTimer(saveWithin)
	defer timer.Stop()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked++
	mine := s.asked
	if s.idle == nil {
		s.ended, s.idle = make(chan struct{}), make(chan struct{})
		go s.run() // end awaits it
	}
	for s.written < mine && s.err != errStateHangs {
		ended := s.ended
		s.mu.Unlock()
		select {
		case <-ended:
			s.mu.Lock()
		case <-timer.C:
			s.mu.Lock()
			if s.written < mine {
				s.err = errStateHangs
				s.log.Error("state not saved: a restart would lose it", "err", s.err)
			}
		}
	}
	return s.err
}

// run writes until nothing newer is there.
func (s *saver) run() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.written < s.asked {
		n := s.asked
		s.mu.Unlock()
		err := s.write()
		s.mu.Lock()
		s.written, s.err = n, err
		close(s.ended)
		s.ended = make(chan struct{})
	}
	close(s.idle)
	s.idle = nil
}

// end waits until nothing is written any more. A disk that hangs is not waited
// for: what it holds up ends with the program.
func (s *saver) end() {
	if s == nil {
		return
	}
	s.mu.Lock()
	idle := s.idle
	s.mu.Unlock()
	if idle == nil {
		return
	}
	timer := time.NewTimer(saveWithin)
	defer timer.Stop()
	select {
	case <-idle:
	case <-timer.C:
	}
}

// trouble is why the newest state is not saved, nil where it is.
func (s *saver) trouble() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}
