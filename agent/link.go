package agent

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/gorilla/websocket"
	"github.com/jpillora/backoff"
)

const (
	// Between two dials a link waits for a time drawn evenly from minWait to a
	// bound that doubles from firstWait to lastWait, so that a thousand agents
	// that lost one relay together come back spread out.
	minWait   = 100 * time.Millisecond
	firstWait = 500 * time.Millisecond
	lastWait  = 30 * time.Second
	// steadyAfter is how long a link has to last for its bound to start anew.
	steadyAfter = 10 * time.Second
	// refusedWait is how long a media link waits after its token was refused.
	refusedWait = 5 * time.Minute
)

// A linkState is where a link stands.
type linkState string

const (
	dialling linkState = "dialling"
	up       linkState = "up"
	waiting  linkState = "waiting" // for the next dial
	closed   linkState = "closed"
	idle     linkState = "idle" // of a saved rule that is not allowed any more
)

// A link is one websocket to a target that is dialled again whenever it is
// lost, until the context of its run ends.
type link struct {
	dialer *dialer
	log    *slog.Logger
	// aim is what is dialled next; anew says that the waits between dials are
	// to start anew.
	aim func() (t target, anew bool)
	// most is the longest wait between two dials. Defaults to lastWait.
	most func() time.Duration
	// patient links wait long after their token was refused.
	patient bool
	// serve is what is done with the link while it is up: it returns when that
	// is over, or its context is. What comes in goes to receive.
	serve   func(context.Context, *conn) error
	receive func(c *conn, data []byte, isText bool)
	limit   int // of what comes in, bytes a message

	mu    sync.Mutex
	state LinkInfo
	shown string // the error that was logged last
}

// LinkInfo is the state of one link.
type LinkInfo struct {
	State     linkState  `json:"state"` // dialling, up, waiting, closed or idle
	Relay     string     `json:"relay"` // the host that was dialled last
	Since     time.Time  `json:"since"`
	DownSince *time.Time `json:"downSince,omitempty"` // since when it has not been up, whatever was tried
	Dials     uint64     `json:"dials"`               // since the rule was added
	LastError string     `json:"lastError,omitempty"` // also of the past
	ErrorAt   *time.Time `json:"lastErrorAt,omitempty"`
	RetryAt   *time.Time `json:"retryAt,omitempty"`      // where it waits
	Expires   *time.Time `json:"tokenExpires,omitempty"` // as a JSON web token says it, unverified
}

func (l *link) info() LinkInfo {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.state
}

func (l *link) enter(s linkState, retry time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.state.State, l.state.Since, l.state.RetryAt = s, time.Now(), nil
	if s == up {
		l.state.DownSince = nil
	} else if l.state.DownSince == nil {
		now := l.state.Since
		l.state.DownSince = &now
	}
	switch s {
	case dialling:
		l.state.Dials++
	case waiting:
		at := l.state.Since.Add(retry)
		l.state.RetryAt = &at
	}
}

// run keeps the link up until ctx ends.
func (l *link) run(ctx context.Context) {
	defer l.enter(closed, 0)
	growth := backoff.Backoff{Min: firstWait, Max: lastWait, Factor: 2}
	for {
		t, anew := l.aim()
		if anew {
			growth.Reset()
		}
		l.mu.Lock()
		l.state.Relay, l.state.Expires = t.host(), expiry(t.token)
		l.mu.Unlock()
		l.enter(dialling, 0)
		lasted, err := l.once(ctx, t)
		if ctx.Err() != nil {
			return
		}
		if lasted >= steadyAfter {
			growth.Reset()
		}
		wait := l.wait(&growth, err)
		if l.most != nil {
			wait = min(wait, l.most())
		}
		l.fail(t.conceal(err.Error()), wait)
		l.enter(waiting, wait)
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
	}
}

// wait is how long to wait after err.
func (l *link) wait(growth *backoff.Backoff, err error) time.Duration {
	bound := growth.Duration()
	wait := minWait + rand.N(bound-minWait)
	var refused *refusal
	if l.patient && errors.As(err, &refused) {
		return refusedWait - refusedWait/10 + rand.N(refusedWait/5)
	}
	var no *answer
	if errors.As(err, &no) {
		wait = max(wait, no.retry)
	}
	return wait
}

// fail notes an error, and logs it where it is not the one that was logged.
func (l *link) fail(err string, wait time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	l.state.LastError, l.state.ErrorAt = err, &now
	if l.shown == l.state.LastError {
		return
	}
	l.shown = l.state.LastError
	l.log.Warn("link down", "relay", l.state.Relay, "err", l.shown, "retry", wait.Round(100*time.Millisecond).String())
}

// once dials, and serves the link until it is lost. It says how long it was up.
func (l *link) once(ctx context.Context, t target) (lasted time.Duration, err error) {
	begun := time.Now()
	c, err := l.dialer.open(ctx, t)
	if err != nil {
		return 0, err
	}
	life, lost := context.WithCancelCause(ctx)
	var wg sync.WaitGroup
	wg.Go(func() {
		lost(c.read(l.limit, func(data []byte, isText bool) { l.receive(c, data, isText) }))
	})
	wg.Go(func() { c.keepAlive(life) })
	served := make(chan struct{})
	wg.Go(func() { c.cutLate(life, served) })
	if err := c.up(life); err != nil {
		lost(err)
	} else {
		l.enter(up, 0)
		l.mu.Lock()
		l.shown = ""
		l.mu.Unlock()
		l.log.Info("link up", "relay", t.host(), "after", time.Since(begun).Round(time.Millisecond).String())
		begun = time.Now()
		err = l.serve(life, c)
		lasted = time.Since(begun)
		lost(err)
	}
	close(served)
	err = context.Cause(life)
	if ctx.Err() != nil {
		c.close(websocket.CloseNormalClosure, "")
	}
	c.finish(&wg)
	return lasted, err
}

// up waits for the first pong: some relays upgrade whoever they refuse, and
// then say nothing.
func (c *conn) up(ctx context.Context) error {
	timer := time.NewTimer(dialWithin)
	defer timer.Stop()
	select {
	case <-c.pong:
		return nil
	case <-timer.C:
		return errNoPong
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// finish waits for those who use the link, and ends it if they do not stop by
// themselves.
func (c *conn) finish(wg *sync.WaitGroup) {
	timer := time.AfterFunc(farewell, c.cut)
	wg.Wait()
	if timer.Stop() {
		_ = c.ws.Close()
	}
}
