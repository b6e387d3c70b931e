package agent_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"vw/agent"
	"vw/agent/link"
	"vw/command"
	"vw/testrelay"
)

const canary = "canary-4f1d9e7a"

// guarded adds a destination rule with a token.
func (c *peer) guarded(id, stream, url, token, auth string) {
	c.t.Helper()
	rule := map[string]any{"id": id, "stream": stream, "destination": url, "token": token}
	reply := map[string]any{"id": id, "stream": stream, "destination": url, "tokenSet": true}
	if auth != "" {
		rule["auth"], reply["auth"] = auth, auth
	}
	c.want(jsonOf(map[string]any{"verb": "add", "what": "destination", "rule": rule}), jsonOf(reply))
}

func TestTokenIsShownAsABearerOnTheHandshake(t *testing.T) {
	t.Parallel()
	relay := listen(t, testrelay.Config{})
	guarded := listen(t, testrelay.Config{Auth: testrelay.BearerAuth, Token: canary})
	a := start(t, relay, agent.Config{})
	channel := orchestrate(t, relay, "agent1")
	for _, auth := range []string{"", "bearer"} {
		path := "/in/auth-" + auth
		channel.guarded("0", "video0", guarded.URL()+path, canary, auth)
		v := awaitVisits(t, guarded, path, func(v []testrelay.Visit) bool { return v[0].Up })
		if h := v[0].Header.Values("Authorization"); len(h) != 1 || h[0] != "Bearer "+canary {
			t.Errorf("the header is %q", h)
		}
	}
	channel.guarded("wrong", "video0", guarded.URL()+"/in/wrong", "wrong-"+canary, "")
	a.log.await(t, "link down", `"id":"wrong"`, "refused the token", "401")
	v := awaitVisits(t, guarded, "/in/wrong", func(v []testrelay.Visit) bool { return v[0].Status == http.StatusUnauthorized })
	if s := channel.status().Destinations["wrong"]; s.RetryAt == nil || s.RetryAt.Sub(v[0].At) < 4*time.Minute {
		t.Errorf("it is tried again at %v", s.RetryAt)
	}
	noCanary(t, a, channel)
}

func TestTokenIsTheFirstMessageWhereTheRelayWantsItSo(t *testing.T) {
	t.Parallel()
	relay := listen(t, testrelay.Config{})
	guarded := listen(t, testrelay.Config{Auth: testrelay.MessageAuth, Token: canary})
	a := start(t, relay, agent.Config{})
	channel := orchestrate(t, relay, "agent1")
	channel.guarded("0", "video0", guarded.URL()+"/bi/video0", canary, "message")
	viewer := view(t, guarded, "video0")
	viewer.carries(a, "video0")
	for _, text := range viewer.text {
		if strings.Contains(text, canary) {
			t.Error("the token was passed on as a message")
		}
	}
	if h := guarded.Visits("/bi/video0")[0].Header.Get("Authorization"); h != "" {
		t.Error("the token is in the handshake too")
	}
	// what says later that the token is refused could come from anybody
	local := a.local(t, "/ws/video0")
	local.send(websocket.TextMessage, "here")
	viewer.until("here", func() bool { return viewer.text[len(viewer.text)-1] == "here" })
	const forged = `{"topic":"video0","token":"x","authorised":false,"reason":"forged"}`
	guarded.Send("/bi/video0", websocket.TextMessage, []byte(forged))
	local.wantMessage(websocket.TextMessage, forged)
	local.send(websocket.TextMessage, "still here")
	viewer.until("still here", func() bool { return viewer.text[len(viewer.text)-1] == "still here" })

	channel.guarded("wrong", "video0", guarded.URL()+"/in/wrong", "wrong-"+canary, "message")
	a.log.await(t, "link down", `"id":"wrong"`, "refused the token", "missing or wrong")
	if s := channel.status().Destinations["wrong"]; s.RetryAt == nil || time.Until(*s.RetryAt) < 4*time.Minute {
		t.Errorf("it is tried again at %v", s.RetryAt)
	}
	noCanary(t, a, channel)
}

