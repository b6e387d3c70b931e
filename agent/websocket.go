package agent

import (
	"context"
	"net/http"
	"sync"

	"github.com/gorilla/websocket"

	"vw/agent/forward"
	"vw/agent/link"
	"vw/command"
	"vw/media"
)

// upgrader leaves the question of the origin to guard.
var upgrader = websocket.Upgrader{
	HandshakeTimeout: writeWithin,
	WriteBufferPool:  &sync.Pool{},
	WriteBufferSize:  media.MaxMessage,
	CheckOrigin:      func(*http.Request) bool { return true },
	Error: func(w http.ResponseWriter, _ *http.Request, status int, reason error) {
		fail(w, status, reason.Error())
	},
}

// websocket serves what a feed or stream carries, both ways, or the command
// channel of this machine.
func (l *local) websocket(w http.ResponseWriter, r *http.Request, name string) {
	if !only(w, r, http.MethodGet) {
		return
	}
	name, err := command.StreamName(name)
	if err != nil {
		fail(w, http.StatusBadRequest, err.Error())
		return
	}
	ws, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return // the upgrader has answered
	}
	c := l.agent.dialer.Accepted(ws)
	if name == command.APIStream {
		l.commands(r.Context(), c)
	} else {
		l.carry(r.Context(), c, name)
	}
}

// commands serves a command channel until it is lost.
func (l *local) commands(ctx context.Context, c *link.Conn) {
	answer := func(data []byte, _ bool) { l.agent.channel.Answer(ctx, c, command.Local, data) }
	_ = c.Serve(ctx, command.MaxCommand, answer, func(life context.Context) error { // it was lost
		<-life.Done()
		return nil
	})
}

// carry writes what the feed or stream carries, and takes in what is sent.
func (l *local) carry(ctx context.Context, c *link.Conn, name string) {
	sub := l.agent.router.Subscribe(media.Subscription{Name: name, Client: true, Incoming: true, Cut: c.Abort})
	defer sub.Close()
	sub.Start()
	_, notFed := command.FeedName(name)
	told := false
	receive := func(data []byte, isText bool) {
		err := notFed
		if err == nil && data != nil {
			err = sub.Send(data, isText)
		}
		if err != nil && !told {
			l.agent.log.Warn("message of a local client not taken", "feed", name, "err", err)
		}
		told = err != nil
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
