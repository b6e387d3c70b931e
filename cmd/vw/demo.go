package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"vw/agent"
	"vw/cmd/vw/cli"
	"vw/cmd/vw/clip"
	"vw/media/tscheck"
	"vw/testrelay"
)

const demoHelp = `vw demo shows the whole way on this machine: a test source posts to an agent, which forwards it to
a relay, from which a viewer reads. The agent is commanded through the relay, as an orchestrator
would. It uses ffmpeg if there is one, else a clip of its own.

usage: vw demo [flags]
`

// What the demo calls things.
const (
	demoAPI    = "/bi/demo-api"
	demoStream = "demo"
	demoFeed   = "av"
)

// answerWithin bounds how long the demo waits for its own parts.
const answerWithin = 10 * time.Second

// A demo is a relay, an agent, a source, an orchestrator and a viewer.
type demo struct {
	relay *testrelay.Server
	agent *agent.Agent
	out   io.Writer
	clip  bool // even where there is ffmpeg

	mu      sync.Mutex
	checker *tscheck.Checker // of what the viewer sees
	bytes   int64            // that the viewer has seen
}

func runDemo(ctx context.Context, c *cli.Call) error {
	f := c.Flags(demoHelp)
	length := f.Duration("for", 0, "end by itself after this time, with exit code 0 if video arrived without continuity errors")
	port := f.Int("port", 0, "TCP port of the agent (default: a free one)")
	ownClip := f.Bool("clip", false, "play the built-in clip even where there is ffmpeg")
	if err := f.ReadAll(); err != nil {
		return err
	}
	if *length > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, *length)
		defer cancel()
	}
	d := &demo{out: c.Stdout, clip: *ownClip, checker: tscheck.New(tscheck.Options{})}
	return d.run(ctx, *port)
}

// run plays until ctx ends, and says whether what the viewer saw was sound.
func (d *demo) run(ctx context.Context, port int) (err error) {
	if d.relay, err = testrelay.Listen(testrelay.Config{}); err != nil {
		return err
	}
	defer d.relay.Close()
	d.agent, err = agent.New(agent.Config{Port: port, API: d.relay.URL() + demoAPI, Name: "demo", Version: programVersion()})
	if err != nil {
		return err
	}
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
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	if err := d.relay.AwaitClient(ctx, demoAPI); err != nil {
		return fmt.Errorf("the agent did not come to its command channel: %w", err)
	}
	ws, _, err := websocket.DefaultDialer.DialContext(ctx, d.relay.URL()+demoAPI, nil)
	if err != nil {
		return fmt.Errorf("open the command channel: %w", err)
	}
	defer ws.Close()
	defer context.AfterFunc(ctx, func() { ws.Close() })()
	for _, command := range []string{
		`{"verb":"healthcheck"}`,
		`{"verb":"add","what":"stream","rule":{"stream":"` + demoStream + `","feeds":["` + demoFeed + `"]}}`,
		`{"verb":"add","what":"destination","rule":{"id":"0","stream":"` + demoStream + `","destination":"` + d.relay.URL() + `/in/` + demoStream + `"}}`,
	} {
		if err := ws.WriteMessage(websocket.TextMessage, []byte(command)); err != nil {
			return fmt.Errorf("send a command: %w", err)
		}
		_, reply, err := ws.ReadMessage()
		if err != nil {
			return fmt.Errorf("wait for a reply: %w", err)
		}
		var refused struct{ Error string }
		if err := json.Unmarshal(reply, &refused); err != nil || refused.Error != "" {
			return fmt.Errorf("command %s was answered with %s", command, reply)
		}
		fmt.Fprintf(d.out, "> %s\n< %s\n", command, reply)
	}
	return nil
}

// play posts the source, ffmpeg's or the clip.
func (d *demo) play(ctx context.Context) error {
	url := d.agent.URL() + "/ts/" + demoFeed
	if !d.clip {
		if err := clip.FFmpeg(ctx, url); !errors.Is(err, exec.ErrNotFound) {
			return err
		}
	}
	body, source := io.Pipe()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, body)
	if err != nil {
		return err
	}
	played := make(chan error, 1)
	go func() {
		err := clip.Play(ctx, source)
		source.CloseWithError(err)
		played <- err
	}()
	resp, err := http.DefaultClient.Do(req)
	body.Close()
	if err == nil {
		resp.Body.Close()
	}
	return errors.Join(err, <-played)
}

// view reads what a viewer of the relay gets.
func (d *demo) view(ctx context.Context) error {
	ws, _, err := websocket.DefaultDialer.DialContext(ctx, d.relay.URL()+"/out/"+demoStream, nil)
	if err != nil {
		return fmt.Errorf("view the relay: %w", err)
	}
	defer ws.Close()
	defer context.AfterFunc(ctx, func() { ws.Close() })()
	for {
		_, message, err := ws.ReadMessage()
		if err != nil {
			return fmt.Errorf("view the relay: %w", err)
		}
		d.mu.Lock()
		d.bytes += int64(len(message))
		d.checker.Write(message)
		d.mu.Unlock()
	}
}
