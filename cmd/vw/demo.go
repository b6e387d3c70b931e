package main

import (
	"context"

	"vw/cmd/vw/cli"
	"vw/cmd/vw/demo"
)

const demoHelp = `vw demo shows the whole way on this machine: a test source posts to an agent, which forwards it to
a relay, from which a viewer reads. The agent is commanded through the relay, as an orchestrator
would. It uses ffmpeg if there is one, else a clip of its own.

usage: vw demo [flags]
`

func runDemo(ctx context.Context, c *cli.Call) error {
	o := demo.Options{Version: programVersion(), Out: c.Stdout}
	f := c.Flags(demoHelp)
	length := f.Duration("for", 0, "end by itself after this `TIME`, with exit code 0 if video arrived without continuity errors")
	f.IntVar(&o.Port, "port", 0, "TCP `PORT` of the agent (default: a free one)")
	f.BoolVar(&o.Clip, "clip", false, "play the built-in clip even where there is ffmpeg")
	if err := f.ReadAll(); err != nil {
		return err
	}
	if *length > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, *length)
		defer cancel()
	}
	return o.Run(ctx)
}
