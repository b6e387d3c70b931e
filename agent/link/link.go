// Package link is one outbound websocket that comes back: whom it may lead to
// (Policy), how it is dialled and shows a token (Dialer), the live websocket
// (Conn), and the loop that dials it again (Link). An agent's destinations and
// its command channel are links; vw doctor and vw send dial with the same
// Dialer. It must not know rules, media routing, or the agent's HTTP.
package link

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net/url"
	"sync"
	"time"
)

// A State is where a link stands.
type State string

// The states of a link.
const (
	Dialling State = "dialling"
	Up       State = "up"
	Waiting  State = "waiting" // for the next dial
	Closed   State = "closed"
	None     State = "none" // of a rule that has a file alone
	Idle     State = "idle" // of a saved rule that is not allowed any more
)

// A Session is what a link is for.
type Session interface {
	// Next returns what to dial next; reset restarts the waits between dials.
	Next() (t Target, reset bool)
	// Serve is called while the link is up. It returns when its context ends.
	Serve(ctx context.Context, c *Conn) error
	// Receive takes what comes in: nil is a message that was too long.
	Receive(c *Conn, data []byte, isText bool)
}

// A Link is one websocket that is dialled again whenever it is lost, until the
// context of Run ends.
type Link struct {
	Dialer  *Dialer
	Session Session
	Log     *slog.Logger
	Limit   int // of what comes in, bytes a message
	// Greet has to succeed before the link counts as up; what comes in goes to the
	// session meanwhile. Defaults to nothing.
	Greet func(ctx context.Context, c *Conn) error
	// Shared says that many agents have a link like this one to the same relay, and
	// lose it together.
	Shared bool
	// SlowAfterRefusal has the link wait long after its token was refused.
	SlowAfterRefusal bool

	mu     sync.Mutex
	info   Info
	logged string // the error that was logged last
}

// Info is the state of one link.
type Info struct {
	State     State      `json:"state"` // dialling, up, waiting, closed or idle
	Relay     string     `json:"relay"` // the host that was dialled last
	Since     time.Time  `json:"since"`
	DownSince *time.Time `json:"downSince,omitempty"` // since when it has not been up, whatever was tried
	Dials     uint64     `json:"dials"`               // since the rule was added
	LastError string     `json:"lastError,omitempty"` // also of the past
	ErrorCode Code       `json:"lastErrorCode,omitempty"`
	ErrorAt   *time.Time `json:"lastErrorAt,omitempty"`
	RetryAt   *time.Time `json:"retryAt,omitempty"`       // where it waits
	Expires   *time.Time `json:"tokenExpires,omitempty"`  // as a JSON web token says it, unverified
	Renew     *time.Time `json:"-"`                       // from when on the token nears that
	ReadOnly  bool       `json:"tokenReadOnly,omitempty"` // its scopes lack write, likewise
}

// Info returns the state of the link.
func (l *Link) Info() Info {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.info
}

func (l *Link) setState(s State, retry time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.info.State, l.info.Since, l.info.RetryAt = s, time.Now(), nil
	if s == Up {
		l.info.DownSince = nil
	} else if l.info.DownSince == nil {
		now := l.info.Since
		l.info.DownSince = &now
	}
	switch s {
	case Dialling:
		l.info.Dials++
	case Waiting:
		at := l.info.Since.Add(retry)
		l.info.RetryAt = &at
	}
}

// Run keeps the link up until ctx ends.
func (l *Link) Run(ctx context.Context) {
	defer l.setState(Closed, 0)
	waits := newWaits(l.Shared)
	for {
		t, reset := l.Session.Next()
		if reset {
			waits.reset()
		}
		t, lasted, err := l.once(ctx, t)
		if ctx.Err() != nil {
			return
		}
		if errors.Is(err, errRenewed) {
			l.Log.Info("token was renewed: the link is dialled anew", "relay", t.Host())
			continue
		}
		wait := l.wait(waits.next(lasted), err)
		e := describe(err)
		l.fail(t.Conceal(e.Text), e.Code, wait)
		l.setState(Waiting, wait)
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
	}
}

// wait is how long to wait after err, where that says more than how often it was
// tried.
func (l *Link) wait(wait time.Duration, err error) time.Duration {
	var e *Error
	if !errors.As(err, &e) {
		return wait
	}
	if l.SlowAfterRefusal && e.refused {
		return between(refusedWait-refusedWait/10, refusedWait+refusedWait/10)
	}
	return max(wait, e.retry)
}

// fail notes an error, and logs it where it is not the one that was logged.
func (l *Link) fail(err string, code Code, wait time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	l.info.LastError, l.info.ErrorCode, l.info.ErrorAt = err, code, &now
	if l.logged == err {
		return
	}
	l.logged = err
	l.Log.Warn("link down", "relay", l.info.Relay, "err", err, "retry", wait.Round(100*time.Millisecond).String())
}

// once dials, and serves the link until it is lost. It returns the target with the
// token that was used, and how long it was up.
func (l *Link) once(ctx context.Context, unread Target) (t Target, lasted time.Duration, err error) {
	t = unread
	l.note(t)
	if u, err := url.Parse(t.URL); err == nil && !t.Local {
		err := l.Dialer.bounds.await(ctx, normalHost(u.Hostname()), func(wait time.Duration) {
			l.fail("many links to this host are dialled: each waits its turn", CodeManyDials, wait)
			l.setState(Waiting, wait)
		})
		if err != nil {
			return t, 0, err
		}
	}
	if t, err = l.Dialer.WithToken(ctx, unread); err != nil {
		return t, 0, err
	}
	l.note(t)
	l.setState(Dialling, 0)
	begun := time.Now()
	c, err := l.Dialer.Open(ctx, t)
	if err != nil {
		return t, 0, err
	}
	var refused error // it tells more than that the other end has then hung up
	receive := func(data []byte, isText bool) { l.Session.Receive(c, data, isText) }
	err = c.Serve(ctx, l.Limit, receive, func(life context.Context) error {
		if err := c.awaitPong(life); err != nil {
			return err
		}
		if l.Greet != nil {
			if refused = l.Greet(life, c); refused != nil {
				return refused
			}
		}
		l.setState(Up, 0)
		l.mu.Lock()
		l.logged = ""
		l.mu.Unlock()
		l.Log.Info("link up", "relay", t.Host(), "after", time.Since(begun).Round(time.Millisecond).String())
		begun = time.Now()
		defer func() { lasted = time.Since(begun) }()
		life, stop := l.untilRenewed(life, unread, t)
		defer stop()
		return l.Session.Serve(life, c)
	})
	return t, lasted, cmp.Or(refused, err)
}

// note tells where the link leads, and what its token says of itself.
func (l *Link) note(t Target) {
	claims := t.Claims()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.info.Relay, l.info.Expires, l.info.Renew, l.info.ReadOnly = t.Host(), claims.Expires, claims.Renew, claims.ReadOnly
}
