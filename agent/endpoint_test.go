package agent_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"vw/agent"
	"vw/agent/status"
	"vw/testrelay"
)

func TestAnEndpointThatHangsUpAtOnceIsGivenUp(t *testing.T) {
	tell(t, 1, otherHost, func(s *story) {
		s.move()
		if !s.answers(otherHost, s.newPath) {
			t.Fatal("it has not moved")
		}
		stop := make(chan struct{})
		defer close(stop)
		go func() { // long enough to be up, and to answer pings
			for {
				select {
				case <-stop:
					return
				case <-time.After(3 * time.Second):
					s.relays[otherHost].Drop(s.newPath)
				}
			}
		}()
		time.Sleep(s.config.Trial + 2*time.Minute)
		if c := s.agent.Channel(); c.Relay != oldHost || c.State != "up" || c.Destination != s.newURL {
			t.Errorf("it is still sought: %+v", c)
		}
		if !s.answers(oldHost, s.oldPath) {
			t.Error("the agent does not answer where it was before")
		}
	})
}

// An endpoint that is lost again and again is kept where it is up for 10 s in between,
// or where commands are done there.
func TestAnEndpointThatIsLostNowAndThenIsKept(t *testing.T) {
	for name, c := range map[string]struct {
		lasts    time.Duration
		commands bool
	}{"up for 12 s": {12 * time.Second, false}, "commanded": {2 * time.Second, true}} {
		t.Run(name, func(t *testing.T) {
			tell(t, 1, otherHost, func(s *story) {
				s.move()
				if !s.answers(otherHost, s.newPath) {
					t.Fatal("it has not moved")
				}
				for begun := time.Now(); time.Since(begun) < s.config.Trial+5*time.Minute; time.Sleep(100 * time.Millisecond) {
					i := s.agent.Channel()
					if i.Relay == oldHost && i.State == "up" {
						t.Fatalf("after %v it is sought where it was before", time.Since(begun))
					}
					if i.State != "up" || time.Since(i.Since) < c.lasts {
						continue
					}
					if c.commands {
						s.relays[otherHost].Send(s.newPath, websocket.TextMessage, []byte(`{"verb":"healthcheck"}`))
						time.Sleep(time.Second)
					}
					s.relays[otherHost].Drop(s.newPath)
				}
			})
		})
	}
}

func TestAnEndpointWhereNoCommandWasDoneIsForgotten(t *testing.T) {
	tell(t, 1, otherHost, func(s *story) {
		s.move()
		time.Sleep(s.config.Trial + time.Minute)
		before := len(s.relays[otherHost].Visits(s.newPath))
		if before == 0 {
			t.Fatal("there was no trial")
		}
		for range 2 { // over a restart too
			s.set(func() { s.down[oldHost] = true })
			s.relays[oldHost].Drop("/")
			time.Sleep(3 * s.config.Trial)
			s.set(func() { clear(s.down) })
			time.Sleep(time.Minute)
			if !s.answers(oldHost, s.oldPath) {
				t.Error("the agent is not back")
			}
			s.end()
			s.start()
		}
		if n := len(s.relays[otherHost].Visits(s.newPath)); n != before {
			t.Errorf("the endpoint that was taken back was dialled %d times", n-before)
		}
		if c := s.agent.Channel(); c.Former != "" || c.Configured != s.config.API {
			t.Errorf("told: %+v", c)
		}
	})
}

// moveTo moves an agent that can be commanded at c, and commands it there.
func moveTo(t *testing.T, c *peer, relay *testrelay.Server, name, token string) *peer {
	t.Helper()
	rule := map[string]string{"id": "apiRule", "stream": "api", "destination": relay.URL() + "/bi/" + name, "token": token}
	if reply := c.ask(`{"verb":"add","what":"destination","rule":` + jsonOf(rule) + `}`); !strings.Contains(reply, `"trial"`) {
		t.Fatalf("got %s", reply)
	}
	if err := relay.AwaitClient(patient(t), "/bi/"+name); err != nil {
		t.Fatal(err)
	}
	n := orchestrate(t, relay, name)
	n.want(`{"verb":"healthcheck"}`, healthy)
	eventually(t, "it has moved", func() bool { s := n.status(); return s.Channel.OnTrial == nil })
	return n
}

