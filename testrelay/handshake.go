package testrelay

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"vw/testrelay/view"
)

// handle is one request, and the whole life of the link it may become.
func (r *Relay) handle(w http.ResponseWriter, req *http.Request, raw *conn) {
	if r.serveBeside(w, req) {
		return
	}
	visit := r.journal.arrive(req)
	defer r.depart(visit)
	path := req.URL.Path
	r.place(raw, path)
	f := r.faults.at(path)
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
	at, ok := split(path)
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
	case path == "/" && (req.Method == http.MethodGet || req.Method == http.MethodHead):
		r.answer(w, visit, http.StatusOK, about)
	case !ok:
		r.answer(w, visit, http.StatusNotFound, "no such path; there are /in/<topic>, /out/<topic>, /bi/<topic> and /view/<topic>\n")
	case (r.cfg.Auth == AccessAuth || r.cfg.Auth == AnyAuth) && req.Method == http.MethodPost:
		if f.WrongAudience {
			r.answer(w, visit, http.StatusInternalServerError, wrongAudience(req.Host))
			return
		}
		status, text := r.guard.grant(req, at)
		r.answer(w, visit, status, text)
	default:
		r.admitClient(w, req, raw, visit, at)
	}
}

const about = `This is a relay of vw's. Websockets on
  /in/<topic>   are taken from,
  /out/<topic>  are given to,
  /bi/<topic>   both: everybody on a topic to everybody else on it.
A browser plays at
  /view/<topic> what comes in.
`

// serveBeside answers what is neither a visit nor subject to faults. It reports
// whether it has.
func (r *Relay) serveBeside(w http.ResponseWriter, req *http.Request) bool {
	path := req.URL.Path
	topic, isView := strings.CutPrefix(path, "/view/")
	switch {
	case isView && topic == "":
		http.Error(w, "a topic is missing: /view/<topic>", http.StatusNotFound)
	case isView && !r.guard.mayAsk(req, place{"out", topic}), path == "/metrics" && !r.guard.mayAsk(req, place{"out", "metrics"}):
		r.refuse(path, "token")
		http.Error(w, "token is missing or wrong", http.StatusUnauthorized)
	case isView:
		view.Page(w, req, topic)
	case strings.HasPrefix(path, view.Scripts):
		view.Script(w, req)
	case path == "/metrics":
		r.counters.ServeHTTP(w, req)
	case path == "/healthz":
		io.WriteString(w, "ok\n")
	default:
		return false
	}
	return true
}

// split reads /in/<topic>, /out/<topic> and /bi/<topic>.
func split(path string) (at place, ok bool) {
	for _, way := range []string{"in", "out", "bi"} {
		if topic, ok := strings.CutPrefix(path, "/"+way+"/"); ok && topic != "" {
			return place{way, topic}, true
		}
	}
	return place{}, false
}

func (r *Relay) answer(w http.ResponseWriter, visit *Visit, status int, text string) {
	r.journal.change(func() { visit.Status = status })
	if status == http.StatusUnauthorized {
		r.refuse(visit.Path, "token")
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	io.WriteString(w, text)
}

// refuse counts and logs that somebody was not let in, or sent away.
func (r *Relay) refuse(path, reason string) {
	switch reason {
	case "token":
		r.counters.unauthorised.Inc()
	case "message too long":
		r.counters.tooLong.Inc()
	default:
		r.counters.full.Inc()
	}
	r.refusals.Do(func() { r.cfg.Log.Warn("refused a client", "path", path, "reason", reason) })
}

// depart notes the end of a visit.
func (r *Relay) depart(v *Visit) {
	up, code := v.Up, 0
	r.journal.change(func() {
		up, code = v.Up, v.end()
	})
	if up {
		r.cfg.Log.Info("link down", "path", v.Path, "code", code)
	}
}

// admitClient makes a client of a handshake, if it may be one and there is room.
func (r *Relay) admitClient(w http.ResponseWriter, req *http.Request, raw *conn, visit *Visit, at place) {
	token, decision := r.guard.decide(req, at)
	if decision == refused {
		r.answer(w, visit, http.StatusUnauthorized, "token is missing or wrong\n")
		return
	}
	if !websocket.IsWebSocketUpgrade(req) {
		w.Header().Set("Upgrade", "websocket")
		r.answer(w, visit, http.StatusUpgradeRequired, fmt.Sprintf("%s is for websockets\n", req.URL.Path))
		return
	}
	reason := "as many clients as there may be are there"
	var t *topic
	if !r.clients.full() {
		reason = "there are as many topics as there may be"
		t = r.topics.join(at.topic, true)
	}
	if t == nil {
		r.refuse(req.URL.Path, reason)
		w.Header().Set("Retry-After", "5")
		r.answer(w, visit, http.StatusServiceUnavailable, reason+"\n")
		return
	}
	defer r.topics.leave(t)
	c := &client{place: at, relay: r, raw: raw, visit: visit, token: token, topic: t, gone: make(chan struct{})}
	c.queue = queue{limit: r.cfg.QueueBytes, keyFrames: r.cfg.KeyFrames, counters: r.counters,
		log: r.cfg.Log.With("path", req.URL.Path), ready: make(chan struct{}, 1)}
	c.expired.Store(decision == ignored)
	r.upgrade(w, req, c, decision == asked)
}

// upgrade runs the link until it ends.
func (r *Relay) upgrade(w http.ResponseWriter, req *http.Request, c *client, asked bool) {
	ws, err := r.upgrader.Upgrade(w, req, nil)
	if err != nil {
		c.raw.Close()
		return
	}
	c.ws = ws
	if !r.clients.add(c) {
		c.sendClose(websocket.CloseGoingAway)
		c.raw.Close()
		return
	}
	defer r.clients.remove(c)
	r.journal.change(func() { c.visit.Status = http.StatusSwitchingProtocols })
	f := r.faults.at(c.path())
	if f.HangUpUpgraded && f.UpFor == 0 {
		c.raw.Close()
		return
	}
	var ended sync.WaitGroup
	if f.ends() {
		ended.Go(func() { c.end(f) })
	}
	c.run(asked)
	ended.Wait()
}
