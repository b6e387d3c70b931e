package send

import (
	"context"
	"fmt"
	"time"

	"vw/agent/link"
	"vw/agent/link/mqtt"
	"vw/cmd/vw/cli"
)

// maxReply is the longest message that is read, in bytes: a list of all rules
// there can be, and others' messages glued to it.
const maxReply = 16 << 20

// A channel is a command channel, seen from the end that commands.
type channel struct {
	*link.Conn
	broker   *mqtt.Commander // nil where it is a relay's
	timeout  time.Duration
	messages chan []byte // closed when the link is lost, and err says why
	err      error
	end      context.CancelFunc
}

// dial opens a channel, which is known to be there but not yet to be answered.
func dial(ctx context.Context, r cli.Relay, to string) (*channel, error) {
	limited, cancel := context.WithTimeout(ctx, r.Timeout)
	defer cancel()
	to, agent, err := mqtt.SplitURL(to)
	if err != nil {
		return nil, err
	}
	conn, err := r.Dialer.Open(limited, r.Target(to))
	if ctx.Err() != nil {
		return nil, cli.ErrInterrupted
	}
	if err != nil {
		return nil, err
	}
	life, end := context.WithCancel(context.Background())
	c := &channel{Conn: conn, timeout: r.Timeout, messages: make(chan []byte), end: end}
	// it holds one message at most: what is not taken waits in the kernel
	take := func(message []byte) {
		select {
		case c.messages <- message:
		case <-life.Done():
		}
	}
	receive, work := func(message []byte, _ bool) { take(message) }, link.UntilLost
	if conn.Target().MQTT() {
		c.broker = mqtt.NewCommander(conn, agent, take)
		receive, work = c.broker.Receive, c.broker.Serve
	}
	go func() {
		defer close(c.messages)
		c.err = fmt.Errorf("the link was lost: %w", conn.Serve(life, maxReply, receive, work))
	}()
	if c.broker == nil {
		return c, nil
	}
	if _, err = c.broker.Connect(limited); err != nil {
		c.close()
		return nil, err
	}
	return c, nil
}

// send sends one message.
func (c *channel) send(message []byte) error {
	if c.broker != nil {
		return c.broker.WriteText(message)
	}
	return c.WriteText(message)
}

// close ends the link.
func (c *channel) close() {
	c.end()
	for range c.messages {
	}
}

// ask sends one command and collects so many answers to it, or for 0 all that
// come in time. It returns what has come beside an error.
func (c *channel) ask(ctx context.Context, command rawCommand, expect int) (got []answer, err error) {
	message, ref := command.withRef()
	if err := c.send(message); err != nil {
		return nil, fmt.Errorf("the link was lost: %w", err)
	}
	timer := time.NewTimer(c.timeout)
	defer timer.Stop()
	for expect == 0 || len(got) < expect {
		select {
		case message, ok := <-c.messages:
			if !ok {
				return got, c.err
			}
			for _, a := range answers(message) {
				if *a.Ref == ref {
					got = append(got, a)
				}
			}
		case <-timer.C:
			return got, c.missing(len(got), expect)
		case <-ctx.Done():
			return got, cli.ErrInterrupted
		}
	}
	return got, nil
}

// missing returns what is wrong when the time is over, nil for nothing.
func (c *channel) missing(got, expect int) error {
	switch {
	case got > 0 && expect == 0:
		return nil
	case got > 0:
		return fmt.Errorf("%d of %d answers within %v", got, expect, c.timeout)
	case c.Ponged():
		return fmt.Errorf("no answer within %v: the link is up, but no agent answers on it", c.timeout)
	}
	return fmt.Errorf("no answer within %v, not even to a ping: a relay that refuses a token may do so", c.timeout)
}
