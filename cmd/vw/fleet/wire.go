package fleet

import (
	"context"
	"errors"
	"log/slog"
	"sync"

	"vw/agent/link"
	"vw/agent/link/mqtt"
	"vw/cmd/vw/cli"
)

// maxMessage is the longest message that is read, in bytes: the status of an agent
// with all the rules there can be, and others' messages glued to it.
const maxMessage = 16 << 20

// A wire carries messages to the command channel of an agent, and back what is said
// there. It comes back by itself when it is lost.
type wire interface {
	// Run keeps it up until ctx ends.
	Run(ctx context.Context)
	// Send sends one message. It fails while the wire is not up.
	Send(message []byte) error
	// Info returns how it stands.
	Info() link.Info
}

// events are what a wire calls, one at a time.
type events struct {
	take func(message []byte) // what was said; it may hold several JSON values
	up   func()               // the wire has come up
}

var errDown = errors.New("the link is not up")

// newWire returns the wire to an agent. Crowded says that many lead to its relay.
func newWire(r cli.Relay, e Entry, crowded bool, on events) wire {
	url, agent, _ := mqtt.SplitURL(e.URL) // the list was checked
	t := r.Target(url)
	if e.TokenFile != "" {
		t.Token, t.Credential = "", e.TokenFile
	}
	quiet := slog.New(slog.DiscardHandler)
	if t.MQTT() {
		b := &broker{target: t, agent: agent, on: on}
		b.Link = link.Link{Dialer: r.Dialer, Session: b, Greet: b.greet, Log: quiet, Limit: maxMessage, Shared: crowded}
		return b
	}
	w := &websocket{target: t, on: on}
	w.Link = link.Link{Dialer: r.Dialer, Session: w, Log: quiet, Limit: maxMessage, Shared: crowded}
	return w
}

// A websocket is the wire through a relay that passes on what each client of a topic
// says to all others there.
type websocket struct {
	link.Link
	target link.Target
	on     events

	mu   sync.Mutex
	conn *link.Conn // nil: it is not up
}

// Next returns where it leads.
func (w *websocket) Next() (link.Target, bool) { return w.target, false }

// Serve has the link at hand while it is up.
func (w *websocket) Serve(life context.Context, c *link.Conn) error {
	w.use(c)
	defer w.use(nil)
	w.on.up()
	return link.UntilLost(life)
}

func (w *websocket) use(c *link.Conn) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.conn = c
}

// Receive hands on what is said. A message that was too long is nil.
func (w *websocket) Receive(_ *link.Conn, message []byte, _ bool) { w.on.take(message) }

// Send sends one message as text.
func (w *websocket) Send(message []byte) error {
	w.mu.Lock()
	c := w.conn
	w.mu.Unlock()
	if c == nil {
		return errDown
	}
	return c.WriteText(message)
}
