package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"vw/agent/link"
	"vw/agent/status"
	"vw/cmd/vw/cli"
)

// pings is how many round trips are taken.
const pings = 5

// maxWords is how much of a message is looked at, in bytes: a relay that refuses
// may say why.
const maxWords = 64 << 10

// checkWebsocket dials. Where a token is refused, the way is open all the same.
func (c *checkup) checkWebsocket(ctx context.Context) step {
	ctx, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	begun := time.Now()
	var err error
	c.conn, err = c.Dialer.Upgrade(ctx, c.to)
	switch link.CodeOf(err) {
	case "":
		return fine("up in %s", milliseconds(time.Since(begun)))
	case link.CodeTokenMissing, link.CodeTokenRefused:
		c.denied = err
		return fine("a relay that wants a token")
	}
	s := failed(err)
	if e := (*link.Error)(nil); errors.As(err, &e) && e.Location != nil && e.Location.Host != "" {
		s.Do = fmt.Sprintf("it leads to %s: write that, as ws:// or wss://, if you trust it", e.Location.Host+e.Location.Path)
	}
	return s
}

// checkAccess asks for the URL to dial.
func (c *checkup) checkAccess(ctx context.Context) step {
	ctx, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	to, err := c.Dialer.Access(ctx, c.to)
	if err != nil {
		return c.aged(failed(err))
	}
	c.lead(to)
	return c.aged(fine("taken: the websocket is at %s", to.Host()))
}

// lead makes a target the one to go to.
func (c *checkup) lead(to link.Target) (err error) {
	c.to = to
	if c.url, err = url.Parse(to.URL); err == nil && strings.HasPrefix(c.url.Path, "/in/") && c.load != loadUnwanted {
		c.load = ""
	}
	return err
}

func (c *checkup) checkToken(ctx context.Context) step {
	switch {
	case c.denied != nil:
		return c.aged(failed(c.denied))
	case c.Token == "":
		return skipped("none was given, and none asked for")
	case c.Auth == "message":
		ctx, cancel := context.WithTimeout(ctx, c.Timeout)
		defer cancel()
		if err := c.conn.Authenticate(ctx, c.to); err != nil {
			return c.aged(failed(err))
		}
		return c.aged(fine("taken, as a message"))
	}
	return c.aged(fine("not refused, as a header"))
}

// aged adds what a JWT says of itself.
func (c *checkup) aged(s step) step {
	claims := c.to.Claims()
	if claims.ReadOnly && !strings.HasPrefix(c.url.Path, "/out/") {
		s.State, s.Do = stateFailed, "ask whoever runs the relay for one with the scope write: without it the relay throws away what is sent"
		s.Found += "; its scopes lack write"
	}
	if claims.Expires == nil {
		return s
	}
	if left := time.Until(*claims.Expires); left <= 0 {
		s.Found += fmt.Sprintf("; it ended %s ago, by this machine's clock", span(-left))
		s.Do = status.Advice(link.CodeTokenRefused)
	} else {
		s.Found += fmt.Sprintf("; it ends in %s", span(left))
	}
	return s
}

// A pulse is a link on which pings go out and pongs are waited for. Whatever
// else comes in is passed over.
type pulse struct {
	*link.Conn
	within time.Duration
	pongs  chan pong
	lost   chan struct{} // closed when the link is lost, and err says why
	err    error
	stop   context.CancelFunc
}

type pong struct {
	data string
	at   time.Time
}

func newPulse(conn *link.Conn, within time.Duration) *pulse {
	const most = 1024 // pongs that nobody has taken; a stranger's are dropped
	ctx, cancel := context.WithCancel(context.Background())
	p := &pulse{Conn: conn, within: within, pongs: make(chan pong, most), lost: make(chan struct{}), stop: cancel}
	conn.Pong = func(data string) {
		select {
		case p.pongs <- pong{data, time.Now()}:
		default:
		}
	}
	go func() {
		defer close(p.lost)
		p.err = conn.Serve(ctx, maxWords, func([]byte, bool) {}, func(life context.Context) error {
			<-life.Done()
			return context.Cause(life)
		})
	}()
	return p
}

// end hangs up. What is left of a load is for nobody.
func (p *pulse) end(loaded bool) {
	if p.stop(); loaded {
		p.Abort()
	}
	<-p.lost
}

// A roundTrip is how long pings took to come back, in ms.
type roundTrip struct {
	Min float64 `json:"minMs"`
	Avg float64 `json:"avgMs"`
	Max float64 `json:"maxMs"`
}

func (c *checkup) checkPing(ctx context.Context) step {
	c.pulse = newPulse(c.conn, c.Timeout)
	var r roundTrip
	for i := range pings {
		took, err := c.pulse.trip(ctx, strconv.Itoa(i))
		if err != nil {
			return failed(err)
		}
		ms := float64(took) / float64(time.Millisecond)
		if i == 0 || ms < r.Min {
			r.Min = ms
		}
		r.Max = max(r.Max, ms)
		r.Avg += ms / pings
	}
	c.RoundTrip = &r
	return fine("%d of %d came back, in %.1f ms at least, %.1f ms on average, %.1f ms at most", pings, pings, r.Min, r.Avg, r.Max)
}

// trip is one round trip.
func (p *pulse) trip(ctx context.Context, data string) (time.Duration, error) {
	begun := time.Now()
	_ = p.Ping(data) // that it failed shows in the loss
	timer := time.NewTimer(p.within)
	defer timer.Stop()
	for {
		select {
		case got := <-p.pongs:
			if got.data == data {
				return got.at.Sub(begun), nil
			}
		case <-p.lost:
			return 0, fmt.Errorf("the link was lost: %w", p.err)
		case <-timer.C:
			return 0, &link.Error{Code: link.CodeNoPong, Text: fmt.Sprintf("the relay upgraded the link and answers no ping within %v", p.within)}
		case <-ctx.Done():
			return 0, cli.ErrInterrupted
		}
	}
}
