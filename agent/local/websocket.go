package local

import (
	"context"
	"net/http"
	"sync"

	"github.com/gorilla/websocket"

	"vw/agent/channel"
	"vw/agent/forward"
	"vw/agent/link"
	"vw/command"
	"vw/media"
)

// upgrader leaves the question of the origin to guard.
var upgrader = websocket.Upgrader{
	HandshakeTimeout: writeTimeout,
	WriteBufferPool:  &sync.Pool{},
	WriteBufferSize:  media.MaxMessage,
	CheckOrigin:      func(*http.Request) bool { return true },
	Error: func(w http.ResponseWriter, _ *http.Request, status int, reason error) {
		writeError(w, status, reason.Error())
	},
}

// websocket serves what a feed or stream carries, both ways, or the command
// channel of this machine.
func (h *handlers) websocket(w http.ResponseWriter, r *http.Request, name string) {
	name, err := command.StreamName(name)
	if err != nil {
		writeError(w, http.StatusBadRequest, err.Error())
		return
	}
	ws, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return // the upgrader has answered
	}
	c := h.Dialer.Accepted(ws)
	if name == command.APIStream {
		h.answer(r.Context(), c)
	} else {
		h.relay(r.Context(), c, name)
	}
}

// answer serves a command channel until it is lost.
func (h *handlers) answer(ctx context.Context, c *link.Conn) {
	watches := channel.NewWatches()
	receive := func(data []byte, _ bool) {
		did, _ := h.Channel.Answer(ctx, c, command.Local, data)
		watches.Ask(did)
	}
	_ = c.Serve(ctx, command.MaxCommand, receive, func(life context.Context) error { // it was lost
		h.Channel.Tell(life, c, watches, 0)
		return context.Cause(life)
	})
}

// relay writes what the feed or stream carries, and takes in what is sent.
func (h *handlers) relay(ctx context.Context, c *link.Conn, name string) {
	sub := h.Router.Subscribe(media.Subscription{Name: name, Client: true, Incoming: true, Cut: c.Abort})
	defer sub.Close()
	sub.Start()
	_, notFed := command.FeedName(name)
	logged := false
	receive := func(data []byte, isText bool) {
		err := notFed
		if err == nil && data != nil {
			err = sub.Send(data, isText)
		}
		if err != nil && !logged {
			h.Log.Warn("message of a local client not taken", "feed", name, "err", err)
		}
		logged = err != nil
	}
	_ = c.Serve(ctx, forward.MaxIncoming, receive, func(life context.Context) error { // it was lost
		for {
			m, err := sub.Take(life)
			if err != nil {
				return err
			}
			err = c.Write(m.Text, m.Parts...)
			sub.Done(true)
			if err != nil {
				return err
			}
		}
	})
}
