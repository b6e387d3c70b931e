package media

import (
	"context"
	"time"
)

// abortAfter is how long a write that holds packets of what was removed may
// go on before it is cut.
const abortAfter = 100 * time.Millisecond

// spliceTimeout is how long what is replaced goes on at most, until what replaces
// it has begun.
const spliceTimeout = 2 * time.Second

// PendingWrites is what a change of rules has to wait for: what goes on until it is
// replaced, and writes that had begun and that hold packets of what was removed.
// No further one begins.
type PendingWrites struct {
	splices []splice
	writes  []write
}

// A splice is under way in a stream until ended is closed.
type splice struct {
	stream *stream
	ended  <-chan struct{}
}

type write struct {
	ended <-chan struct{}
	cut   func()
}

func (p *PendingWrites) add(sub *Subscriber, busy <-chan struct{}) {
	if busy != nil {
		p.writes = append(p.writes, write{busy, sub.cut})
	}
}

// Join adds what others wait for.
func (p *PendingWrites) Join(others ...*PendingWrites) {
	for _, o := range others {
		p.splices = append(p.splices, o.splices...)
		p.writes = append(p.writes, o.writes...)
	}
}

// Splice returns when what is replaced goes on no more, after 2 s at most: then,
// or when ctx ends, or at another change, it stops at once.
func (p *PendingWrites) Splice(ctx context.Context) {
	if len(p.splices) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, spliceTimeout)
	defer cancel()
	for _, x := range p.splices {
		select {
		case <-x.ended:
		case <-ctx.Done():
		}
	}
	p.Join(p.splices[0].stream.router.endSplices(p.splices))
	p.splices = nil
}

// endSplices ends splices that may still be under way, and takes what they removed
// out of the queues.
func (r *Router) endSplices(splices []splice) *PendingWrites {
	r.changing.Lock()
	defer r.changing.Unlock()
	change := &change{router: r}
	r.mu.RLock()
	for _, x := range splices {
		if r.streams[x.stream.name] == x.stream {
			change.streams([]*stream{x.stream})
		}
	}
	r.mu.RUnlock()
	return change.done()
}

// Wait is Splice, and then returns when all the writes have ended, after 100 ms at most; those that
// have not ended by then it cuts.
func (p *PendingWrites) Wait(ctx context.Context) {
	p.Splice(ctx)
	if len(p.writes) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, abortAfter)
	defer cancel()
	for _, w := range p.writes {
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
