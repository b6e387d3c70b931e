package channel

import (
	"context"
	"crypto/sha256"
	"slices"
	"sync"
	"time"
)

// Bounds of what is remembered of the messages that one of two twins brought.
const (
	twinTimeout = 30 * time.Second
	maxTwins    = 1000
)

// twins are two links of the command channel that lead to one topic: what comes
// in there comes in on both, and is to be run once.
type twins struct {
	mu   sync.Mutex
	seen []*sighting // oldest first
}

// A sighting is a message that has come in on one link alone so far.
type sighting struct {
	by   *endpoint
	sum  [sha256.Size]byte
	at   time.Time
	ran  chan struct{} // closed when it has been run
	done bool          // a command of it was done
	sent bool          // and all replies were sent
}

// run runs a message, but where the other link has brought and answered it. It
// reports whether a command of it was done, on either.
func (t *twins) run(ctx context.Context, by *endpoint, message []byte, run func() (done, sent bool)) bool {
	s := &sighting{by: by, sum: sha256.Sum256(message), at: time.Now(), ran: make(chan struct{})}
	t.mu.Lock()
	t.seen = slices.DeleteFunc(t.seen, func(o *sighting) bool { return time.Since(o.at) > twinTimeout })
	i := slices.IndexFunc(t.seen, func(o *sighting) bool { return o.by != by && o.sum == s.sum })
	if i < 0 {
		t.seen = append(t.seen[max(0, len(t.seen)+1-maxTwins):], s)
		t.mu.Unlock()
		defer close(s.ran)
		s.done, s.sent = run()
		return s.done
	}
	s = t.seen[i]
	t.seen = slices.Delete(t.seen, i, i+1)
	t.mu.Unlock()
	select {
	case <-s.ran:
	case <-ctx.Done():
		return false
	}
	if s.sent {
		return s.done
	}
	done, _ := run() // the other link was lost meanwhile
	return done || s.done
}
