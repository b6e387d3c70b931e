// Package demo shows the whole way on one machine: a source, an agent, a relay, an
// orchestrator and a viewer. It uses each as its users would.
package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"sync"
	"time"

	"vw/agent"
	"vw/agent/client"
	"vw/agent/link"
	"vw/cmd/vw/cli"
	"vw/cmd/vw/clip"
	"vw/cmd/vw/send"
	"vw/media/tscheck"
	"vw/testrelay"
)

// What the demo calls things.
const (
	apiPath = "/bi/demo-api"
	stream  = "demo"
	feed    = "av"
)

const (
	// replyTimeout bounds how long the demo waits for its own parts.
	replyTimeout = 10 * time.Second
	// maxMessage is the longest message that the viewer takes, in bytes.
	maxMessage = 1 << 20
)

// Options say how the demo is given.
type Options struct {
	Port    int    // of the agent; 0 for a free one
	Version string // of the agent
	Clip    bool   // played even where there is ffmpeg
	Out     io.Writer
}

// A demo is one that is under way.
type demo struct {
	Options
	relay  *testrelay.Server
	agent  *agent.Agent
	client *client.Client
	dialer *link.Dialer

	mu      sync.Mutex
	checker *tscheck.Checker // of what the viewer sees
	bytes   int64            // that the viewer has seen
}

// Run plays until ctx ends. The error says why what the viewer saw was not sound.
func (o Options) Run(ctx context.Context) (err error) {
	d := &demo{Options: o, dialer: link.New(link.Config{}), checker: tscheck.New(tscheck.Options{})}
	if d.relay, err = testrelay.Listen(testrelay.Config{}); err != nil {
		return err
	}
	defer d.relay.Close()
	d.agent, err = agent.New(agent.Config{Port: o.Port, API: d.relay.URL() + apiPath, Name: "demo", Version: o.Version})
	if err != nil {
		return err
	}
	d.client = client.New(client.Config{URL: d.agent.URL(), Own: true})
	all, stop := context.WithCancelCause(ctx)
	var wg sync.WaitGroup
	start := func(part func(context.Context) error) {
		wg.Go(func() {
			if err := part(all); all.Err() == nil {
				stop(err)
			}
		})
	}
	start(d.agent.Run)
	err = d.command(all)
	if err == nil {
		start(d.view)
		start(d.play)
		d.explain()
		d.watch(all)
	}
	if ctx.Err() == nil && all.Err() != nil {
		err = context.Cause(all)
	}
	stop(nil)
	wg.Wait()
	if err != nil {
		return err
	}
	return d.verdict()
}

// command sets the rules through the command channel, as an orchestrator does.
func (d *demo) command(ctx context.Context) error {
	waiting, cancel := context.WithTimeout(ctx, replyTimeout)
	defer cancel()
	if err := d.relay.AwaitClient(waiting, apiPath); err != nil {
		return fmt.Errorf("the agent did not come to its command channel: %w", err)
	}
	orchestrator := send.Options{Relay: cli.Relay{Dialer: d.dialer, Timeout: replyTimeout}, To: []string{d.relay.URL() + apiPath}, Expect: 1}
	for _, command := range []string{
		`{"verb":"healthcheck"}`,
		`{"verb":"add","what":"stream","rule":{"stream":"` + stream + `","feeds":["` + feed + `"]}}`,
		`{"verb":"add","what":"destination","rule":{"id":"0","stream":"` + stream + `","destination":"` + d.relay.URL() + `/in/` + stream + `"}}`,
	} {
		outcomes, err := orchestrator.Send(ctx, command)
		if err != nil {
			return err
		}
		if outcomes[0].Error != "" {
			return fmt.Errorf("command %s: %s", command, outcomes[0].Error)
		}
		fmt.Fprintf(d.Out, "> %s\n< %s\n", command, outcomes[0].Reply)
	}
	return nil
}

// play posts the source, ffmpeg's or the clip.
func (d *demo) play(ctx context.Context) error {
	if !d.Clip {
		if err := clip.FFmpeg(ctx, d.agent.URL()+"/ts/"+feed); !errors.Is(err, exec.ErrNotFound) {
			return err
		}
	}
	body, source := io.Pipe()
	played := make(chan error, 1)
	go func() {
		err := clip.Play(ctx, source)
		source.CloseWithError(err)
		played <- err
	}()
	err := d.client.Post(ctx, feed, body)
	body.Close()
	return errors.Join(err, <-played)
}

// view reads what a viewer of the relay gets.
func (d *demo) view(ctx context.Context) error {
	conn, err := d.dialer.Open(ctx, link.Target{URL: d.relay.URL() + "/out/" + stream, Local: true})
	if err == nil {
		err = conn.Serve(ctx, maxMessage, func(message []byte, _ bool) {
			d.mu.Lock()
			defer d.mu.Unlock()
			d.bytes += int64(len(message))
			d.checker.Write(message)
		}, link.UntilLost)
	}
	return fmt.Errorf("view the relay: %w", err)
}