func TestTheOwnerSeesAndDropsEveryEndpointThatMayBeDialled(t *testing.T) {
	relay, second, third := listen(t, testrelay.Config{}), listen(t, testrelay.Config{}), listen(t, testrelay.Config{})
	config := agent.Config{Trial: trial, State: filepath.Join(t.TempDir(), "state")}
	a := start(t, relay, config)
	c := moveTo(t, moveTo(t, orchestrate(t, relay, "agent1"), second, "b", ""), third, "c", "")
	s := c.status().Channel
	if s.Destination != third.URL()+"/bi/c" || s.Former != second.URL()+"/bi/b" || s.Configured != relay.URL()+"/bi/agent1" {
		t.Errorf("told: %+v", s)
	}
	if err := third.Close(); err != nil {
		t.Fatal(err)
	}
	if err := second.AwaitClient(patient(t), "/bi/b"); err != nil { // it is sought there
		t.Fatal(err)
	}
	for _, none := range []string{"inForce", "onTrial", "x", ""} {
		if resp, body := a.request(t, "DELETE", "/api/endpoints/"+none, ""); resp.StatusCode != http.StatusNotFound {
			t.Errorf("%q: %d %s", none, resp.StatusCode, body)
		}
	}
	if _, body := a.request(t, "DELETE", "/api/endpoints/former", ""); body != `"former"` {
		t.Errorf("got %s", body)
	}
	awaitVisits(t, second, "/bi/b", func(v []testrelay.Visit) bool { return testrelay.Up(v) <= 1 }) // this test's own
	if _, err := relay.Await(patient(t), "/bi/agent1", func(v []testrelay.Visit) bool { return testrelay.Up(v) == 2 }); err != nil {
		t.Error("the agent is not where VW_API says")
	}
	if err := a.end(); err != nil {
		t.Fatal(err)
	}
	config.API, config.Name = relay.URL()+"/bi/agent1", "agent1"
	b := start(t, nil, config)
	var now status.Status
	_, stats := b.request(t, "GET", "/api/stats", "")
	decode(t, stats, &now)
	if s := now.Channel; s.Former != "" || s.Destination != third.URL()+"/bi/c" {
		t.Errorf("after a restart: %+v", s)
	}
}

func TestANewTokenOfTheConfiguredEndpointWins(t *testing.T) {
	relay := listen(t, testrelay.Config{})
	config := agent.Config{Trial: time.Minute, State: filepath.Join(t.TempDir(), "state"), Name: "agent1",
		API: relay.URL() + "/bi/agent1", APIToken: "canary-1"}
	last := func() string {
		v := awaitVisits(t, relay, "/bi/agent1", func(v []testrelay.Visit) bool { return testrelay.Up(v) == 1 })
		return v[len(v)-1].Header.Get("Authorization")
	}
	restart := func(a *running) *running {
		t.Helper()
		if err := a.end(); err != nil {
			t.Fatal(err)
		}
		awaitVisits(t, relay, "/bi/agent1", func(v []testrelay.Visit) bool { return testrelay.Up(v) == 0 })
		return start(t, nil, config)
	}
	a := start(t, nil, config)
	if got := last(); got != "Bearer canary-1" {
		t.Fatal(got)
	}
	c := orchestrate(t, relay, "agent1")
	c.ask(`{"verb":"add","what":"destination","rule":` + jsonOf(map[string]string{"id": "apiRule", "stream": "api",
		"destination": config.API, "token": "canary-2"}) + `}`)
	awaitVisits(t, relay, "/bi/agent1", func(v []testrelay.Visit) bool { return testrelay.Up(v) == 3 })
	c.want(`{"verb":"healthcheck"}`, healthy)
	a.log.await(t, "command channel has moved")
	c.ws.Close()
	a = restart(a)
	if got := last(); got != "Bearer canary-2" {
		t.Errorf("the token that was given over the channel is lost: %s", got)
	}
	config.APIToken = "canary-3"
	restart(a)
	if got := last(); got != "Bearer canary-3" {
		t.Errorf("a new VW_API_TOKEN is not in force: %s", got)
	}
}

func TestACommandThatComesInOnBothLinksIsRunAndAnsweredOnce(t *testing.T) {
	relay := listen(t, testrelay.Config{})
	a := start(t, relay, agent.Config{Trial: time.Minute})
	c := orchestrate(t, relay, "agent1")
	c.ask(`{"verb":"add","what":"destination","rule":` + jsonOf(map[string]string{"id": "apiRule", "stream": "api",
		"destination": relay.URL() + "/bi/agent1", "token": "canary"}) + `}`)
	awaitVisits(t, relay, "/bi/agent1", func(v []testrelay.Visit) bool { return testrelay.Up(v) == 3 })
	for i := range 10 { // what is refused proves nothing: both links stay
		if got := c.ask(fmt.Sprintf(`{"verb":"dance","ref":"%d"}`, i)); !strings.Contains(got, fmt.Sprintf(`{"ref":"%d"`, i)) {
			t.Fatalf("reply %d is %s", i, got)
		}
	}
	const n = 20
	for i := range n { // alike, but for every other one
		c.send(websocket.TextMessage, fmt.Sprintf(`{"verb":"healthcheck","ref":"%d"}`, i/2))
	}
	replies := map[string]int{} // of the two links one may overtake the other
	for range n {
		_, got := c.next()
		replies[got]++
	}
	for got, count := range replies {
		if count != 2 || !strings.Contains(got, healthy) || len(replies) != n/2 {
			t.Errorf("%d replies are %s, of %d", count, got, len(replies))
		}
	}
	a.log.await(t, "command channel has moved")
	awaitVisits(t, relay, "/bi/agent1", func(v []testrelay.Visit) bool { return testrelay.Up(v) == 2 })
	c.silent()
}

