package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/gorilla/websocket"
)

// pings is how many round trips are taken.
const pings = 5

// checkWebsocket dials. Where a token is refused, the way is open all the same.
func (c *checkup) checkWebsocket(ctx context.Context) step {
	ctx, cancel := context.WithTimeout(ctx, c.within)
	defer cancel()
	header := http.Header{}
	if c.token != "" && (c.auth == "" || c.auth == "bearer") && !c.accessed {
		header.Set("Authorization", "Bearer "+c.token)
	}
	d := websocket.Dialer{Proxy: proxy, NetDialContext: dialAllowed, TLSClientConfig: c.tls}
	begun := time.Now()
	ws, resp, err := d.DialContext(ctx, c.url.String(), header)
	switch {
	case err == nil:
		c.ws = ws
		return fine("up in %s", milliseconds(time.Since(begun)))
	case resp == nil:
		return failed(c.why(ctx, err, nil))
	case resp.StatusCode == http.StatusUnauthorized || resp.StatusCode == http.StatusForbidden:
		c.denied = c.why(ctx, err, resp)
		return fine("a relay that wants a token (HTTP %d)", resp.StatusCode)
	}
	s := failed(c.why(ctx, err, resp))
	if to, err := resp.Location(); err == nil && to.Host != "" {
		s.Do = fmt.Sprintf("it leads to %s: write that, as ws:// or wss://, if you trust it", to.Host+to.Path)
	}
	return s
}

// checkAccess asks for the URL to dial.
func (c *checkup) checkAccess(ctx context.Context) step {
	ctx, cancel := context.WithTimeout(ctx, c.within)
	defer cancel()
	to, err := c.access(ctx, c.url)
	if err != nil {
		return c.aged(failed(err))
	}
	c.url, c.accessed = to, true
	if strings.HasPrefix(to.Path, "/in/") && c.load != loadUnwanted {
		c.load = ""
	}
	return c.aged(fine("taken: the websocket is at %s", to.Host))
}

func (c *checkup) checkToken(ctx context.Context) step {
	switch {
	case c.denied != nil:
		return c.aged(failed(c.denied))
	case c.token == "":
		return skipped("none was given, and none asked for")
	case c.auth == "message":
		ctx, cancel := context.WithTimeout(ctx, c.within)
		defer cancel()
		if err := c.present(ctx, c.ws); err != nil {
			return c.aged(failed(err))
		}
		return c.aged(fine("taken, as a message"))
	}
	return c.aged(fine("not refused, as a header"))
}

// aged adds what a JWT says of its own end (RFC 7519, 4.1.4).
func (c *checkup) aged(s step) step {
	parts := strings.Split(c.token, ".")
	if len(parts) != 3 {
		return s
	}
	text, err := base64.RawURLEncoding.DecodeString(parts[1])
	var claims struct {
		Exp float64 `json:"exp"`
	}
	if err != nil || json.Unmarshal(text, &claims) != nil || claims.Exp <= 0 || claims.Exp > 1e11 {
		return s
	}
	left := time.Until(time.Unix(int64(claims.Exp), 0))
	if left <= 0 {
		s.Found += fmt.Sprintf("; it ended %s ago, by this machine's clock", span(-left))
		s.Do = newToken
	} else {
		s.Found += fmt.Sprintf("; it ends in %s", span(left))
	}
	return s
}

// A pulse is a link on which pings go out and pongs are waited for. Whatever
// else comes in is passed over.
type pulse struct {
	ws     *websocket.Conn
	within time.Duration
	pongs  chan pong
	lost   chan struct{} // closed when the link is lost, and err says why
	err    error
}

type pong struct {
	data string
	at   time.Time
}

func newPulse(ws *websocket.Conn, within time.Duration) *pulse {
	const most = 1024 // pongs that nobody has taken; a stranger's are dropped
	p := &pulse{ws: ws, within: within, pongs: make(chan pong, most), lost: make(chan struct{})}
	ws.SetReadLimit(0)
	ws.SetPongHandler(func(data string) error {
		select {
		case p.pongs <- pong{data, time.Now()}:
		default:
		}
		return nil
	})
	go func() {
		defer close(p.lost)
		for p.err == nil {
			_, _, p.err = ws.NextReader()
		}
	}()
	return p
}

func (p *pulse) ping(data string) error {
	return p.ws.WriteControl(websocket.PingMessage, []byte(data), time.Now().Add(p.within))
}

// end hangs up.
func (p *pulse) end() {
	goodbye := websocket.FormatCloseMessage(websocket.CloseNormalClosure, "")
	_ = p.ws.WriteControl(websocket.CloseMessage, goodbye, time.Now().Add(time.Second)) // it is over either way
	_ = p.ws.Close()
	<-p.lost
}

// A roundTrip is how long pings took to come back, in ms.
type roundTrip struct {
	Min float64 `json:"minMs"`
	Avg float64 `json:"avgMs"`
	Max float64 `json:"maxMs"`
}

func (c *checkup) checkPing(ctx context.Context) step {
	c.pulse = newPulse(c.ws, c.within)
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
	if err := p.ping(data); err != nil {
		return 0, fmt.Errorf("the link was lost: %w", err)
	}
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
			return 0, fmt.Errorf("the relay upgraded the link and answers no ping within %v", p.within)
		case <-ctx.Done():
			return 0, errInterrupted
		}
	}
}