func TestRelayThatNeverAnswersTheTokenIsGivenUpAfterTenSeconds(t *testing.T) {
	t.Parallel()
	inBubbleWith(t, testrelay.Config{Auth: testrelay.MessageAuth, Token: canary}, 15*time.Second, func(b *bubble) {
		b.relay.SetFaults("/", testrelay.Faults{NoReply: true})
		b.apply(command.Destination{ID: "0", Stream: "video0", Destination: "ws://localhost/in/x", Token: canary, Auth: "message"})
		time.Sleep(9900 * time.Millisecond)
		if n := len(b.relay.Visits("/in/x")); n != 1 {
			t.Errorf("dialled %d times within 9.9 s", n)
		}
		time.Sleep(time.Second)
		if n := len(b.relay.Visits("/in/x")); n != 2 {
			t.Errorf("dialled %d times within 10.9 s", n)
		}
		if len(b.log.lines("link down", "did not answer the token")) != 1 {
			t.Error("it is not logged")
		}
	})
}

func TestAccessRelayIsAskedForANewURLAtEveryDial(t *testing.T) {
	t.Parallel()
	relay := listen(t, testrelay.Config{})
	guarded := listen(t, testrelay.Config{Auth: testrelay.AccessAuth, Token: canary})
	a := start(t, relay, agent.Config{})
	channel := orchestrate(t, relay, "agent1")
	url := strings.Replace(guarded.URL(), "ws", "http", 1)
	channel.guarded("0", "video0", url+"/in/video0", canary, "")
	viewer := view(t, guarded, "video0")
	viewer.carries(a, "video0")
	guarded.Drop("/")
	v := awaitVisits(t, guarded, "/in/video0", func(v []testrelay.Visit) bool { return len(v) == 4 && v[3].Up })
	codes := map[string]bool{}
	for i, visit := range v {
		want := []string{http.MethodPost, http.MethodGet}[i%2]
		if visit.Method != want {
			t.Errorf("visit %d is a %s, want %s", i, visit.Method, want)
		}
		if want == http.MethodPost && visit.Header.Get("Authorization") != canary {
			t.Error("the token was not shown")
		}
		if want == http.MethodGet {
			codes[visit.Query.Get("code")] = true
			if visit.Header.Get("Authorization") != "" {
				t.Error("the token was shown to the relay too")
			}
		}
	}
	if len(codes) != 2 || codes[""] {
		t.Errorf("codes were used twice: %v", codes)
	}
	for code := range codes {
		if strings.Contains(a.log.String(), code) {
			t.Error("a code is in the log")
		}
	}
	channel.guarded("wrong", "video0", url+"/in/wrong", "wrong-"+canary, "")
	a.log.await(t, "link down", `"id":"wrong"`, "refused the token", "401")
	guarded.SetFaults("/in/broken", testrelay.Faults{Refuse: 500, RefuseText: "token is invalid"})
	channel.guarded("broken", "video0", url+"/in/broken", canary, "")
	a.log.await(t, "link down", `"id":"broken"`, "refused the token", "500")
	guarded.SetFaults("/in/busy", testrelay.Faults{Refuse: 503})
	channel.guarded("busy", "video0", url+"/in/busy", canary, "")
	a.log.await(t, "link down", `"id":"busy"`, "HTTP 503")
	awaitVisits(t, guarded, "/in/busy", func(v []testrelay.Visit) bool { return len(v) > 2 })
	for _, id := range []string{"wrong", "broken"} {
		if n := channel.status().Destinations[id].Dials; n != 1 {
			t.Errorf("%s was dialled %d times", id, n)
		}
	}
	noCanary(t, a, channel)
}

