package link_test

import (
	"context"
	"log/slog"

	"vw/agent/link"
)

// An idle session does nothing with its link.
type idle struct{ target link.Target }

func (s idle) Next() (link.Target, bool) { return s.target, false }
func (s idle) Serve(life context.Context, _ *link.Conn) error {
	<-life.Done()
	return context.Cause(life)
}
func (s idle) Receive(*link.Conn, []byte, bool) {}

func newIdle(d *link.Dialer, t link.Target) *link.Link {
	return &link.Link{Dialer: d, Session: idle{t}, Log: slog.New(slog.DiscardHandler), Limit: limit, SlowAfterRefusal: true}
}
