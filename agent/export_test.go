package agent

import (
	"context"
	"net"

	"vw/agent/status"
)

// Begin starts an agent without its HTTP side that dials by dial, until end is
// called, which returns when it has ended.
func Begin(c Config, dial func(ctx context.Context, network, address string) (net.Conn, error)) (a *Agent, end func(), err error) {
	if err = c.fill(); err != nil {
		return nil, nil, err
	}
	if a, err = build(c, nil, dial); err != nil {
		return nil, nil, err
	}
	return a, a.start(context.Background()), nil
}

// NewOn is New for an agent that listens and dials where it is told to.
func NewOn(c Config, listeners []net.Listener, dial func(ctx context.Context, network, address string) (net.Conn, error)) (*Agent, error) {
	if err := c.fill(); err != nil {
		return nil, err
	}
	return build(c, listeners, dial)
}

// Channel is the state of the command channel.
func (a *Agent) Channel() *status.Channel { return a.channel.Info() }

// OnDisk returns a configuration whose agent calls f before it opens a file of
// the record folder or writes the state.
func OnDisk(c Config, f func()) Config {
	c.disk = f
	return c
}
