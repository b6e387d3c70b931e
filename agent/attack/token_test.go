package attack_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"vw/agent"
	"vw/testrelay"
)

// leaks lists where a relay was shown a canary, but for headers that it may see.
func leaks(relay *testrelay.Server, allowed []string, paths ...string) (found []string) {
	for _, path := range paths {
		for _, v := range relay.Visits(path) {
			shown := v.Header.Get("Authorization")
			if strings.Contains(shown, "canary") && !slices.Contains(allowed, shown) {
				found = append(found, v.Method+" "+relay.URL()+path+": "+shown)
			}
		}
		_, topic, _ := strings.Cut(path[1:], "/")
		for _, m := range relay.Subscribe(topic).Drain() {
			if m.Path == path && strings.Contains(string(m.Data), "canary") {
				found = append(found, "message on "+relay.URL()+path+": "+string(m.Data))
			}
		}
	}
	return found
}

// A token is sent where whoever gave it sent it: a rule that is added again
// without one must not take it elsewhere, nor show it in another way.
func TestKeptTokenIsSentNowhereElse(t *testing.T) {
	v := start(t, agent.Config{APIToken: canary("api"), Trial: time.Second})
	evil := listen(t, testrelay.Config{Keep: true})
	token := canary("rule")
	here, https := v.relay.URL(), "http"+strings.TrimPrefix(v.relay.URL(), "ws")
	localhost := strings.Replace(here, "127.0.0.1", "localhost", 1)
	moves := []rule{
		{Destination: here + "/bi/evil", Auth: "message"},
		{Destination: here + "/bi/good", Auth: "message"},
		{Destination: evil.URL() + "/bi/evil"},
		{Destination: evil.URL() + "/bi/evil", Auth: "message"},
		{Destination: evil.URL() + "/bi/evil", Auth: "bearer"},
		{Destination: localhost + "/bi/evil", Auth: "bearer"},
		{Destination: https + "/bi/evil", Auth: "access"},
		{Destination: https + "/bi/evil"},
	}
	paths := []string{"/bi/evil", "/bi/good", "/in/good"}
	for _, m := range moves {
		m.ID, m.Stream = "3", "lab"
		v.owner(http.MethodPost, "/api/destinations", jsonOf(rule{ID: "3", Stream: "lab", Destination: here + "/in/good", Token: token}))
		v.settled("3")
		if reply := v.add(m); !refused(reply) {
			v.settled("3")
			if strings.Contains(reply, "canary") {
				t.Errorf("the reply shows a token: %s", reply)
			}
		}
		v.owner(http.MethodDelete, "/api/destinations/3", "")
	}
	for _, m := range moves {
		m.ID, m.Stream = "apiRule", "api"
		if refused(v.add(m)) {
			continue
		}
		relay := v.relay
		if strings.HasPrefix(m.Destination, evil.URL()) {
			relay = evil
		}
		before := len(relay.Visits("/bi/evil")) + len(relay.Visits("/bi/good"))
		eventually(t, "the new endpoint was dialled, or the trial is over", func() bool {
			return len(relay.Visits("/bi/evil"))+len(relay.Visits("/bi/good")) > before || !strings.Contains(v.ask(`{"verb":"list","what":"destination","which":"apiRule"}`), "trial")
		})
	}
	v.ask(`{"verb":"healthcheck"}`)
	v.end() // nothing is sent any more
	allowed := []string{"Bearer " + token}
	for _, found := range append(leaks(v.relay, allowed, paths...), leaks(evil, nil, paths...)...) {
		t.Errorf("a token was shown: %.200s", found)
	}
	if strings.Contains(v.log.String(), "canary") {
		t.Error("the log shows a token")
	}
}