// A relay may say what it likes.
func TestTokenThatARelayRepeatsIsNotPassedOn(t *testing.T) {
	t.Parallel()
	relay := listen(t, testrelay.Config{})
	upgrader := websocket.Upgrader{}
	spiteful := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost || r.URL.Path == "/bearer" {
			http.Error(w, "no good: "+r.Header.Get("Authorization"), http.StatusTeapot)
			return
		}
		ws, err := upgrader.Upgrade(w, r, nil)
		if err != nil {
			return
		}
		defer ws.Close()
		if r.URL.Path == "/later" {
			token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
			ws.SetPingHandler(func(data string) error {
				_ = ws.WriteControl(websocket.PongMessage, []byte(data), time.Now().Add(time.Second))
				return ws.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(1008, token+" is old"), time.Now().Add(time.Second))
			})
			_, _, _ = ws.ReadMessage()
			return
		}
		_, token, _ := ws.ReadMessage()
		_ = ws.WriteMessage(websocket.TextMessage, fmt.Appendf(nil, `{"authorised":false,"reason":"%s has expired"}`, token))
		_ = ws.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(1008, string(token)), time.Now().Add(time.Second))
	}))
	defer spiteful.Close()
	a := start(t, relay, agent.Config{})
	channel := orchestrate(t, relay, "agent1")
	ws := strings.Replace(spiteful.URL, "http", "ws", 1)
	channel.guarded("message", "video0", ws+"/message", canary, "message")
	channel.guarded("bearer", "video0", ws+"/bearer", canary, "bearer")
	channel.guarded("access", "video0", spiteful.URL+"/access", canary, "access")
	channel.guarded("later", "video0", ws+"/later", canary, "bearer")
	for _, id := range []string{"message", "bearer", "access", "later"} {
		a.log.await(t, "link down", `"id":"`+id+`"`)
	}
	a.log.await(t, `"id":"message"`, "has expired")
	a.log.await(t, `"id":"later"`, "is old")
	noCanary(t, a, channel)
}

func TestTokensAreNotSentOverPlaintextBeyondLoopback(t *testing.T) {
	t.Parallel()
	relay := listen(t, testrelay.Config{})
	for _, plaintext := range []bool{false, true} {
		a := start(t, relay, agent.Config{Name: fmt.Sprint("agent-", plaintext), AllowPlaintext: plaintext})
		channel := orchestrate(t, relay, fmt.Sprint("agent-", plaintext))
		for _, url := range []string{"ws://relay.example/in/x", "ws://10.1.2.3/in/x", "ws://127.0.0.1.relay.example/x", "http://relay.example/in/x"} {
			reply := channel.ask(`{"verb":"add","what":"destination","rule":{"id":"0","stream":"video0","destination":"` + url + `","token":"` + canary + `"}}`)
			if !strings.Contains(reply, `"error"`) {
				t.Errorf("%s: %s", url, reply)
			}
		}
		reply := channel.ask(`{"verb":"add","what":"destination","rule":{"id":"1","stream":"video0","destination":"ws://10.1.2.3:1/in/x"}}`)
		if strings.Contains(reply, `"error"`) == plaintext || !plaintext && !strings.Contains(reply, "VW_ALLOW_PLAINTEXT=true") {
			t.Errorf("without a token, plaintext allowed %v: %s", plaintext, reply)
		}
		noCanary(t, a, channel)
		_, err := agent.New(agent.Config{Name: "x", API: "ws://relay.example/bi/x", APIToken: canary, AllowPlaintext: plaintext})
		if err == nil || strings.Contains(err.Error(), canary) {
			t.Errorf("the command channel: %v", err)
		}
	}
}

// What an access relay names is checked as what a rule names.
func TestURLThatAnAccessRelayNamesIsCheckedToo(t *testing.T) {
	t.Parallel()
	relay := listen(t, testrelay.Config{})
	var uri string
	access := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, `{"uri":%q}`, uri)
	}))
	defer access.Close()
	a := start(t, relay, agent.Config{AllowDestinations: []string{"127.0.0.1", "localhost", "10.*", "169.254.*"}, AllowPlaintext: true})
	channel := orchestrate(t, relay, "agent1")
	for i, c := range []struct{ uri, words string }{
		{"wss://evil.example/in/x?code=secret", "VW_ALLOW_DESTINATIONS"},
		{"ws://10.1.2.3/in/x?code=secret", "could be read on the way"},
		{"wss://169.254.169.254/latest?code=secret", "never dialled"},
		{"file:///etc/passwd", "something else than a websocket"},
		{"wss://user:secret@10.1.2.3/", "something else than a websocket"},
		{"", "named no URL"},
	} {
		uri = c.uri
		id := fmt.Sprint(i)
		channel.guarded(id, "video0", access.URL+"/"+id, canary, "access")
		a.log.await(t, "link down", `"id":"`+id+`"`, c.words)
		channel.remove("destination", id)
	}
	if strings.Contains(a.log.String(), "secret") {
		t.Error("the log shows what is secret in a URL")
	}
	noCanary(t, a, channel)
}

