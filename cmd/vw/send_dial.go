package main

import (
	"context"
	"time"

	"vw/agent/link"
	"vw/command"
)

// maxReply is the longest message that is read, in bytes: a list of all rules
// there can be, and others' messages glued to it.
const maxReply = 16 << 20

// A caller opens links to command channels, as an agent does.
type caller struct {
	token, auth string
	plaintext   bool          // ws:// to other machines is allowed, without a token
	within      time.Duration // bounds each dial, and the wait for answers
	dialer      *link.Dialer
}

// trust makes the dialer. The files are those of link.TLS.
func (c *caller) trust(caFile, certFile, keyFile string) error {
	t, err := link.TLS(caFile, certFile, keyFile)
	c.dialer = link.New(link.Config{Policy: link.Policy{Plaintext: c.plaintext}, TLS: t, Timeout: c.within})
	return err
}

// target is where a URL leads. The URLs are given by who is on this machine.
func (c *caller) target(to string) link.Target {
	return link.Target{URL: to, Token: c.token, Auth: c.auth, Local: true}
}

// check says in words why a URL cannot be dialled. An agent's rules for the
// URL of its command channel hold.
func (c *caller) check(to string) error {
	rule := command.Destination{ID: "apiRule", Stream: "api", Destination: to, Token: c.token, Auth: c.auth}
	if err := rule.Check(); err != nil {
		return err
	}
	return c.dialer.Policy.Check(c.target(to))
}

// dial opens a link, which is known to be there but not yet to be answered.
func (c *caller) dial(ctx context.Context, to string) (*channel, error) {
	within, cancel := context.WithTimeout(ctx, c.within)
	defer cancel()
	conn, err := c.dialer.Open(within, c.target(to))
	if ctx.Err() != nil {
		return nil, errInterrupted
	}
	if err != nil {
		return nil, err
	}
	return newChannel(conn, c.within), nil
}
