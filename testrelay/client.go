package testrelay

import (
	"errors"
	"time"

	"github.com/gorilla/websocket"
)

// client is one upgraded link. It is read by run and written to by write;
// only control frames are sent from elsewhere.
type client struct {
	relay *Relay
	raw   *conn
	ws    *websocket.Conn
	path  string
	topic string
	gives bool // what it sends is taken: /in, /bi
	takes bool // it is given what others send: /out, /bi
	queue queue
	gone  chan struct{} // closed when reading has ended

	visit   *Visit // relay.mu
	up      bool   // relay.mu; authorised, where that is demanded
	expired bool   // relay.mu; nothing goes out any more, and nothing counts that comes in
}

// run returns when the link is closed and nothing of it is left.
func (c *client) run() {
	c.ws.SetReadLimit(int64(c.relay.cfg.QueueBytes))
	c.ws.SetPingHandler(func(data string) error {
		return c.control(websocket.PongMessage, []byte(data))
	})
	c.ws.SetCloseHandler(func(code int, _ string) error {
		c.relay.closing(c, code)
		return c.control(websocket.CloseMessage, websocket.FormatCloseMessage(code, ""))
	})
	written := make(chan struct{})
	go func() {
		defer close(written)
		c.write()
	}()
	if c.relay.cfg.Auth != MessageAuth || c.authorise() {
		c.relay.setUp(c)
		c.read()
	}
	close(c.gone)
	c.raw.Close()
	<-written
}

// read ends with the link: an error of ReadMessage is always the last.
func (c *client) read() {
	for {
		kind, data, err := c.ws.ReadMessage()
		if err != nil {
			return
		}
		c.relay.take(c, Message{Topic: c.topic, Path: c.path, Type: kind, Data: data, At: time.Now()})
	}
}

// discard is read for a client that may not stay.
func (c *client) discard() {
	for {
		if _, _, err := c.ws.ReadMessage(); err != nil {
			return
		}
	}
}

// control answers a control frame, unless the client is met with silence.
func (c *client) control(kind int, data []byte) error {
	if quiet, _ := c.relay.manner(c); quiet {
		return nil
	}
	err := c.ws.WriteControl(kind, data, time.Now().Add(writeWait))
	if errors.Is(err, websocket.ErrCloseSent) {
		return nil
	}
	return err
}

func (c *client) write() {
	for {
		select {
		case <-c.gone:
			return
		case <-c.queue.ready:
		}
		quiet, glue := c.relay.manner(c)
		for m, ok := c.queue.pop(glue); ok; m, ok = c.queue.pop(glue) {
			if quiet {
				continue
			}
			c.ws.SetWriteDeadline(time.Now().Add(writeWait))
			err := c.ws.WriteMessage(m.Type, m.Data)
			if errors.Is(err, websocket.ErrCloseSent) {
				return // the reader waits for the client's answer
			}
			if err != nil {
				c.raw.Close()
				return
			}
			quiet, glue = c.relay.manner(c)
		}
	}
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
