package testrelay

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

// handle is one request, and the whole life of the link it may become.
func (r *Relay) handle(w http.ResponseWriter, req *http.Request, raw *conn) {
	if topic, ok := strings.CutPrefix(req.URL.Path, "/view/"); ok {
		r.view(w, req, topic)
		return
	}
	visit := r.arrive(req)
	defer r.depart(visit)
	r.place(raw, req.URL.Path)
	f := r.faultsNow(req.URL.Path)
	if f.Delay > 0 {
		timer := time.NewTimer(f.Delay)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-req.Context().Done():
			raw.Close()
			return
		}
	}
	way, topic, ok := split(req.URL.Path)
	switch {
	case f.HangUp:
		raw.Close()
	case f.Redirect != "":
		w.Header().Set("Location", f.Redirect)
		r.answer(w, visit, http.StatusFound, "")
	case f.Refuse != 0:
		if f.RetryAfter != "" {
			w.Header().Set("Retry-After", f.RetryAfter)
		}
		r.answer(w, visit, f.Refuse, f.RefuseText)
	case req.URL.Path == "/" && (req.Method == http.MethodGet || req.Method == http.MethodHead):
		r.answer(w, visit, http.StatusOK, about)
	case !ok:
		r.answer(w, visit, http.StatusNotFound, "no such path; there are /in/<topic>, /out/<topic> and /bi/<topic>\n")
	case r.cfg.Auth == AccessAuth && req.Method == http.MethodPost:
		r.grant(w, req, visit, f)
	case r.cfg.Auth == BearerAuth && !r.authorised(bearer(req)):
		r.answer(w, visit, http.StatusUnauthorized, "token is missing or wrong\n")
	default:
		c := &client{relay: r, raw: raw, visit: visit, path: req.URL.Path, topic: topic,
			gives: way != "/out/", takes: way != "/in/", gone: make(chan struct{}),
			queue: queue{limit: r.cfg.QueueBytes, ready: make(chan struct{}, 1)}}
		r.upgrade(w, req, c, f)
	}
}

const about = `This is a test relay. Websockets on
  /in/<topic>   are taken from,
  /out/<topic>  are given to,
  /bi/<topic>   both: everybody on a topic to everybody else on it.
A browser sees at
  /view/<topic> what comes in, if it is MPEG-1 video.
`

// split finds way to be "/in/", "/out/" or "/bi/".
func split(path string) (way, topic string, ok bool) {
	for _, way := range []string{"/in/", "/out/", "/bi/"} {
		if topic, ok := strings.CutPrefix(path, way); ok && topic != "" {
			return way, topic, true
		}
	}
	return "", "", false
}

func (r *Relay) answer(w http.ResponseWriter, visit *Visit, status int, text string) {
	r.mu.Lock()
	visit.Status = status
	r.notify()
	r.mu.Unlock()
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	io.WriteString(w, text)
}

// upgrade runs the link until it ends.
func (r *Relay) upgrade(w http.ResponseWriter, req *http.Request, c *client, f Faults) {
	if !websocket.IsWebSocketUpgrade(req) {
		w.Header().Set("Upgrade", "websocket")
		r.answer(w, c.visit, http.StatusUpgradeRequired, fmt.Sprintf("%s is for websockets\n", req.URL.Path))
		return
	}
	known := r.cfg.Auth != AccessAuth || r.redeem(req)
	ws, err := r.upgrader.Upgrade(w, req, nil)
	if err != nil {
		c.raw.Close()
		return
	}
	c.ws = ws
	if !r.register(c, !known) {
		c.sendClose(websocket.CloseGoingAway)
		c.raw.Close()
		return
	}
	defer r.unregister(c)
	if f.HangUpUpgraded && f.UpFor == 0 {
		c.raw.Close()
		return
	}
	var ended sync.WaitGroup
	if f.ends() {
		ended.Go(func() { c.end(f) })
	}
	c.run()
	ended.Wait()
}

// register counts an upgraded client in; not if the relay is closing.
func (r *Relay) register(c *client, expired bool) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.serving {
		return false
	}
	c.visit.Status = http.StatusSwitchingProtocols
	c.expired = expired
	r.clients[c] = struct{}{}
	r.notify()
	return true
}

func (r *Relay) unregister(c *client) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.clients, c)
}
