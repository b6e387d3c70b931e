package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"time"

	"github.com/spf13/pflag"

	"vw/agent/link"
	"vw/cmd/vw/cli"
	"vw/command/printable"
)

const doctorHead = `vw doctor goes the way to a relay step by step, as an agent on this machine would, and says of each
step what it found and what to do about it.

usage: vw doctor [flags] URL

Last it measures what the uplink carries, with null packets of a transport stream (PID 0x1fff), which
players pass over. It does so where the path of the URL begins with /in/. Elsewhere, as on /bi/, there
may be an agent that takes every message for a command: say --load if there is none.

Exit code: 0 if every step went well, 1 if one did not, 2 if what was asked for makes no sense.
`

// A checkup is one way to a relay, and how far it has been gone.
type checkup struct {
	caller
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

// runDoctor is vw doctor.
func runDoctor(ctx context.Context, args, environ []string, stdout, stderr io.Writer) int {
	c, to, asJSON, err := doctorFlags(args, environ, stdout)
	if errors.Is(err, pflag.ErrHelp) {
		return exitOK
	}
	if err != nil {
		fmt.Fprintf(stderr, "vw doctor: %v\n", err)
		return exitUsage
	}
	c.colour = cli.InColour(stdout, environ)
	if !asJSON {
		c.out = stdout
	}
	c.run(ctx, to)
	switch {
	case ctx.Err() != nil:
		err = errInterrupted
	case asJSON:
		e := printable.NewEncoder(stdout)
		e.SetIndent("", "  ")
		err = e.Encode(c.diagnosis)
	default:
		err = c.conclude()
	}
	if err != nil {
		fmt.Fprintf(stderr, "vw doctor: %v\n", err)
		return exitFailed
	}
	if !c.OK {
		return exitFailed
	}
	return exitOK
}

func doctorFlags(args, environ []string, stdout io.Writer) (c *checkup, to string, asJSON bool, err error) {
	c = &checkup{environ: environ}
	s := newSettings("vw doctor")
	s.StringVar(&c.token, "token", "", "token for the relay (better set the variable: flags can be seen by others)")
	s.StringVar(&c.auth, "auth", "", "how the token is shown: bearer, message or access (default: bearer, and access for https://)")
	s.DurationVar(&c.within, "timeout", 10*time.Second, "how long each step may take")
	rate := s.Float64("rate", 8, "Mbit/s that the uplink is asked to carry")
	s.DurationVar(&c.loadTime, "load-time", 5*time.Second, "for how long")
	load := s.Bool("load", false, "measure the uplink whatever the path is")
	noLoad := s.Bool("no-load", false, "do not measure the uplink")
	s.BoolVar(&asJSON, "json", false, "print one JSON object")
	s.BoolVar(&c.plaintext, "allow-plaintext", false, "allow ws:// to other machines, though never with a token")
	ca := s.String("ca-file", "", "PEM file of certificates to trust besides the system's")
	cert := s.String("cert-file", "", "PEM file of the certificate to show to the relay")
	key := s.String("key-file", "", "PEM file of that certificate's key")
	_, err = s.parse(args, environ)
	switch {
	case errors.Is(err, pflag.ErrHelp):
		s.usage(stdout, doctorHead)
	case err != nil:
	case s.NArg() == 0:
		err = errors.New("which relay? vw doctor URL, such as wss://relay.example/in/video0")
	case s.NArg() > 1:
		err = errors.New("one URL at a time")
	case c.within <= 0 || c.loadTime <= 0:
		err = errors.New("a timeout or load time is not above zero")
	case !(*rate >= 0.1 && *rate <= 10_000):
		err = fmt.Errorf("rate %v is not within 0.1 and 10000 Mbit/s", *rate)
	case *load && *noLoad:
		err = errors.New("load and no-load are opposites: choose one")
	}
	if err != nil {
		return nil, "", false, err
	}
	c.rate = *rate * 1e6
	c.load = loadElsewhere
	switch {
	case *load:
		c.load = ""
	case *noLoad:
		c.load = loadUnwanted
	}
	return c, s.Arg(0), asJSON, c.trust(*ca, *cert, *key)
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
