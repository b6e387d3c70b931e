// Package doctor goes the way to a relay step by step, as an agent's link would,
// and says of each step what it found and what to do about it. It dials with
// agent/link alone, and must not know rules or the agent.
package doctor

import (
	"context"
	"io"
	"net/url"
	"time"

	"vw/agent/link"
	"vw/cmd/vw/cli"
)

// Options say how a relay is examined.
type Options struct {
	cli.Relay
	Environ      []string
	Load, NoLoad bool          // whatever the path is
	Rate         float64       // of the load, at most, bit/s
	LoadTime     time.Duration // of the load, at most
	// Out is told of each result for people, unless it is nil.
	Out    io.Writer
	Colour bool
}

// A checkup is one way to a relay, and how far it has been gone.
type checkup struct {
	Options
	Report
	to      link.Target // as it was given, then the one that access named
	url     *url.URL    // of to
	proxy   *url.URL    // nil: none is on the way
	request request
	conn    *link.Conn
	denied  error // what a relay answered that let nobody in without a valid token
	pinger  *pinger
}

// Examine goes the way to a URL, as far as it leads. The error says why not all of
// it was gone, or printed.
func (o Options) Examine(ctx context.Context, to string) (Report, error) {
	c := &checkup{Options: o, Report: Report{URL: shownURL(to)}}
	defer c.close()
	p := printer{out: o.Out, colour: o.Colour}
	p.print("%s\n\n", c.URL)
	broken := map[string]string{} // by check: the one that has to be mended
	for _, check := range c.checks(to) {
		if ctx.Err() != nil {
			return c.Report, cli.ErrInterrupted
		}
		found := skipped("since %s failed", broken[check.needs])
		if broken[check.needs] != "" {
			broken[check.name] = broken[check.needs]
		} else if found = check.run(ctx); found.State == Failed {
			broken[check.name] = check.name
		}
		found.Name = check.name
		found.conceal(o.Target(""))
		c.Steps = append(c.Steps, found)
		p.result(found)
	}
	if ctx.Err() != nil {
		return c.Report, cli.ErrInterrupted
	}
	c.OK = len(broken) == 0
	p.conclude(c.OK)
	return c.Report, p.err
}

// A check is one thing to look at, which makes sense after another has gone well.
type check struct {
	name, needs string
	run         func(context.Context) Result
}

func (c *checkup) checks(to string) []check {
	checks := []check{
		{"url", "", func(context.Context) Result { return c.checkURL(to) }},
		{"proxy", "url", c.checkProxy},
		{"name", "proxy", c.checkName},
		{"connect", "name", c.checkConnect},
		{"tls", "connect", c.checkTLS},
		{"clock", "connect", c.checkClock},
	}
	if u, err := url.Parse(to); err == nil && (u.Scheme == "http" || u.Scheme == "https") {
		checks = append(checks, check{"token", "tls", c.checkAccess}, check{"websocket", "token", c.checkWebsocket}, check{"ping", "websocket", c.checkPing})
	} else {
		checks = append(checks, check{"websocket", "tls", c.checkWebsocket}, check{"token", "websocket", c.checkToken}, check{"ping", "token", c.checkPing})
	}
	return append(checks, check{"uplink", "ping", c.checkUplink})
}

// close hangs up.
func (c *checkup) close() {
	switch {
	case c.pinger != nil:
		c.pinger.close(c.Uplink != nil)
	case c.conn != nil:
		c.conn.Abort()
	}
}