// What came in before on both links is forgotten by then.
func TestACommandOnBothLinksIsAnsweredOnceAfterASilence(t *testing.T) {
	tell(t, 1, otherHost, func(s *story) {
		s.relays[oldHost].Send(s.oldPath, websocket.TextMessage, []byte(`{"verb":"add","what":"destination",`+
			`"rule":{"id":"apiRule","stream":"api","destination":"ws://`+oldHost+s.oldPath+`","token":"canary"}}`))
		time.Sleep(time.Minute)
		sub := s.relays[oldHost].Subscribe("agent1")
		defer sub.Close()
		s.relays[oldHost].Send(s.oldPath, websocket.TextMessage, []byte(`{"verb":"healthcheck"}`))
		time.Sleep(5 * time.Second)
		if replies := sub.Drain(); len(replies) != 1 {
			t.Errorf("%d replies", len(replies))
		}
	})
}

// What is too long to be a command is refused once too.
func TestAMessageThatIsTooLongOnBothLinksIsAnsweredOnce(t *testing.T) {
	relay := listen(t, testrelay.Config{})
	start(t, relay, agent.Config{Trial: time.Minute})
	c := orchestrate(t, relay, "agent1")
	c.ask(`{"verb":"add","what":"destination","rule":` + jsonOf(map[string]string{"id": "apiRule", "stream": "api",
		"destination": relay.URL() + "/bi/agent1", "token": "canary"}) + `}`)
	awaitVisits(t, relay, "/bi/agent1", func(v []testrelay.Visit) bool { return testrelay.Up(v) == 3 })
	for range 3 {
		if got := c.ask(strings.Repeat(" ", 1<<20+1)); !strings.Contains(got, "1 MiB") {
			t.Fatalf("the reply is %s", got)
		}
	}
	c.silent()
	c.silent() // the links are two: one of them may be slower
}

func TestTheEndpointInForceAddedAgainEndsATrial(t *testing.T) {
	for name, token := range map[string]map[string]string{"without its token": {}, "with its token": {"token": "canary"}} {
		t.Run(name, func(t *testing.T) {
			relay, other := listen(t, testrelay.Config{Auth: testrelay.BearerAuth, Token: "canary"}), listen(t, testrelay.Config{})
			a := start(t, nil, agent.Config{Trial: time.Minute, API: relay.URL() + "/bi/agent1", APIToken: "canary"})
			a.log.await(t, `"link up"`, `"apiRule"`)
			a.request(t, "POST", "/api/destinations", `{"id":"apiRule","stream":"api","destination":"`+other.URL()+`/bi/new"}`)
			if err := other.AwaitClient(patient(t), "/bi/new"); err != nil {
				t.Fatal(err)
			}
			token["id"], token["stream"], token["destination"] = "apiRule", "api", relay.URL()+"/bi/agent1"
			_, got := a.request(t, "POST", "/api/destinations", jsonOf(token))
			if want := `{"id":"apiRule","stream":"api","destination":"` + relay.URL() + `/bi/agent1","tokenSet":true}`; !sameJSON(got, want) {
				t.Errorf("got %s, want %s", got, want)
			}
			awaitVisits(t, other, "/bi/new", func(v []testrelay.Visit) bool { return testrelay.Up(v) == 0 })
			if v := relay.Visits("/bi/agent1"); len(v) != 1 || !v[0].Up {
				t.Errorf("visits: %+v", v)
			}
		})
	}
}

// A command may come in before the link's first pong: then the old link does not
// count as up, and proves nothing for the new one.
func TestACommandBeforeTheFirstPongProvesNothingForTheNewLink(t *testing.T) {
	other := listen(t, testrelay.Config{})
	add := `{"verb":"add","what":"destination","rule":{"id":"apiRule","stream":"api","destination":"` + other.URL() + `/bi/new"}}`
	old := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ws, err := (&websocket.Upgrader{}).Upgrade(w, r, nil)
		if err != nil {
			return
		}
		defer ws.Close()
		ws.SetPingHandler(func(string) error { return nil })
		if ws.WriteMessage(websocket.TextMessage, []byte(add)) == nil {
			for _, _, err = ws.ReadMessage(); err == nil; _, _, err = ws.ReadMessage() {
			}
		}
	}))
	t.Cleanup(old.Close)
	api := strings.Replace(old.URL, "http", "ws", 1)
	a := start(t, nil, agent.Config{Trial: time.Minute, API: api})
	eventually(t, "the new link is up, and on trial", func() bool {
		var s status.Status
		_, stats := a.request(t, "GET", "/api/stats", "")
		decode(t, stats, &s)
		return s.Channel.Destination == api && s.Channel.OnTrial != nil && s.Channel.OnTrial.State == "up"
	})
	if moved := a.log.lines("command channel has moved"); len(moved) > 0 {
		t.Errorf("%s", moved)
	}
}
