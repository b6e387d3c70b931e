// Package local is what this machine sees of an agent: HTTP on loopback, with the
// feeds' ingest, REST, websockets, metrics, previews and the page. It keeps other
// web pages out. It must not know how a rule is put in force, nor who else is told
// of the status.
package local

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"net"

	"vw/agent/channel"
	"vw/agent/link"
	"vw/agent/owner"
	"vw/agent/state"
	"vw/agent/status"
	"vw/command"
	"vw/media"
)

// Config is what the room needs of the agent around it.
type Config struct {
	Listeners []net.Listener // of Listen
	Router    *media.Router
	Dialer    *link.Dialer // whose bounds accepted websockets share
	Commands  *command.Handler
	Channel   *channel.Channel
	Owner     *owner.Owner
	Store     *state.Store
	Journal   Journal
	Reporter  Reporter
	Root      string // where this machine's file system begins
	Log       *slog.Logger
}

// A Journal keeps who did what: ctx has the command.Actor.
type Journal interface {
	Endpoint(ctx context.Context, which string)
}

// A Reporter tells the agent's status, as this machine may know it.
type Reporter interface{ Status() status.Status }

// handlers answer requests. Each is a method with the rest of the path.
type handlers struct {
	Config
	token     string // of this run: the page has it, and nothing else of its origin
	pictures  chan picturer
	misplaced misplaced
}

func newHandlers(c Config) *handlers {
	h := &handlers{Config: c, token: rand.Text(), pictures: make(chan picturer, 1)}
	h.pictures <- picturer{}
	return h
}

// errStopping is the cause of every request's end when the server ends.
var errStopping = errors.New("shutting down")
