package testrelay

import (
	"errors"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"
)

// missed is how many pings may go unanswered.
const missed = 3

// client is one upgraded link. It is read by run and written to by write;
// only control frames are sent from elsewhere.
type client struct {
	place
	relay  *Relay
	number int // of all that there were, from 1 on
	raw    *conn
	ws     *websocket.Conn
	visit  *Visit
	token  string // as the handshake showed it, or the first message
	topic  *topic
	queue  queue
	gone   chan struct{} // closed when reading has ended

	up      atomic.Bool // authorised, where that is demanded
	expired atomic.Bool // nothing goes out any more, and nothing counts that comes in
}

// gives and takes report whether what a client sends is taken, and whether it
// is given what others send.
func (c *client) gives() bool { return c.way != "out" }
func (c *client) takes() bool { return c.way != "in" }

// run returns when the link is closed and nothing of it is left. The first
// message is to be the token where it is asked for.
func (c *client) run(asked bool) {
	c.ws.SetReadLimit(int64(c.relay.cfg.MaxMessage))
	c.ws.SetPingHandler(func(data string) error {
		return c.control(websocket.PongMessage, []byte(data))
	})
	c.ws.SetPongHandler(func(string) error {
		c.awaitPong()
		return nil
	})
	c.ws.SetCloseHandler(func(code int, _ string) error {
		c.relay.journal.change(func() { c.visit.CloseCode = code })
		return c.control(websocket.CloseMessage, websocket.FormatCloseMessage(code, ""))
	})
	written := make(chan struct{})
	go func() {
		defer close(written)
		c.write()
	}()
	if !asked || c.authorise() {
		c.join()
		c.read()
		c.topic.stop(&c.queue)
	}
	close(c.gone)
	c.raw.Close()
	<-written
}

// join has the client be given what comes in from now on.
func (c *client) join() {
	if c.takes() {
		c.topic.give(&c.queue, false)
	}
	c.relay.journal.change(func() {
		c.up.Store(true)
		c.visit.Up = true
	})
	c.relay.cfg.Log.Info("link up", "path", c.path())
}

// authorise is the message flow. It reports whether the client may stay.
func (c *client) authorise() bool {
	c.ws.SetReadDeadline(time.Now().Add(tokenWait))
	kind, data, err := c.ws.ReadMessage()
	if err != nil {
		return false
	}
	c.ws.SetReadDeadline(time.Time{})
	if c.relay.faults.at(c.path()).NoReply {
		c.discard()
		return false
	}
	c.token = string(data)
	if kind != websocket.TextMessage || !c.relay.guard.allows(c.token, c.place) {
		c.relay.refuse(c.path(), "token")
		c.deny(c.token, "token is missing or wrong")
		c.ws.SetReadDeadline(time.Now().Add(closeWait))
		c.discard()
		return false
	}
	c.queue.put(verdict(c.topic.name, c.token, true, "ok"))
	return true
}

// deny refuses the token and closes the link.
func (c *client) deny(token, reason string) {
	c.queue.put(verdict(c.topic.name, token, false, reason), closing(websocket.ClosePolicyViolation))
}

// read ends with the link: an error of ReadMessage is always the last.
func (c *client) read() {
	c.awaitPong()
	for {
		kind, data, err := c.ws.ReadMessage()
		if errors.Is(err, websocket.ErrReadLimit) {
			c.relay.refuse(c.path(), "message too long")
		}
		if err != nil {
			return
		}
		c.take(Message{Topic: c.topic.name, Path: c.path(), Link: c.number, Type: kind, Data: data, At: time.Now()})
	}
}

// take counts what the client sent and passes it on to everybody else. Who sees
// the count finds it passed on.
func (c *client) take(m Message) {
	c.relay.counters.messagesIn.Inc()
	c.relay.counters.bytesIn.Add(len(m.Data))
	c.relay.journal.change(func() {
		c.visit.Messages++
		c.visit.Bytes += int64(len(m.Data))
		f := c.relay.faults.at(c.path())
		if c.gives() && !c.expired.Load() && !f.Silent && !f.Swallow {
			c.relay.topics.publish(c.topic, &c.queue, m)
		}
	})
}

// discard is read for a client that may not stay.
func (c *client) discard() {
	for {
		if _, _, err := c.ws.ReadMessage(); err != nil {
			return
		}
	}
}

// awaitPong has the link end unless a pong comes in time.
func (c *client) awaitPong() {
	if every := c.relay.cfg.PingInterval; every > 0 {
		c.ws.SetReadDeadline(time.Now().Add(missed * every))
	}
}

// control answers a control frame, unless the client is met with silence.
func (c *client) control(kind int, data []byte) error {
	if quiet, _ := c.manner(); quiet {
		return nil
	}
	err := c.ws.WriteControl(kind, data, time.Now().Add(writeWait))
	if errors.Is(err, websocket.ErrCloseSent) {
		return nil
	}
	return err
}

// manner is how the client is written to.
func (c *client) manner() (quiet, glue bool) {
	f := c.relay.faults.at(c.path())
	return c.expired.Load() || f.Silent, f.Glue
}

// write writes what waits, and pings, until reading has ended.
func (c *client) write() {
	var due <-chan time.Time
	if every := c.relay.cfg.PingInterval; every > 0 {
		ticker := time.NewTicker(every)
		defer ticker.Stop()
		due = ticker.C
	}
	for {
		select {
		case <-c.gone:
			return
		case <-due:
			_ = c.control(websocket.PingMessage, nil) // the reader waits for the pong
		case <-c.queue.ready:
			if !c.writeQueue() {
				return
			}
		}
	}
}

// writeQueue reports whether the link can be written to on.
func (c *client) writeQueue() bool {
	quiet, glue := c.manner()
	for m, ok := c.queue.pop(glue); ok; m, ok = c.queue.pop(glue) {
		if quiet {
			continue
		}
		c.ws.SetWriteDeadline(time.Now().Add(writeWait))
		err := c.ws.WriteMessage(m.Type, m.Data)
		if errors.Is(err, websocket.ErrCloseSent) {
			return false // the reader waits for the client's answer
		}
		if err != nil {
			c.raw.Close()
			return false
		}
		c.relay.counters.messagesOut.Inc()
		c.relay.counters.bytesOut.Add(len(m.Data))
		quiet, glue = c.manner()
	}
	return true
}

// goodbye sends a close frame and returns when the client has answered it, or
// has been cut off after closeWait. The reader must not wait for itself here.
func (c *client) goodbye(code int) {
	late := time.NewTimer(closeWait)
	defer late.Stop()
	if c.sendClose(code) == nil {
		select {
		case <-c.gone:
			return
		case <-late.C:
		}
	}
	c.raw.Close()
}

// end ends the link by itself, as the faults say.
func (c *client) end(f Faults) {
	due := time.NewTimer(f.UpFor)
	defer due.Stop()
	select {
	case <-due.C:
	case <-c.gone:
		return
	}
	switch {
	case f.HangUpUpgraded:
		c.raw.Close()
		return
	case f.Deny != "":
		c.deny("", f.Deny)
	default:
		c.queue.put(closing(f.CloseUpgraded))
	}
	due.Reset(closeWait)
	select {
	case <-due.C:
		c.raw.Close()
	case <-c.gone:
	}
}

// closing is a close frame that keeps its place among the messages.
func closing(code int) Message {
	return Message{Type: websocket.CloseMessage, Data: websocket.FormatCloseMessage(code, "")}
}

func (c *client) sendClose(code int) error {
	return c.ws.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(code, ""), time.Now().Add(closeWait))
}
