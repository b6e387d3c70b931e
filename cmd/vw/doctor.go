package main

import (
	"context"
	"time"

	"vw/cmd/vw/cli"
	"vw/cmd/vw/doctor"
)

const doctorHelp = `vw doctor goes the way to a relay step by step, as an agent on this machine would, and says of each
step what it found and what to do about it.

usage: vw doctor [flags] URL

Last it measures what the uplink carries, with null packets of a transport stream (PID 0x1fff), which
players pass over. It does so where the path of the URL begins with /in/. Elsewhere, as on /bi/, there
may be an agent that takes every message for a command: say --load if there is none.

Exit code: 0 if every step went well, 1 if one did not, 2 if what was asked for makes no sense.
`

func runDoctor(ctx context.Context, c *cli.Call) error {
	o := doctor.Options{Environ: c.Environ}
	f := c.Settings(doctorHelp)
	relay := f.Relay("`TIME` that each step may take")
	rate := f.Float64("rate", 8, "`RATE` that the uplink is asked to carry, in Mbit/s")
	f.DurationVar(&o.LoadTime, "load-time", 5*time.Second, "`TIME` for which the uplink is measured")
	f.BoolVar(&o.Load, "load", false, "measure the uplink whatever the path is")
	f.BoolVar(&o.NoLoad, "no-load", false, "do not measure the uplink")
	asJSON := f.Bool("json", false, "print one JSON object")
	err := f.Read()
	switch {
	case err != nil:
		return err
	case f.NArg() == 0:
		return cli.Usagef("which relay? vw doctor URL, such as wss://relay.example/in/video0")
	case f.NArg() > 1:
		return cli.Usagef("one URL at a time")
	case o.LoadTime <= 0:
		return cli.Usagef("load time %v is not above zero", o.LoadTime)
	case !(*rate >= 0.1 && *rate <= 10_000):
		return cli.Usagef("rate %v is not within 0.1 and 10000 Mbit/s", *rate)
	case o.Load && o.NoLoad:
		return cli.Usagef("load and no-load are opposites: choose one")
	}
	o.Rate = *rate * 1e6
	if o.Relay, err = relay(); err != nil {
		return err
	}
	if !*asJSON {
		o.Out, o.Colour = c.Stdout, cli.InColour(c.Stdout, c.Environ)
	}
	report, err := o.Examine(ctx, f.Arg(0))
	if err == nil && *asJSON {
		err = cli.PrintJSON(c.Stdout, report)
	}
	if err == nil && !report.OK {
		err = cli.ExitError(cli.Failed)
	}
	return err
}