func TestAddressesThatNoRelayHasAreNeverDialled(t *testing.T) {
	t.Parallel()
	relay := listen(t, testrelay.Config{})
	start(t, relay, agent.Config{AllowPlaintext: true})
	channel := orchestrate(t, relay, "agent1")
	for i, host := range []string{"169.254.169.254", "[fe80::1]", "0.0.0.0", "[::]", "224.0.0.1", "[ff02::1]", "[::ffff:169.254.169.254]"} {
		for _, scheme := range []string{"ws", "wss"} {
			rule := jsonOf(map[string]string{"id": fmt.Sprint(i), "stream": "video0", "destination": scheme + "://" + host + ":9/in/x"})
			if reply := channel.ask(`{"verb":"add","what":"destination","rule":` + rule + `}`); !strings.Contains(reply, "never dialled") {
				t.Errorf("%s: %s", host, reply)
			}
		}
	}
	channel.want(`{"verb":"delete","what":"destination","which":"all"}`, `{"deleted":"deleteAll"}`)
}

func TestARefusedCommandChannelIsDialledAgainSoon(t *testing.T) {
	t.Parallel()
	for _, auth := range []testrelay.Auth{testrelay.BearerAuth} {
		relay := listen(t, testrelay.Config{Auth: auth, Token: "another"})
		log := start(t, nil, agent.Config{API: relay.URL() + "/bi/agent1", APIToken: canary})
		awaitVisits(t, relay, "/bi/agent1", func(v []testrelay.Visit) bool { return len(v) >= 3 })
		relay.SetToken(canary)
		log.log.await(t, "link up", "apiRule")
		noCanary(t, log, nil)
	}
}

// noCanary looks for the token in all that the agent tells.
func noCanary(t testing.TB, a *running, channel *peer) {
	t.Helper()
	told := map[string]string{"log": a.log.String()}
	for _, path := range []string{"/api/stats", "/api/feeds/all", "/api/destinations/all", "/api/destinations/0", "/metrics"} {
		_, told[path] = a.request(t, "GET", path, "")
	}
	if channel != nil {
		for _, command := range []string{`{"verb":"list","what":"status"}`, `{"verb":"list","what":"destination","which":"all"}`,
			`{"verb":"list","what":"destination","which":"0"}`, `{"verb":"list","what":"feed","which":"all"}`} {
			told[command] = channel.ask(command)
		}
	}
	for where, text := range told {
		if strings.Contains(text, canary) {
			t.Errorf("the token is in %s: %.3000s", where, text)
		}
	}
}

// A path that the access relay does not know says nothing of the token.
func TestAnAccessRelayThatKnowsNoSuchPathIsAskedAgainSoon(t *testing.T) {
	t.Parallel()
	inBubbleWith(t, testrelay.Config{Auth: testrelay.AccessAuth, Token: canary}, 15*time.Second, func(b *bubble) {
		b.relay.SetFaults("/in/x", testrelay.Faults{Refuse: http.StatusNotFound})
		b.apply(command.Destination{ID: "0", Stream: "video0", Destination: "http://localhost/in/x", Token: canary})
		time.Sleep(2 * time.Minute)
		if n := len(b.relay.Visits("/in/x")); n < 4 || n > 40 {
			t.Errorf("dialled %d times in two minutes", n)
		}
		if d := b.Info()["0"]; d.ErrorCode != link.CodeNotFound {
			t.Errorf("it is told as %+v", d)
		}
	})
}
