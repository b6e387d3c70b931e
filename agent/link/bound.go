package link

import (
	"context"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"
)

// What relays and whoever writes the rules can make of links together.
const (
	// dialEvery and dialBurst bound the dials to one host, whatever the rules
	// and ports are; the owner's are not counted. A thousand links to one relay
	// come up in 45 s.
	dialEvery = 50 * time.Millisecond
	dialBurst = 100
	// maxHosts is how many hosts are remembered that were dialled last.
	maxHosts = 1000
	// freeMessage is what each link may hold of a message that comes in, in
	// bytes; what is longer shares roomOfAll bytes.
	freeMessage = 8 << 10
	roomOfAll   = 32 << 20
	// roomTimeout bounds the wait for room, messageTimeout the whole message.
	roomTimeout    = 5 * time.Second
	messageTimeout = 20 * time.Second
)

// bounds are those of all links of a dialer together.
type bounds struct {
	room *semaphore.Weighted

	mu   sync.Mutex
	next map[string]time.Time // when a host's allowance is used up, were it dialled no more
}

func newBounds() *bounds {
	return &bounds{room: semaphore.NewWeighted(roomOfAll), next: map[string]time.Time{}}
}

// await waits until a host may be dialled again, and tells how long before. A
// wait that ctx ends takes nobody's turn.
func (b *bounds) await(ctx context.Context, host string, waiting func(time.Duration)) error {
	b.mu.Lock()
	now := time.Now()
	if len(b.next) >= maxHosts {
		for h, at := range b.next {
			if at.Before(now) {
				delete(b.next, h)
			}
		}
	}
	at := b.next[host]
	if at.Before(now) {
		at = now
	}
	at = at.Add(dialEvery)
	b.next[host] = at
	b.mu.Unlock()
	wait := at.Add(-dialBurst * dialEvery).Sub(now)
	if wait <= 0 {
		return nil
	}
	waiting(wait)
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		b.mu.Lock()
		defer b.mu.Unlock()
		b.next[host] = b.next[host].Add(-dialEvery)
		return ctx.Err()
	}
}
