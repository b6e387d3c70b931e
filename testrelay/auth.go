package testrelay

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/gorilla/websocket"
)

// tokenWait is how long a client has to send its token as a message.
const tokenWait = 10 * time.Second

// Auth is how a relay wants to be shown the token.
type Auth string

const (
	// NoAuth lets everybody in.
	NoAuth Auth = ""
	// BearerAuth wants "Authorization: Bearer <token>" on the handshake, and
	// answers 401 without.
	BearerAuth Auth = "bearer"
	// MessageAuth wants the raw token as the first text message, within 10 s,
	// and answers one text message:
	// {"topic":…,"token":…,"authorised":true or false,"reason":…}.
	// The refused are then sent away with close code 1008.
	MessageAuth Auth = "message"
	// AccessAuth answers a POST to the path with "Authorization: <token>" by
	// {"uri":"wss://…?code=…"}, or by 401. The code works once and for
	// Config.CodeLife; with any other or none the handshake succeeds and
	// silence follows.
	AccessAuth Auth = "access"
)

// code is good for one handshake at path.
type code struct {
	path  string
	until time.Time
}

// SetToken changes the token that the next clients have to show; the present
// ones stay.
func (r *Relay) SetToken(token string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.token = token
}

func (r *Relay) authorised(token string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return token != "" && token == r.token
}

func bearer(req *http.Request) string {
	token, ok := strings.CutPrefix(req.Header.Get("Authorization"), "Bearer ")
	if !ok {
		return ""
	}
	return token
}

// grant is the first half of the access flow.
func (r *Relay) grant(w http.ResponseWriter, req *http.Request, visit *Visit, f Faults) {
	if f.WrongAudience {
		r.answer(w, visit, http.StatusInternalServerError,
			fmt.Sprintf(`{"code":500,"message":"aud [https://other.relay.example] does not match this host https://%s"}`, req.Host))
		return
	}
	if !r.authorised(req.Header.Get("Authorization")) {
		r.answer(w, visit, http.StatusUnauthorized, "token is missing or wrong\n")
		return
	}
	id := rand.Text()
	r.mu.Lock()
	maps.DeleteFunc(r.codes, func(_ string, c code) bool { return time.Now().After(c.until) })
	r.codes[id] = code{path: req.URL.Path, until: time.Now().Add(r.cfg.CodeLife)}
	r.mu.Unlock()
	uri := url.URL{Scheme: r.scheme(), Host: req.Host, Path: req.URL.Path, RawQuery: "code=" + id}
	reply, err := json.Marshal(map[string]string{"uri": uri.String()})
	if err != nil {
		r.answer(w, visit, http.StatusInternalServerError, "")
		return
	}
	r.answer(w, visit, http.StatusOK, string(reply))
}

// redeem is the second half: it uses the request's code up.
func (r *Relay) redeem(req *http.Request) bool {
	id := req.URL.Query().Get("code")
	r.mu.Lock()
	defer r.mu.Unlock()
	c, ok := r.codes[id]
	delete(r.codes, id)
	return ok && c.path == req.URL.Path && time.Now().Before(c.until)
}

// authorise is the message flow. It reports whether the client may stay.
func (c *client) authorise() bool {
	c.ws.SetReadDeadline(time.Now().Add(tokenWait))
	kind, data, err := c.ws.ReadMessage()
	if err != nil {
		return false
	}
	c.ws.SetReadDeadline(time.Time{})
	if c.relay.faultsNow(c.path).NoReply {
		c.discard()
		return false
	}
	if kind != websocket.TextMessage || !c.relay.authorised(string(data)) {
		c.deny(string(data), "token is missing or wrong")
		c.ws.SetReadDeadline(time.Now().Add(closeWait))
		c.discard()
		return false
	}
	c.queue.put(c.verdict(string(data), true, "ok"))
	return true
}

// deny refuses the token and closes the link.
func (c *client) deny(token, reason string) {
	c.queue.put(c.verdict(token, false, reason), closing(websocket.ClosePolicyViolation))
}

func (c *client) verdict(token string, authorised bool, reason string) Message {
	text, _ := json.Marshal(struct { // strings and a bool: it cannot fail
		Topic      string `json:"topic"`
		Token      string `json:"token"`
		Authorised bool   `json:"authorised"`
		Reason     string `json:"reason"`
	}{c.topic, token, authorised, reason})
	return Message{Type: websocket.TextMessage, Data: text}
}
