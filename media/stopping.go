package media

import (
	"context"
	"time"
)

// stopWithin is how long a write that holds packets of what was removed may
// go on before it is cut.
const stopWithin = 100 * time.Millisecond

// Stopping is what a change of rules has to wait for: writes that had begun and
// that hold packets of what was removed. No further one begins.
type Stopping struct {
	writes []write
}

type write struct {
	ended <-chan struct{}
	cut   func()
}

func (s *Stopping) add(sub *Subscriber, busy <-chan struct{}) {
	if busy != nil {
		s.writes = append(s.writes, write{busy, sub.cut})
	}
}

// Join adds what others wait for.
func (s *Stopping) Join(others ...*Stopping) {
	for _, o := range others {
		s.writes = append(s.writes, o.writes...)
	}
}

// Wait returns when all the writes have ended, after 100 ms at most; those that
// have not ended by then it cuts.
func (s *Stopping) Wait(ctx context.Context) {
	if len(s.writes) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, stopWithin)
	defer cancel()
	for _, w := range s.writes {
		select {
		case <-w.ended:
		case <-ctx.Done():
			select {
			case <-w.ended:
			default:
				w.cut()
			}
		}
	}
}
