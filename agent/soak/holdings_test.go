package soak_test

import (
	"fmt"
	"net/http"
	"strings"
	"time"
)

// holdings are what a process holds, the least of some seconds: what is garbage is
// gone then, and no request under way.
type holdings struct {
	goroutines, files, heap, resident float64
}

const (
	// heapSlack is how much more the heap may be, in bytes: what Go's collector
	// leaves varies by some hundred thousand.
	heapSlack = 2 << 20
	// residentSlack is how much more of the process may be in memory: what was free
	// for a while, and is not given back.
	residentSlack = 24 << 20
	// measuring is how long it takes: the collector runs at least every few seconds.
	measuring = 15 * time.Second
)

func (h holdings) String() string {
	return fmt.Sprintf("%.0f goroutines, %.0f open files, %.2f MB of heap, %.1f MB resident", h.goroutines, h.files, h.heap/1e6, h.resident/1e6)
}

// more says what of it is more than it was before, "" for nothing.
func (h holdings) more(before holdings) string {
	var all []string
	hold := func(what string, now, then, slack float64) {
		if now > then+slack {
			all = append(all, fmt.Sprintf("%s: %.0f, and then %.0f (%.0f may be more)", what, then, now, slack))
		}
	}
	hold("goroutines", h.goroutines, before.goroutines, 0)
	hold("open files", h.files, before.files, 0)
	hold("bytes of heap", h.heap, before.heap, heapSlack)
	hold("bytes resident", h.resident, before.resident, residentSlack)
	return strings.Join(all, "; ")
}

// passer lets time pass.
type passer interface{ pass(time.Duration) }

// measure asks the agent's metrics, of which it tells these while nothing is muted.
func (a *agent) measure(p passer) (least holdings) {
	a.t.Helper()
	for n := range int(measuring / (500 * time.Millisecond)) {
		p.pass(500 * time.Millisecond)
		text, err := a.request(http.MethodGet, "/metrics", "")
		if err != nil {
			a.t.Fatal(err)
		}
		var h holdings
		for name, to := range map[string]*float64{"go_goroutines": &h.goroutines, "process_open_fds": &h.files,
			"go_memstats_heap_alloc_bytes": &h.heap, "process_resident_memory_bytes": &h.resident} {
			_, rest, found := strings.Cut(text, "\n"+name+" ")
			if _, err := fmt.Sscan(rest, to); !found || err != nil {
				a.t.Fatalf("the metrics tell no %s", name)
			}
		}
		if n == 0 {
			least = h
		}
		least = holdings{min(least.goroutines, h.goroutines), min(least.files, h.files), min(least.heap, h.heap), min(least.resident, h.resident)}
	}
	return least
}
