package agent

import (
	"context"
	"log/slog"
	"net"
	"time"

	"vw/agent/link"
	"vw/agent/status"
	"vw/command"
	"vw/media"
)

// Begin starts an agent without its HTTP side that dials by dial, until end is
// called, which returns when it has ended.
func Begin(c Config, dial func(ctx context.Context, network, address string) (net.Conn, error)) (a *Agent, end func(), err error) {
	if a, err = prepare(c); err != nil {
		return nil, nil, err
	}
	a.dialer = link.New(link.Config{Policy: a.dialer.Policy, Ping: c.PingInterval, Dial: dial})
	return a, a.begin(context.Background()), nil
}

// Channel is the state of the command channel.
func (a *Agent) Channel() *status.Channel { return a.control.info() }

// OnDisk returns a configuration whose agent calls f before it opens a file of
// the record folder or writes the state.
func OnDisk(c Config, f func()) Config {
	c.disk = f
	return c
}

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
		router: r, dialer: d, log: log, disk: func() {}, ctx: ctx, recording: ctx,
		destinations: map[string]*destination{}, admitted: map[string]admission{}, opening: make(chan struct{}, 1),
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
func (b *Bench) Destinations() map[string]status.Destination { return b.forward.info() }

// Close ends all links.
func (b *Bench) Close() { b.forward.close(b.end, b.end) }

// LateIPv6 listens on ::1 when it comes.
var LateIPv6 = lateIPv6
