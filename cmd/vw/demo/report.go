package demo

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"vw/media/mpegts"
	"vw/media/tscheck"
)

// explain prints lines to try.
func (d *demo) explain() {
	relay, local := d.relay.URL(), d.agent.URL()
	fmt.Fprintf(d.Out, `
Open in a browser:

  %[6]s/view/%[4]s        what a viewer of the relay sees
  %[2]s/                what the agent does: try its switches

Or try in another terminal:

  websocat %[1]s%[3]s        the command channel: then type, a line each
    {"verb":"list","what":"status"}
    {"verb":"add","what":"stream","rule":{"stream":"%[4]s","feeds":["%[5]s:video"]}}       leave the sound out
    {"verb":"add","what":"stream","rule":{"stream":"%[4]s","feeds":["%[5]s"]}}             and have it back
  curl %[2]s/api/destinations/all
  curl %[2]s/api/feeds/all
  curl -X POST -d '{"id":"1","stream":"%[4]s","destination":"%[1]s/in/second"}' %[2]s/api/destinations
  curl -X DELETE %[2]s/api/destinations/1
  curl -s %[2]s/ts/%[4]s | ffplay -        or the same address in VLC

Ctrl-C ends it. What a viewer of %[1]s/out/%[4]s gets:

`, relay, local, apiPath, stream, feed, strings.Replace(relay, "ws", "http", 1))
}

// watch prints one line a second, until ctx ends.
func (d *demo) watch(ctx context.Context) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	begun, before := time.Now(), int64(0)
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			r, bytes := d.seen()
			fmt.Fprintf(d.Out, "%4.0f s  %6.2f Mbit/s  %9d packets  %d continuity errors  %d dropped\n",
				now.Sub(begun).Seconds(), float64(bytes-before)*8/1e6, r.Packets, r.ContinuityErrors, d.dropped(ctx))
			before = bytes
		}
	}
}

func (d *demo) seen() (tscheck.Report, int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.checker.Report(), d.bytes
}

// dropped asks the agent how many packets its queues have dropped.
func (d *demo) dropped(ctx context.Context) (n uint64) {
	s, _, err := d.client.Status(ctx)
	if err != nil {
		return 0 // it is ending
	}
	for _, destination := range s.Destinations {
		n += destination.Queue.Dropped
	}
	return n
}

// verdict prints that video arrived without continuity errors, or returns why not.
func (d *demo) verdict() error {
	r, _ := d.seen()
	if r.ContinuityErrors > 0 {
		return fmt.Errorf("the viewer saw %d continuity errors", r.ContinuityErrors)
	}
	for _, program := range r.Programs {
		for _, track := range program.Tracks {
			if track.Kind == mpegts.Video.String() && track.Packets > 0 {
				fmt.Fprintf(d.Out, "\n%d packets arrived, video among them, without continuity errors\n", r.Packets)
				return nil
			}
		}
	}
	return errors.New("no video arrived")
}
