package testrelay_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/gorilla/websocket"

	"vw/testrelay"
)

func TestBearerAuthWantsTheHeader(t *testing.T) {
	s := listen(t, testrelay.Config{Auth: testrelay.BearerAuth, Token: "t0ken"})
	for value, status := range map[string]int{
		"": 401, "Bearer ": 401, "Bearer wrong": 401, "t0ken": 401, "Bearer t0ken": 101,
	} {
		ws, resp, err := websocket.DefaultDialer.Dial(s.URL()+"/in/a", http.Header{"Authorization": {value}})
		if err == nil {
			ws.Close()
		}
		if resp == nil || resp.StatusCode != status {
			t.Errorf("%q: %+v, %v; want %d", value, resp, err, status)
		}
	}
	s.SetToken("next")
	if _, _, err := websocket.DefaultDialer.Dial(s.URL()+"/in/a", http.Header{"Authorization": {"Bearer t0ken"}}); !errors.Is(err, websocket.ErrBadHandshake) {
		t.Errorf("the old token: %v", err)
	}
}

func TestNobodyCanShowAnEmptyToken(t *testing.T) {
	s := listen(t, testrelay.Config{Auth: testrelay.BearerAuth})
	if _, _, err := websocket.DefaultDialer.Dial(s.URL()+"/in/a", http.Header{"Authorization": {"Bearer "}}); !errors.Is(err, websocket.ErrBadHandshake) {
		t.Errorf("%v", err)
	}
}

func TestMessageAuthWantsTheTokenFirst(t *testing.T) {
	s := listen(t, testrelay.Config{Auth: testrelay.MessageAuth, Token: "t0ken", Keep: true})
	reply := func(ws *websocket.Conn) map[string]any {
		t.Helper()
		kind, data, err := ws.ReadMessage()
		var m map[string]any
		if err != nil || kind != websocket.TextMessage || json.Unmarshal(data, &m) != nil || len(m) != 4 {
			t.Fatalf("reply %d %q, %v", kind, data, err)
		}
		return m
	}
	wrong := dialUnheard(t, s, "/bi/a")
	send(t, wrong, websocket.TextMessage, "wrong")
	if m := reply(wrong); m["authorised"] != false || m["token"] != "wrong" || m["reason"] == "" || m["topic"] != "a" {
		t.Errorf("refusal: %v", m)
	}
	if _, _, err := wrong.ReadMessage(); !websocket.IsCloseError(err, websocket.ClosePolicyViolation) {
		t.Errorf("after the refusal: %v", err)
	}
	binary := dialUnheard(t, s, "/bi/a")
	send(t, binary, websocket.BinaryMessage, "t0ken")
	if m := reply(binary); m["authorised"] != false {
		t.Errorf("a binary message: %v", m)
	}
	good := dialUnheard(t, s, "/bi/a")
	s.Send("/bi/a", websocket.TextMessage, []byte("not yet"))
	send(t, good, websocket.TextMessage, "t0ken")
	if m := reply(good); m["authorised"] != true || m["token"] != "t0ken" || m["topic"] != "a" {
		t.Errorf("consent: %v", m)
	}
	if err := s.AwaitClient(patient(t), "/bi/a"); err != nil {
		t.Fatal(err)
	}
	send(t, good, websocket.TextMessage, "hello")
	wantVisit(t, s, "/bi/a", func(v testrelay.Visit) bool { return v.Messages == 1 })
	if m := s.Subscribe("a").Drain(); len(m) != 1 || string(m[0].Data) != "hello" {
		t.Errorf("arrived: %+v", m)
	}
}

func TestNoReplyTakesTheTokenAndSaysNothing(t *testing.T) {
	s := listen(t, testrelay.Config{Auth: testrelay.MessageAuth, Token: "t0ken"})
	s.SetFaults("/in/a", testrelay.Faults{NoReply: true})
	ws := dialUnheard(t, s, "/in/a")
	send(t, ws, websocket.TextMessage, "t0ken")
	if ping(t, ws, patience) == "" { // which comes after the token was read
		t.Error("no pong either")
	}
	if v := s.Visits("/in/a"); v[0].Up || v[0].Gone {
		t.Errorf("%+v", v)
	}
}

// access posts to a path and returns the status and the uri that was given.
func access(t *testing.T, client *http.Client, url, token string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(patient(t), http.MethodPost, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", token)
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	var reply struct{ URI string }
	if resp.StatusCode == http.StatusOK {
		if err := json.Unmarshal(body, &reply); err != nil {
			t.Fatalf("%q: %v", body, err)
		}
	}
	return resp.StatusCode, reply.URI
}

func TestAccessAuthGivesACodeThatWorksOnce(t *testing.T) {
	s := listen(t, testrelay.Config{Auth: testrelay.AccessAuth, Token: "t0ken"})
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	for _, token := range []string{"", "wrong", "Bearer t0ken"} {
		if status, _ := access(t, client, httpURL(s)+"/bi/a", token); status != http.StatusUnauthorized {
			t.Errorf("%q: %d", token, status)
		}
	}
	status, uri := access(t, client, httpURL(s)+"/bi/a", "t0ken")
	if status != http.StatusOK || !strings.HasPrefix(uri, s.URL()+"/bi/a?code=") {
		t.Fatalf("%d %q", status, uri)
	}
	path := strings.TrimPrefix(uri, s.URL())
	wantSilentLink(t, s, "/bi/a")
	wantSilentLink(t, s, "/bi/a?code=wrong")
	ws := dialUnheard(t, s, path)
	if ping(t, ws, patience) == "" {
		t.Error("no pong with the right code")
	}
	wantSilentLink(t, s, path) // used up

	_, uri = access(t, client, httpURL(s)+"/bi/a", "t0ken")
	elsewhere := strings.Replace(strings.TrimPrefix(uri, s.URL()), "/bi/a", "/bi/b", 1)
	wantSilentLink(t, s, elsewhere)
}

func TestAccessCodeDies(t *testing.T) {
	s := listen(t, testrelay.Config{Auth: testrelay.AccessAuth, Token: "t0ken", CodeLife: 1})
	_, uri := access(t, http.DefaultClient, httpURL(s)+"/in/a", "t0ken")
	wantSilentLink(t, s, strings.TrimPrefix(uri, s.URL()))
}

// wantSilentLink wants a link that is upgraded and not so much as ponged to.
func wantSilentLink(t *testing.T, s *testrelay.Server, path string) {
	t.Helper()
	ws := dialUnheard(t, s, path)
	send(t, ws, websocket.TextMessage, "to nobody")
	if got := ping(t, ws, while); got != "" {
		t.Errorf("%s: pong", path)
	}
	ws.Close()
}
