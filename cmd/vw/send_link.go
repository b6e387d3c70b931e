package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"vw/agent/link"
)

var errInterrupted = errors.New("interrupted")

// A channel is a command channel, seen from the end that commands.
type channel struct {
	*link.Conn
	within   time.Duration
	messages chan []byte // closed when the link is lost, and err says why
	err      error
	end      context.CancelFunc
}

func newChannel(conn *link.Conn, within time.Duration) *channel {
	ctx, cancel := context.WithCancel(context.Background())
	c := &channel{Conn: conn, within: within, messages: make(chan []byte), end: cancel}
	// it holds one message at most: what is not taken waits in the kernel
	receive := func(message []byte, _ bool) {
		select {
		case c.messages <- message:
		case <-ctx.Done():
		}
	}
	go func() {
		defer close(c.messages)
		c.err = fmt.Errorf("the link was lost: %w", conn.Serve(ctx, maxReply, receive, func(life context.Context) error {
			<-life.Done()
			return context.Cause(life)
		}))
	}()
	return c
}

// close ends the link.
func (c *channel) close() {
	c.end()
	for range c.messages {
	}
}

// send sends one command and returns its ref.
func (c *channel) send(o order) (ref string, err error) {
	message, ref := o.seal()
	if err := c.WriteText(message); err != nil {
		return "", fmt.Errorf("the link was lost: %w", err)
	}
	return ref, nil
}

// ask sends one command and collects so many answers to it, or for 0 all that
// come in time. It returns what has come beside an error.
func (c *channel) ask(ctx context.Context, o order, expect int) (got []answer, err error) {
	ref, err := c.send(o)
	if err != nil {
		return nil, err
	}
	timer := time.NewTimer(c.within)
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
			return got, errInterrupted
		}
	}
	return got, nil
}

// missing says what is wrong when the time is over, nil for nothing.
func (c *channel) missing(got, expect int) error {
	switch {
	case got > 0 && expect == 0:
		return nil
	case got > 0:
		return fmt.Errorf("%d of %d answers within %v", got, expect, c.within)
	case c.Ponged():
		return fmt.Errorf("no answer within %v: the link is up, but no agent answers on it", c.within)
	}
	return fmt.Errorf("no answer within %v, not even to a ping: a relay that refuses a token may do so", c.within)
}
