package agent

import (
	"context"
	"net/http"
	"sync"

	"github.com/gorilla/websocket"

	"vw/command"
	"vw/media"
)

// upgrader leaves the question of the origin to guard.
var upgrader = websocket.Upgrader{
	HandshakeTimeout: dialWithin,
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
	c := newConn(ws, l.agent.config.PingInterval)
	var wg sync.WaitGroup
	ctx, lost := context.WithCancelCause(r.Context())
	wg.Go(func() { c.keepAlive(ctx) })
	served := make(chan struct{})
	wg.Go(func() { c.cutLate(ctx, served) })
	if name == apiStream {
		l.commands(ctx, c, lost, &wg)
	} else {
		l.carry(ctx, c, name, lost, &wg)
	}
	close(served)
	c.close(websocket.CloseGoingAway, "")
	c.finish(&wg)
}

// commands serves a command channel until it is lost.
func (l *local) commands(ctx context.Context, c *conn, lost context.CancelCauseFunc, wg *sync.WaitGroup) {
	wg.Go(func() {
		lost(c.read(command.MaxCommand, func(data []byte, _ bool) {
			l.agent.answer(ctx, c, command.Local, data)
		}))
	})
	<-ctx.Done()
}

// carry writes what the feed or stream carries, and takes in what is sent.
func (l *local) carry(ctx context.Context, c *conn, name string, lost context.CancelCauseFunc, wg *sync.WaitGroup) {
	sub := l.agent.router.Subscribe(media.Subscription{Name: name, Client: true, Incoming: true, Cut: c.cut})
	defer sub.Close()
	sub.Start()
	_, notFed := command.FeedName(name)
	wg.Go(func() {
		told := false
		lost(c.read(maxIncoming, func(data []byte, isText bool) {
			err := notFed
			if err == nil && data != nil {
				err = sub.Send(data, isText)
			}
			if err != nil && !told {
				l.agent.log.Warn("message of a local client not taken", "feed", name, "err", err)
			}
			told = err != nil
		}))
	})
	for {
		m, err := sub.Take(ctx)
		if err != nil {
			return
		}
		err = c.write(m)
		sub.Done(true)
		if err != nil {
			return
		}
	}
}
