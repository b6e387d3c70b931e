package fleet

import (
	"context"
	"sync"

	"vw/agent/link"
	"vw/agent/link/mqtt"
)

// A broker is the wire through the topics of an agent that a broker has.
type broker struct {
	link.Link
	target link.Target
	agent  string
	on     events

	mu        sync.Mutex
	commander *mqtt.Commander // nil: there is no link
}

// Next returns where it leads.
func (b *broker) Next() (link.Target, bool) { return b.target, false }

// greet speaks MQTT on a new link.
func (b *broker) greet(life context.Context, c *link.Conn) error {
	m := mqtt.NewCommander(c, b.agent, b.on.take)
	b.use(m)
	if _, err := m.Connect(life); err != nil {
		b.use(nil)
		m.Close(false)
		return err
	}
	return nil
}

// Serve has the commander at hand while the link is up.
func (b *broker) Serve(life context.Context, _ *link.Conn) error {
	defer b.use(nil)
	b.on.up()
	return b.present().Serve(life)
}

func (b *broker) use(m *mqtt.Commander) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.commander = m
}

func (b *broker) present() *mqtt.Commander {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.commander
}

// Receive hands on what comes in.
func (b *broker) Receive(_ *link.Conn, data []byte, _ bool) {
	if m := b.present(); m != nil {
		m.Feed(data)
	}
}

// Send publishes one message, and returns when the broker has taken it.
func (b *broker) Send(message []byte) error {
	if m := b.present(); m != nil && b.Info().State == link.Up {
		return m.WriteText(message)
	}
	return errDown
}
