package doctor

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"vw/agent/link"
	"vw/agent/status"
	"vw/cmd/vw/cli"
)

// pings is how many round trips are taken.
const pings = 5

// checkWebsocket dials. Where a token is refused, the way is open all the same.
func (c *checkup) checkWebsocket(ctx context.Context) Result {
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
func (c *checkup) checkAccess(ctx context.Context) Result {
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
	c.url, err = c.Dialer.Policy.URL(to)
	return err
}

func (c *checkup) checkToken(ctx context.Context) Result {
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
func (c *checkup) aged(s Result) Result {
	claims := c.to.Claims()
	if claims.ReadOnly && !strings.HasPrefix(c.url.Path, "/out/") {
		s.State, s.Do = Failed, "ask whoever runs the relay for one with the scope write: without it the relay throws away what is sent"
		s.Found += "; its scopes lack write"
	}
	if claims.Expires == nil {
		return s
	}
	if left := time.Until(*claims.Expires); left <= 0 {
		s.Found += fmt.Sprintf("; it ended %s ago, by this machine's clock", cli.Span(-left))
		if s.Do == "" { // else what failed is something else
			s.Do = status.Advice(link.CodeTokenRefused)
		}
	} else {
		s.Found += fmt.Sprintf("; it ends in %s", cli.Span(left))
	}
	return s
}

func (c *checkup) checkPing(ctx context.Context) Result {
	c.pinger = newPinger(c.conn, c.Timeout)
	var r RoundTrip
	for i := range pings {
		took, err := c.pinger.trip(ctx, strconv.Itoa(i))
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
