package testrelay_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"vw/testrelay"
)

func TestWrongAudienceIsAnsweredAsPractableDoes(t *testing.T) {
	s := listen(t, testrelay.Config{Auth: testrelay.AccessAuth, Token: "t0ken"})
	s.SetFaults("/bi/a", testrelay.Faults{WrongAudience: true})
	resp, err := http.Post(httpURL(s)+"/bi/a", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	var reply struct {
		Code    int
		Message string
	}
	if err := json.Unmarshal(body, &reply); err != nil || resp.StatusCode != 500 || reply.Code != 500 ||
		!strings.HasPrefix(reply.Message, "aud [") || !strings.Contains(reply.Message, "does not match this host") {
		t.Errorf("%s %q, %v", resp.Status, body, err)
	}
	if status, _ := access(t, http.DefaultClient, httpURL(s)+"/bi/b", "t0ken"); status != http.StatusOK {
		t.Errorf("another path: %d", status)
	}
}

func TestDeniedLinkIsToldWhyAndThenClosed(t *testing.T) {
	s := listen(t, testrelay.Config{Auth: testrelay.BearerAuth, Token: "t0ken"})
	s.SetFaults("/bi/a", testrelay.Faults{Deny: "token is missing"})
	ws, _, err := websocket.DefaultDialer.Dial(s.URL()+"/bi/a", http.Header{"Authorization": {"Bearer t0ken"}})
	if err != nil {
		t.Fatal(err)
	}
	defer ws.Close()
	ws.SetReadDeadline(time.Now().Add(patience))
	wantMessage(t, ws, websocket.TextMessage, `{"topic":"a","token":"","authorised":false,"reason":"token is missing"}`)
	if _, _, err := ws.ReadMessage(); !websocket.IsCloseError(err, websocket.ClosePolicyViolation) {
		t.Errorf("after the reason: %v", err)
	}
}

func TestLinkEndsByItselfAfterAWhileInWhichItWorks(t *testing.T) {
	const up = 300 * time.Millisecond
	for name, c := range map[string]struct {
		faults testrelay.Faults
		code   int
	}{
		"close frame":    {testrelay.Faults{UpFor: up, CloseUpgraded: websocket.ClosePolicyViolation}, websocket.ClosePolicyViolation},
		"no close frame": {testrelay.Faults{UpFor: up, HangUpUpgraded: true}, websocket.CloseAbnormalClosure},
	} {
		t.Run(name, func(t *testing.T) {
			s := listen(t, testrelay.Config{})
			s.SetFaults("/bi/a", c.faults)
			sub := s.Subscribe("a")
			began := time.Now()
			ws := dial(t, s, "/bi/a")
			send(t, ws, websocket.TextMessage, "hello")
			if m, err := sub.Next(patient(t)); err != nil || string(m.Data) != "hello" {
				t.Errorf("%q, %v", m.Data, err)
			}
			ponged := false
			ws.SetPongHandler(func(string) error { ponged = true; return nil })
			if err := ws.WriteMessage(websocket.PingMessage, nil); err != nil {
				t.Fatal(err)
			}
			if _, _, err := ws.ReadMessage(); !websocket.IsCloseError(err, c.code) {
				t.Errorf("the end: %v, want %d", err, c.code)
			}
			if d := time.Since(began); !ponged || d < up {
				t.Errorf("ended after %v, ponged: %v", d, ponged)
			}
			wantVisit(t, s, "/bi/a", func(v testrelay.Visit) bool { return v.Gone })
		})
	}
}

func TestSwallowedMessagesReachNobodyThoughTheLinkLooksPerfect(t *testing.T) {
	s := listen(t, testrelay.Config{})
	s.SetFaults("/bi/a", testrelay.Faults{Swallow: true})
	sub := s.Subscribe("a")
	ws, other := dial(t, s, "/bi/a"), dial(t, s, "/in/a")
	send(t, ws, websocket.TextMessage, "swallowed")
	wantVisit(t, s, "/bi/a", func(v testrelay.Visit) bool { return v.Messages == 1 })
	send(t, other, websocket.TextMessage, "from elsewhere")
	if m, err := sub.Next(patient(t)); err != nil || string(m.Data) != "from elsewhere" {
		t.Errorf("%q, %v", m.Data, err)
	}
	wantMessage(t, ws, websocket.TextMessage, "from elsewhere")
	if ping(t, ws, patience) == "" {
		t.Error("no pong")
	}
}
