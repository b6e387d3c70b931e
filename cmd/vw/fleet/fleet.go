// Package fleet keeps links to the command channels of many agents: it tells how they
// stand, in a table and as metrics, and brings them to one table of rules. It is an
// orchestrator: it must not know how an agent does what it is told.
package fleet

import (
	"context"
	"fmt"
	"net/url"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"vw/cmd/vw/cli"
)

const (
	// dialsPerSecond bounds how fast the links are dialled at the start: a relay may
	// take no more.
	dialsPerSecond = 200
	// crowd is how many links to one relay come back slowly when it was away.
	crowd = 50
)

// A Fleet is agents, in the order of their list.
type Fleet struct {
	agents  []*agent
	changed chan struct{} // something may have; capacity 1
}

// New returns the fleet of a list. With every each agent is asked again and again how
// it stands, and tells at once what changes.
func New(r cli.Relay, list []Entry, every time.Duration) *Fleet {
	f := &Fleet{changed: make(chan struct{}, 1)}
	perHost := map[string]int{}
	for _, e := range list {
		perHost[host(e.URL)]++
	}
	for _, e := range list {
		a := newAgent(r, e, perHost[host(e.URL)] >= crowd)
		a.every = every
		a.changed = func() {
			select {
			case f.changed <- struct{}{}:
			default:
			}
		}
		f.agents = append(f.agents, a)
	}
	return f
}

// Want has it be told whether agents have these rules.
func (f *Fleet) Want(r *Rules) (err error) {
	for _, a := range f.agents {
		if a.wanted, err = r.hash(a.Name); err == nil && a.wanted == "" {
			err = errKeepsToken
		}
		if err != nil {
			return fmt.Errorf("the rules of %s: %w", a.Name, err)
		}
	}
	return nil
}

func host(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return ""
	}
	return u.Host
}

// start begins to keep the links up, by what each agent is to do. Stop ends that.
func (f *Fleet) start(ctx context.Context, do func(*agent, context.Context)) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	running.Go(func() {
		limit := rate.NewLimiter(dialsPerSecond, dialsPerSecond/10)
		for _, a := range f.agents {
			if limit.Wait(ctx) != nil {
				return
			}
			close(a.begun)
			running.Go(func() { do(a, ctx) })
		}
	})
	return func() {
		cancel()
		running.Wait()
	}
}
