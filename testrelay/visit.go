package testrelay

import (
	"context"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

// Visit is what became of one request to the relay.
type Visit struct {
	Method string
	Path   string
	Query  url.Values
	Header http.Header
	// At is when its header had been read.
	At time.Time
	// Status is the HTTP status that was answered: 101 for a link, 0 for none.
	Status int
	// Up says that it is a link now, and authorised where that is demanded.
	// A link that is met with silence is up: its client cannot tell either.
	Up bool
	// Gone says that it is over.
	Gone bool
	// CloseCode is that of the client's close frame: 1005 for a frame
	// without one, 1006 for a link that ended without a frame, 0 for neither.
	CloseCode int
	// Messages and Bytes are what came in on the link, tokens excepted,
	// passed on or not.
	Messages int
	Bytes    int64
}

// journal remembers what became of requests, the oldest forgotten beyond its limit.
type journal struct {
	limit int

	mu       sync.Mutex
	visits   []*Visit
	accepted int
	changed  chan struct{} // closed at the next change; nil: nobody waits
}

// Visits lists the visits to exactly this path, the oldest first, as far as
// Config.Visits lets them be remembered.
func (j *journal) Visits(path string) []Visit {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.visitsTo(path)
}

func (j *journal) visitsTo(path string) []Visit {
	var visits []Visit
	for _, v := range j.visits {
		if v.Path == path {
			visits = append(visits, *v)
		}
	}
	return visits
}

// Accepted returns the number of TCP connections ever accepted, those included
// that were hung up on before anything was read.
func (j *journal) Accepted() int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.accepted
}

// Await waits until ok likes the visits to a path, and returns those. It asks
// after every change of anything, and may call the relay. Its error is that
// of ctx.
func (j *journal) Await(ctx context.Context, path string, ok func([]Visit) bool) ([]Visit, error) {
	for {
		j.mu.Lock()
		if j.changed == nil {
			j.changed = make(chan struct{})
		}
		changed, visits := j.changed, j.visitsTo(path)
		j.mu.Unlock()
		if ok(visits) {
			return visits, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return visits, ctx.Err()
		}
	}
}

// AwaitClient waits until a client of the path is up. Its error is that of ctx.
func (j *journal) AwaitClient(ctx context.Context, path string) error {
	_, err := j.Await(ctx, path, func(visits []Visit) bool { return Up(visits) > 0 })
	return err
}

// Up counts the visits that are up.
func Up(visits []Visit) int {
	n := 0
	for _, v := range visits {
		if v.Up {
			n++
		}
	}
	return n
}

func (j *journal) arrive(req *http.Request) *Visit {
	v := &Visit{Method: req.Method, Path: req.URL.Path, At: time.Now()}
	if j.limit > 0 {
		v.Query, v.Header = req.URL.Query(), req.Header.Clone()
		j.change(func() {
			j.visits = append(j.visits, v)
			j.visits = j.visits[max(0, len(j.visits)-j.limit):]
		})
	}
	return v
}

func (j *journal) accept() { j.change(func() { j.accepted++ }) }

// end ends a visit and returns its close code. Callers are in change.
func (v *Visit) end() int {
	v.Up, v.Gone = false, true
	if v.Status == http.StatusSwitchingProtocols && v.CloseCode == 0 {
		v.CloseCode = websocket.CloseAbnormalClosure
	}
	return v.CloseCode
}

// change makes a change and wakes whoever awaits one.
func (j *journal) change(make func()) {
	j.mu.Lock()
	defer j.mu.Unlock()
	make()
	if j.changed != nil {
		close(j.changed)
		j.changed = nil
	}
}
