package main

import (
	"context"
	"net/url"
	"time"

	"vw/agent/link"
	"vw/cmd/vw/cli"
)

const doctorHelp = `vw doctor goes the way to a relay step by step, as an agent on this machine would, and says of each
step what it found and what to do about it.

usage: vw doctor [flags] URL

Last it measures what the uplink carries, with null packets of a transport stream (PID 0x1fff), which
players pass over. It does so where the path of the URL begins with /in/. Elsewhere, as on /bi/, there
may be an agent that takes every message for a command: say --load if there is none.

Exit code: 0 if every step went well, 1 if one did not, 2 if what was asked for makes no sense.
`

// A checkup is one way to a relay, and how far it has been gone.
type checkup struct {
	cli.Relay
	to       link.Target // as it was given, then the one that access named
	url      *url.URL    // of to
	environ  []string
	load     string        // why none is sent; "" if it is
	rate     float64       // of the load, at most, bit/s
	loadTime time.Duration // of the load, at most

	proxy  *url.URL // nil: none is on the way
	probe  probe
	conn   *link.Conn
	denied error // what a relay answered that let nobody in without a valid token
	pulse  *pulse
	diagnosis
}

func runDoctor(ctx context.Context, call *cli.Call) error {
	c := &checkup{environ: call.Environ}
	f := call.Settings(doctorHelp)
	relay := f.Relay("how long each step may take")
	rate := f.Float64("rate", 8, "Mbit/s that the uplink is asked to carry")
	f.DurationVar(&c.loadTime, "load-time", 5*time.Second, "for how long")
	load := f.Bool("load", false, "measure the uplink whatever the path is")
	noLoad := f.Bool("no-load", false, "do not measure the uplink")
	asJSON := f.Bool("json", false, "print one JSON object")
	err := f.Read()
	switch {
	case err != nil:
		return err
	case f.NArg() == 0:
		return cli.Usagef("which relay? vw doctor URL, such as wss://relay.example/in/video0")
	case f.NArg() > 1:
		return cli.Usagef("one URL at a time")
	case c.loadTime <= 0:
		return cli.Usagef("load time %v is not above zero", c.loadTime)
	case !(*rate >= 0.1 && *rate <= 10_000):
		return cli.Usagef("rate %v is not within 0.1 and 10000 Mbit/s", *rate)
	case *load && *noLoad:
		return cli.Usagef("load and no-load are opposites: choose one")
	}
	c.rate = *rate * 1e6
	c.load = loadElsewhere
	switch {
	case *load:
		c.load = ""
	case *noLoad:
		c.load = loadUnwanted
	}
	if c.Relay, err = relay(); err != nil {
		return err
	}
	c.colour = cli.InColour(call.Stdout, call.Environ)
	if !*asJSON {
		c.out = call.Stdout
	}
	c.run(ctx, f.Arg(0))
	switch {
	case ctx.Err() != nil:
		err = cli.ErrInterrupted
	case *asJSON:
		err = cli.PrintJSON(call.Stdout, c.diagnosis)
	default:
		err = c.conclude()
	}
	if err == nil && !c.OK {
		err = cli.Exit(cli.Failed)
	}
	return err
}

// run goes the way, as far as it leads.
func (c *checkup) run(ctx context.Context, to string) {
	c.URL = shownURL(to)
	c.begin()
	defer c.end()
	broken := map[string]string{} // by step: the one that has to be mended
	for _, s := range c.steps(to) {
		if ctx.Err() != nil {
			return
		}
		found := skipped("since %s failed", broken[s.needs])
		if broken[s.needs] != "" {
			broken[s.name] = broken[s.needs]
		} else if found = s.check(ctx); found.State == stateFailed {
			broken[s.name] = s.name
		}
		found.Name = s.name
		c.add(found)
	}
	c.OK = len(broken) == 0
}

// A stage is one thing to be checked, which makes sense after another has
// gone well.
type stage struct {
	name, needs string
	check       func(context.Context) step
}

func (c *checkup) steps(to string) []stage {
	stages := []stage{
		{"url", "", func(context.Context) step { return c.checkURL(to) }},
		{"proxy", "url", c.checkProxy},
		{"name", "proxy", c.checkName},
		{"connect", "name", c.checkConnect},
		{"tls", "connect", c.checkTLS},
		{"clock", "connect", c.checkClock},
	}
	if u, err := url.Parse(to); err == nil && (u.Scheme == "http" || u.Scheme == "https") {
		stages = append(stages, stage{"token", "tls", c.checkAccess}, stage{"websocket", "token", c.checkWebsocket}, stage{"ping", "websocket", c.checkPing})
	} else {
		stages = append(stages, stage{"websocket", "tls", c.checkWebsocket}, stage{"token", "websocket", c.checkToken}, stage{"ping", "token", c.checkPing})
	}
	return append(stages, stage{"uplink", "ping", c.checkUplink})
}

// end hangs up.
func (c *checkup) end() {
	switch {
	case c.pulse != nil:
		c.pulse.end(c.Uplink != nil)
	case c.conn != nil:
		c.conn.Abort()
	}
}
