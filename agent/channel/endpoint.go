package channel

import (
	"context"
	"sync/atomic"
	"time"

	"vw/agent/link"
	"vw/command"
)

// An endpoint is one rule of the command channel, and its link. Its fields are
// guarded by the channel's lock.
type endpoint struct {
	*link.Link
	channel *Channel
	rule    command.Destination
	ctx     context.Context
	cancel  context.CancelFunc
	began   time.Time
	news    chan struct{} // capacity 1: something that a trial depends on has changed

	at        command.Destination // what is dialled: rule, or in its place another that is known
	turn      int                 // of those that are dialled while none can be reached
	up        bool
	since     time.Time // since when it is up, or is not
	steady    bool      // up for link.SteadyAfter, or a command was done on it
	commanded bool      // a command was ever done at rule
	inbox     chan received
	watches   Watches
	broker    atomic.Pointer[broker] // nil where the link that is up leads to none
	twins     *twins                 // where another link leads to the same topic
}

func target(r command.Destination) link.Target {
	return link.Target{URL: r.Destination, Token: r.Token, Credential: r.Credential, Auth: r.Auth, Local: r.Local}
}

// sameEndpoint compares what is dialled.
func sameEndpoint(a, b command.Destination) bool {
	return a.Destination == b.Destination && a.Token == b.Token && a.Credential == b.Credential && a.Auth == b.Auth
}

// dial starts the link of an endpoint. The caller holds the lock.
func (c *Channel) dial(rule command.Destination) *endpoint {
	e := &endpoint{channel: c, rule: rule, at: rule, began: time.Now(), since: time.Now(), news: make(chan struct{}, 1), watches: NewWatches()}
	e.ctx, e.cancel = context.WithCancel(c.ctx)
	e.inbox = make(chan received, 1)
	e.Link = &link.Link{Dialer: c.Dialer, Session: e, Limit: command.MaxCommand, Greet: e.greet, Shared: true, Log: c.Log.With("id", command.APIRule)}
	c.links.Go(func() { e.Run(e.ctx) })
	c.links.Go(e.work)
	return e
}

// Next returns what the link dials next.
func (e *endpoint) Next() (t link.Target, reset bool) { return e.channel.nextTarget(e) }

// sameTopic reports whether what comes in at one endpoint comes in at the other too.
func sameTopic(a, b command.Destination) bool {
	x, y := target(a), target(b)
	return a.Destination == b.Destination || x.MQTT() && y.MQTT() && x.Host() == y.Host()
}

// Serve keeps account of the link while it is up, and tells on it what is wanted.
func (e *endpoint) Serve(life context.Context, conn *link.Conn) error {
	c := e.channel
	c.update(func() { e.up, e.since = true, time.Now() })
	defer c.update(func() { e.up, e.steady, e.since = false, false, time.Now() })
	defer time.AfterFunc(link.SteadyAfter, func() {
		c.update(func() { e.steady = e.steady || life.Err() == nil })
	}).Stop()
	if b := e.broker.Load(); b != nil {
		return b.serve(life)
	}
	c.Tell(life, conn, e.watches, c.Heartbeat)
	return context.Cause(life)
}

// A Peer is where a message came from, and its replies go.
type Peer interface {
	WriteText([]byte) error
	// Relay is the host at which it was dialled, "" for none.
	Relay() string
}

// A received message waits for its turn on its link.
type received struct {
	from    Peer
	message []byte
	kept    bool // by a broker, who knows since when: it proves that nobody is there
}

// Receive passes a message on.
func (e *endpoint) Receive(conn *link.Conn, message []byte, _ bool) {
	if b := e.broker.Load(); b != nil {
		b.Feed(message)
	} else if !conn.Target().MQTT() {
		e.pass(e.ctx, received{from: conn, message: message})
	}
}

// pass hands a message on. The one before it waits for no splice any more.
func (e *endpoint) pass(life context.Context, m received) {
	select {
	case e.inbox <- m:
		e.channel.Commands.Hurry()
	case <-life.Done():
	}
}

// work answers what comes in, in order, until the endpoint ends.
func (e *endpoint) work() {
	for {
		select {
		case m := <-e.inbox:
			e.answer(m)
		case <-e.ctx.Done():
			return
		}
	}
}

// answer runs the commands of a message, once where it comes in on two links.
func (e *endpoint) answer(m received) {
	c := e.channel
	c.mu.Lock()
	t := e.twins
	c.mu.Unlock()
	run := func() (done, sent bool) {
		did, sent := c.Answer(e.ctx, m.from, command.Remote, m.message)
		e.watches.Ask(did)
		return did.Done, sent
	}
	done := false
	if t != nil {
		done = t.run(e.ctx, e, m.message, run)
	} else {
		done, _ = run()
	}
	if done && !m.kept {
		c.update(func() {
			e.steady = e.up
			e.commanded = e.commanded || sameEndpoint(e.at, e.rule)
		})
	}
}

// update changes what is known of a link, and wakes the trial.
func (c *Channel) update(change func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	change()
	c.noteDown()
	if c.onTrial != nil {
		select {
		case c.onTrial.news <- struct{}{}:
		default:
		}
	}
}

// Answer runs the commands of one message, nil for one that was too long, and
// sends the replies back to where it came from. It reports what came of it, and
// whether all replies were sent.
func (c *Channel) Answer(ctx context.Context, peer Peer, from command.Origin, message []byte) (did command.Handled, sent bool) {
	replied, failed := false, false
	reply := func(b []byte) {
		replied = true
		if err := peer.WriteText(b); err != nil {
			failed = true
			c.Log.Info("reply not sent", "err", err)
		}
	}
	if message == nil {
		reply(command.TooLong())
		return did, !failed
	}
	if from == command.Remote {
		ctx = command.Actor{Who: from.String(), Relay: peer.Relay()}.In(ctx)
	}
	did = c.Commands.Handle(ctx, message, from, reply)
	return did, !failed && (replied || ctx.Err() == nil)
}
