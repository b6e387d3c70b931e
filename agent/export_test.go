package agent

import (
	"context"
	"log/slog"
	"net"
	"time"

	"vw/agent/link"
	"vw/command"
	"vw/media"
)

// A Bench is an agent's destinations without its HTTP side and with another
// network than the machine's, so that they can be run in a bubble of time.
type Bench struct {
	Router  *media.Router
	forward *forward
	end     context.CancelFunc
}

// NewBench makes a bench that dials by dial.
func NewBench(dial func(ctx context.Context, network, address string) (net.Conn, error), ping time.Duration, log *slog.Logger) *Bench {
	ctx, cancel := context.WithCancel(context.Background())
	d := link.New(link.Config{Policy: link.Policy{Loopback: true}, Ping: ping, Dial: dial})
	r := media.NewRouter()
	return &Bench{r, &forward{
		router: r, dialer: d, log: log, ctx: ctx, recording: ctx,
		destinations: map[string]*destination{}, opened: map[string]*media.Recording{}, idle: map[string]error{},
	}, cancel}
}

// Apply puts rules in force, and waits for what they removed to stop.
func (b *Bench) Apply(ctx context.Context, rules ...command.Destination) {
	all := map[string]command.Destination{}
	for _, r := range rules {
		all[r.ID] = r
	}
	b.forward.apply(all).Wait(ctx)
}

// Destinations is their state.
func (b *Bench) Destinations() map[string]DestinationInfo { return b.forward.info() }

// Close ends all links.
func (b *Bench) Close() { b.forward.close(b.end, b.end) }
