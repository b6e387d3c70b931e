package testrelay

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"sync"
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
	// AnyAuth takes a token in each of these ways, and from browsers, which
	// cannot set headers, as ?token= on /out and /view. Where no way is tried
	// it waits for the message. A wrong code is answered 401.
	AnyAuth Auth = "any"
)

// Tokens tells what a token may do. It is asked again every second about the
// tokens of those who are there.
type Tokens interface {
	// Allows reports whether the token may be used on /way/topic: way is in,
	// out or bi.
	Allows(token, way, topic string) bool
}

// A place is where a client wants to be: /way/topic.
type place struct{ way, topic string }

func (p place) path() string { return "/" + p.way + "/" + p.topic }

// code is good for one handshake at path.
type code struct {
	place
	token string
	until time.Time
}

// guard knows who may come in.
type guard struct {
	auth     Auth
	tokens   Tokens // nil: token alone may do everything
	codeLife time.Duration
	secure   bool // the relay speaks TLS itself

	mu    sync.Mutex
	token string
	codes map[string]code
}

// SetToken changes the token that the next clients have to show; the present
// ones stay.
func (g *guard) SetToken(token string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.token = token
}

func (g *guard) allows(token string, at place) bool {
	if g.tokens != nil {
		return g.tokens.Allows(token, at.way, at.topic)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	return token != "" && token == g.token
}

// A decision is what becomes of a handshake.
type decision int

const (
	welcome decision = iota
	refused          // 401
	asked            // its first message is to be the token
	ignored          // silence follows
)

// decide looks at a handshake, and returns the token that was shown.
func (g *guard) decide(req *http.Request, at place) (string, decision) {
	shown, query := "", req.URL.Query()
	authorization := req.Header.Get("Authorization")
	switch {
	case g.auth == NoAuth:
		return "", welcome
	case g.auth == MessageAuth:
		return "", asked
	case g.auth == AccessAuth, g.auth == AnyAuth && query.Has("code"):
		if token, ok := g.redeem(query.Get("code"), at); ok {
			return token, welcome
		}
		if g.auth == AccessAuth {
			return "", ignored
		}
		return "", refused
	case g.auth == AnyAuth && at.way == "out" && query.Has("token"):
		shown = query.Get("token")
	case g.auth == AnyAuth && authorization == "":
		return "", asked
	default:
		shown, _ = strings.CutPrefix(authorization, "Bearer ")
		if shown == authorization {
			return "", refused
		}
	}
	if !g.allows(shown, at) {
		return "", refused
	}
	return shown, welcome
}

// mayAsk reports whether a plain request may have what is at a place.
func (g *guard) mayAsk(req *http.Request, at place) bool {
	token, ok := strings.CutPrefix(req.Header.Get("Authorization"), "Bearer ")
	if !ok && g.auth == AnyAuth {
		token = req.URL.Query().Get("token")
	}
	return g.auth == NoAuth || g.allows(token, at)
}

// grant is the first half of the access flow: it returns the status and the body.
func (g *guard) grant(req *http.Request, at place) (int, string) {
	token := req.Header.Get("Authorization")
	if !g.allows(token, at) {
		return http.StatusUnauthorized, "token is missing or wrong\n"
	}
	id := rand.Text()
	g.mu.Lock()
	maps.DeleteFunc(g.codes, func(_ string, c code) bool { return time.Now().After(c.until) })
	g.codes[id] = code{place: at, token: token, until: time.Now().Add(g.codeLife)}
	g.mu.Unlock()
	uri := url.URL{Scheme: "ws", Host: req.Host, Path: req.URL.Path, RawQuery: "code=" + id}
	if g.secure || req.Header.Get("X-Forwarded-Proto") == "https" {
		uri.Scheme = "wss"
	}
	reply, err := json.Marshal(map[string]string{"uri": uri.String()})
	if err != nil {
		return http.StatusInternalServerError, ""
	}
	return http.StatusOK, string(reply)
}

// redeem is the second half: it uses a code up.
func (g *guard) redeem(id string, at place) (token string, ok bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	c, ok := g.codes[id]
	delete(g.codes, id)
	return c.token, ok && c.place == at && time.Now().Before(c.until)
}

// verdict is the answer to a token that came as a message.
func verdict(topic, token string, authorised bool, reason string) Message {
	text, _ := json.Marshal(struct { // strings and a bool: it cannot fail
		Topic      string `json:"topic"`
		Token      string `json:"token"`
		Authorised bool   `json:"authorised"`
		Reason     string `json:"reason"`
	}{topic, token, authorised, reason})
	return Message{Type: websocket.TextMessage, Data: text}
}

// wrongAudience is what a relay answers that is not the token's audience.
func wrongAudience(host string) string {
	return fmt.Sprintf(`{"code":500,"message":"aud [https://other.relay.example] does not match this host https://%s"}`, host)
}
