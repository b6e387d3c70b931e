package testrelay

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/gorilla/websocket"
)

// visitLimit bounds what is remembered; the oldest visits are forgotten.
const visitLimit = 10_000

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

// Visits lists the visits to exactly this path, the oldest first. At most
// 10,000 are remembered over all paths.
func (r *Relay) Visits(path string) []Visit {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.visitsTo(path)
}

func (r *Relay) visitsTo(path string) []Visit {
	var visits []Visit
	for _, v := range r.visits {
		if v.Path == path {
			visits = append(visits, *v)
		}
	}
	return visits
}

// Accepted is the number of TCP connections ever accepted, those included
// that were hung up on before anything was read.
func (r *Relay) Accepted() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.accepted
}

// Await waits until ok likes the visits to a path, and returns those. It asks
// after every change of anything, and may call the relay. Its error is that
// of ctx.
func (r *Relay) Await(ctx context.Context, path string, ok func([]Visit) bool) ([]Visit, error) {
	for {
		r.mu.Lock()
		if r.changed == nil {
			r.changed = make(chan struct{})
		}
		changed, visits := r.changed, r.visitsTo(path)
		r.mu.Unlock()
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
func (r *Relay) AwaitClient(ctx context.Context, path string) error {
	_, err := r.Await(ctx, path, func(visits []Visit) bool { return Up(visits) > 0 })
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

func (r *Relay) arrive(req *http.Request) *Visit {
	r.mu.Lock()
	defer r.mu.Unlock()
	v := &Visit{Method: req.Method, Path: req.URL.Path, Query: req.URL.Query(), Header: req.Header.Clone(), At: time.Now()}
	r.visits = append(r.visits, v)
	r.visits = r.visits[max(0, len(r.visits)-visitLimit):]
	r.notify()
	return v
}

func (r *Relay) setUp(c *client) {
	r.mu.Lock()
	c.up, c.visit.Up = true, true
	r.notify()
	r.mu.Unlock()
	r.cfg.Log.Info("link up", "path", c.path)
}

// closing notes the code of the client's close frame.
func (r *Relay) closing(c *client, code int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	c.visit.CloseCode = code
}

func (r *Relay) depart(v *Visit) {
	r.mu.Lock()
	wasUp := v.Up
	v.Up, v.Gone = false, true
	if v.Status == http.StatusSwitchingProtocols && v.CloseCode == 0 {
		v.CloseCode = websocket.CloseAbnormalClosure
	}
	code := v.CloseCode
	r.notify()
	r.mu.Unlock()
	if wasUp {
		r.cfg.Log.Info("link down", "path", v.Path, "code", code)
	}
}
