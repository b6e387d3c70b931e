package link

import (
	"math/rand/v2"
	"time"

	"github.com/jpillora/backoff"
)

const (
	// Between two dials a link waits for a time drawn evenly from minWait to a
	// bound that doubles from firstWait to MaxWait.
	minWait   = 100 * time.Millisecond
	firstWait = 500 * time.Millisecond
	// MaxWait is the longest wait between two dials, but after a refusal.
	MaxWait = 30 * time.Second
	// sharedWait takes the place of firstWait where a thousand agents lose their link
	// to one relay together: they come back spread over that time. Whoever is in
	// vain then waits for sharedWait at least, so that those who were not yet there
	// come first: ten thousand dial 700 times a second.
	sharedWait = 15 * time.Second
	// SteadyAfter is how long a link has to last to count as one that has come up.
	SteadyAfter = 10 * time.Second
	// refusedWait is how long a media link waits after its token was refused.
	refusedWait = 5 * time.Minute
)

// waits are those between the dials of one link.
type waits struct {
	growth backoff.Backoff
	shared bool
	lost   bool // a shared link was lost that had been steady, and none has been since
}

func newWaits(shared bool) *waits {
	return &waits{growth: backoff.Backoff{Min: firstWait, Max: MaxWait, Factor: 2}, shared: shared}
}

// reset begins with the shortest wait again.
func (w *waits) reset() { w.growth.Reset() }

// next returns how long to wait after a link that lasted so long, 0 for none.
func (w *waits) next(lasted time.Duration) time.Duration {
	steady := lasted >= SteadyAfter
	switch {
	case steady && w.shared:
		w.lost = true
		w.reset()
		return between(minWait, sharedWait)
	case w.lost:
		return between(sharedWait, MaxWait)
	case steady:
		w.reset()
	}
	return between(minWait, w.growth.Duration())
}

func between(least, most time.Duration) time.Duration { return least + rand.N(most-least) }
