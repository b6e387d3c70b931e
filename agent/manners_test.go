package agent_test

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"vw/agent"
	"vw/agent/link"
	"vw/testrelay"
)

// What relays in use do, on demand: each is told by code and in its own words.
func TestMannersOfRealRelaysAreUnderstood(t *testing.T) {
	t.Parallel()
	relay := listen(t, testrelay.Config{})
	access := listen(t, testrelay.Config{Auth: testrelay.AccessAuth, Token: canary})
	bearer := listen(t, testrelay.Config{Auth: testrelay.BearerAuth, Token: canary})
	access.SetFaults("/in/audience", testrelay.Faults{WrongAudience: true})
	access.SetFaults("/in/dead", testrelay.Faults{Silent: true})
	bearer.SetFaults("/in/denied", testrelay.Faults{Deny: "token is missing"})
	a := start(t, relay, agent.Config{})
	channel := orchestrate(t, relay, "agent1")
	post := strings.Replace(access.URL(), "ws", "http", 1)
	for id, want := range map[string]struct {
		url, words string
		code       link.Code
		patient    bool // it is tried again after minutes
	}{
		"audience": {post + "/in/audience", "does not match this host", link.CodeTokenRefused, true},
		"dead":     {post + "/in/dead", "answers no ping", link.CodeNoPong, false},
		"denied":   {bearer.URL() + "/in/denied", "token is missing", link.CodeTokenRefused, true},
	} {
		channel.guarded(id, "video0", want.url, canary, "")
		a.log.await(t, "link down", `"id":"`+id+`"`, want.words)
		s := channel.status().Destinations[id]
		if s.ErrorCode != want.code || s.RetryAt == nil || want.patient != (time.Until(*s.RetryAt) > 4*time.Minute) {
			t.Errorf("%s: %+v", id, s.Info)
		}
	}
	noCanary(t, a, channel)
}

// The link looks perfect: only the token says that nothing gets through.
func TestTokenThatMayNotWriteIsToldWhileTheRelaySwallowsAll(t *testing.T) {
	t.Parallel()
	relay := listen(t, testrelay.Config{})
	relay.SetFaults("/in/video0", testrelay.Faults{Swallow: true})
	start(t, relay, agent.Config{})
	channel := orchestrate(t, relay, "agent1")
	claims := base64.RawURLEncoding.EncodeToString([]byte(`{"scopes":["read"]}`))
	channel.guarded("0", "video0", relay.URL()+"/in/video0", "e30."+claims+"."+canary, "")
	awaitVisits(t, relay, "/in/video0", func(v []testrelay.Visit) bool { return v[0].Up })
	eventually(t, "the link is up", func() bool {
		s := channel.status().Destinations["0"]
		return s.State == link.Up && s.ReadOnly
	})
}

func TestCommandsThatARelayGluesTogetherAreAnsweredInOrder(t *testing.T) {
	t.Parallel()
	relay := listen(t, testrelay.Config{})
	relay.SetFaults("/bi/agent1", testrelay.Faults{Glue: true})
	start(t, relay, agent.Config{})
	channel := orchestrate(t, relay, "agent1")
	const n = 200
	for i := range n {
		channel.send(websocket.TextMessage, jsonOf(map[string]any{"verb": "healthcheck", "ref": jsonOf(i)}))
	}
	for i := 0; i < n; {
		_, message := channel.next()
		for line := range strings.Lines(message) { // replies may be glued too
			var reply struct{ Ref string }
			decode(t, line, &reply)
			if reply.Ref != jsonOf(i) {
				t.Fatalf("reply %d has the ref %q", i, reply.Ref)
			}
			i++
		}
	}
}
