package agent_test

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"vw/agent"
	"vw/testrelay"
)

// trial is how long one lasts in these tests: the least that is allowed.
const trial = time.Second

// move asks for another command channel.
func (c *peer) move(rule map[string]string) {
	c.t.Helper()
	rule["id"], rule["stream"] = "apiRule", "api"
	want := map[string]any{"id": "apiRule", "stream": "api", "destination": rule["destination"], "trial": trial.String()}
	if rule["token"] != "" {
		want["tokenSet"] = true
	}
	if rule["auth"] != "" {
		want["auth"] = rule["auth"]
	}
	c.want(`{"verb":"add","what":"destination","rule":`+jsonOf(rule)+`}`, jsonOf(want))
}

// channel is the URL that apiRule shows.
func (c *peer) channel() string {
	c.t.Helper()
	var rule struct{ Destination string }
	decode(c.t, c.ask(`{"verb":"list","what":"destination","which":"apiRule"}`), &rule)
	return rule.Destination
}

func TestEndpointThatCannotCommandIsTakenBack(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0") // accepts, and says nothing
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { silent.Close() })
	dead := listen(t, testrelay.Config{})
	deadURL := dead.URL()
	if err := dead.Close(); err != nil {
		t.Fatal(err)
	}
	badCert := listen(t, testrelay.Config{TLS: &testrelay.TLS{}})
	refusing := listen(t, testrelay.Config{Auth: testrelay.BearerAuth, Token: "the right one"})
	crossbar := listen(t, testrelay.Config{Auth: testrelay.MessageAuth, Token: "the right one"})
	taking := listen(t, testrelay.Config{})
	for name, rule := range map[string]map[string]string{
		"dead port":       {"destination": deadURL + "/bi/a"},
		"silent port":     {"destination": "ws://" + silent.Addr().String() + "/bi/a"},
		"bad certificate": {"destination": badCert.URL() + "/bi/a"},
		"token refused":   {"destination": refusing.URL() + "/bi/a", "token": "a wrong canary"},
		"message refused": {"destination": crossbar.URL() + "/bi/a", "token": "a wrong canary", "auth": "message"},
		"mistyped topic":  {"destination": taking.URL() + "/bi/mistyped"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			relay := listen(t, testrelay.Config{})
			a := start(t, relay, agent.Config{Trial: trial})
			c := orchestrate(t, relay, "agent1")
			before := c.channel()
			c.move(rule)
			if got := c.channel(); got != rule["destination"] {
				t.Errorf("on trial the list shows %s", got)
			}
			s := c.status()
			if s.Channel == nil || s.Channel.Destination != before || s.Channel.OnTrial == nil {
				t.Errorf("status tells no trial: %+v", s.Channel)
			}
			a.log.await(t, "command channel stays")
			eventually(t, "the old rule is listed", func() bool { return c.channel() == before })
			if s := c.status(); s.Channel.OnTrial != nil || s.Channel.State != "up" {
				t.Errorf("after the trial: %+v", s.Channel)
			}
			if v := relay.Visits("/bi/agent1"); len(v) != 2 || testrelay.Up(v) != 2 {
				t.Errorf("the old channel went down: %d visits, %d up", len(v), testrelay.Up(v))
			}
		})
	}
}

func TestChannelMovesWhenACommandCameInOnTheNewLink(t *testing.T) {
	relay, other := listen(t, testrelay.Config{}), listen(t, testrelay.Config{})
	start(t, relay, agent.Config{Trial: time.Minute})
	c := orchestrate(t, relay, "agent1")
	c.want(`{"verb":"add","what":"destination","rule":{"id":"apiRule","stream":"api","destination":"`+other.URL()+`/bi/new"}}`,
		`{"id":"apiRule","stream":"api","destination":"`+other.URL()+`/bi/new","trial":"1m0s"}`)
	if err := other.AwaitClient(patient(t), "/bi/new"); err != nil {
		t.Fatal(err)
	}
	n := orchestrate(t, other, "new")
	c.want(`{"verb":"healthcheck"}`, `{"healthcheck":"ok"}`) // both are taken
	n.send(websocket.TextMessage, `{"healthcheck":"ok"}`)    // no command, and no proof
	n.send(websocket.TextMessage, `{"verb":"dance"}`)
	if _, reply := n.next(); !strings.Contains(reply, "Unrecognised") {
		t.Fatalf("got %s", reply)
	}
	if s := c.status(); s.Channel.OnTrial == nil {
		t.Error("what was no command ended the trial")
	}
	n.want(`{"verb":"healthcheck"}`, `{"healthcheck":"ok"}`)
	awaitVisits(t, relay, "/bi/agent1", func(v []testrelay.Visit) bool {
		return v[0].Gone && v[0].CloseCode == websocket.CloseNormalClosure
	})
	if s := n.status(); s.Channel.OnTrial != nil || s.Channel.Destination != other.URL()+"/bi/new" {
		t.Errorf("after the move: %+v", s.Channel)
	}
}

func TestChannelMovesWhenTheOldEndpointCannotBeReachedForAWholeTrial(t *testing.T) {
	relay, other := listen(t, testrelay.Config{}), listen(t, testrelay.Config{})
	a := start(t, relay, agent.Config{Trial: trial, PingInterval: trial / 4})
	c := orchestrate(t, relay, "agent1")
	c.ask(`{"verb":"add","what":"destination","rule":{"id":"apiRule","stream":"api","destination":"` + other.URL() + `/bi/new"}}`)
	if err := other.AwaitClient(patient(t), "/bi/new"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the new link is up", func() bool {
		s := c.status()
		return s.Channel.OnTrial != nil && s.Channel.OnTrial.State == "up"
	})
	closed := time.Now()
	if err := relay.Close(); err != nil {
		t.Fatal(err)
	}
	a.log.await(t, "command channel has moved")
	if after := time.Since(closed); after < trial*9/10 {
		t.Errorf("moved %v after the old link was lost", after)
	}
	n := orchestrate(t, other, "new")
	if s := n.status(); s.Channel.OnTrial != nil || s.Channel.Destination != other.URL()+"/bi/new" {
		t.Errorf("after the move: %+v", s.Channel)
	}
}

// The new link has been up for a trial then, the old one has been away for a minute.
func TestAShortOutageAtTheEndOfATrialMovesNothing(t *testing.T) {
	tell(t, 1, otherHost, func(s *story) {
		s.move()
		time.Sleep(s.config.Trial - 30*time.Second)
		s.set(func() { s.down[oldHost] = true })
		s.relays[oldHost].Drop("/")
		time.Sleep(time.Minute)
		s.set(func() { clear(s.down) })
		time.Sleep(time.Minute)
		if c := s.agent.Channel(); c.Destination == s.newURL || !s.answers(oldHost, s.oldPath) {
			t.Errorf("the command channel has moved to %+v", c)
		}
	})
}

func TestChannelIsFoundWhereItWasWhenTheNewEndpointDies(t *testing.T) {
	relay, other := listen(t, testrelay.Config{}), listen(t, testrelay.Config{})
	const trial = 2 * time.Second
	a := start(t, relay, agent.Config{Trial: trial})
	c := orchestrate(t, relay, "agent1")
	c.ask(`{"verb":"add","what":"destination","rule":{"id":"apiRule","stream":"api","destination":"` + other.URL() + `/bi/new"}}`)
	if err := other.AwaitClient(patient(t), "/bi/new"); err != nil {
		t.Fatal(err)
	}
	n := orchestrate(t, other, "new")
	n.want(`{"verb":"healthcheck"}`, `{"healthcheck":"ok"}`)
	a.log.await(t, "command channel has moved")
	awaitVisits(t, relay, "/bi/agent1", func(v []testrelay.Visit) bool { return v[0].Gone })
	if err := other.Close(); err != nil {
		t.Fatal(err)
	}
	died := time.Now()
	v := awaitVisits(t, relay, "/bi/agent1", func(v []testrelay.Visit) bool { return testrelay.Up(v) == 2 })
	if after := v[len(v)-1].At.Sub(died); after > 4*trial { // the wait that had begun ends first
		t.Errorf("found again after %v, want %v at most", after, 4*trial)
	}
	eventually(t, "commands are taken there", func() bool { return c.status().Channel.State == "up" })
	if got := c.channel(); got != other.URL()+"/bi/new" {
		t.Errorf("the rule has changed to %s", got)
	}
	// the next loss starts again with the rule's own endpoint
	if err := other.Reopen(); err != nil {
		t.Fatal(err)
	}
	relay.Drop("/bi/agent1")
	if err := other.AwaitClient(patient(t), "/bi/new"); err != nil {
		t.Error("the rule's own endpoint was not dialled first")
	}
}

// TestKilledOnTrialComesBackWhereItWas ends a real program with SIGKILL while
// the new endpoint, which takes it, is on trial.
func TestKilledOnTrialComesBackWhereItWas(t *testing.T) {
	relay, other := listen(t, testrelay.Config{}), listen(t, testrelay.Config{})
	state := filepath.Join(t.TempDir(), "state")
	for range 5 {
		p := launch(t, "VW_API="+relay.URL()+"/bi/agent1", "VW_STATE="+state)
		if _, err := relay.Await(patient(t), "/bi/agent1", func(v []testrelay.Visit) bool { return testrelay.Up(v) == 1 }); err != nil {
			t.Fatal("the agent did not come to where it was")
		}
		c := orchestrate(t, relay, "agent1")
		if got := c.channel(); got != relay.URL()+"/bi/agent1" {
			t.Fatalf("it started at %s", got)
		}
		c.ask(`{"verb":"add","what":"destination","rule":{"id":"apiRule","stream":"api","destination":"` + other.URL() + `/bi/new"}}`)
		if err := other.AwaitClient(patient(t), "/bi/new"); err != nil {
			t.Fatal(err)
		}
		p.kill(t)
		c.ws.Close()
		awaitVisits(t, relay, "/bi/agent1", func(v []testrelay.Visit) bool { return testrelay.Up(v) == 0 })
		awaitVisits(t, other, "/bi/new", func(v []testrelay.Visit) bool { return testrelay.Up(v) == 0 })
	}
	// a proven move lasts
	p := launch(t, "VW_API="+relay.URL()+"/bi/agent1", "VW_STATE="+state)
	if err := relay.AwaitClient(patient(t), "/bi/agent1"); err != nil {
		t.Fatal(err)
	}
	c := orchestrate(t, relay, "agent1")
	c.ask(`{"verb":"add","what":"destination","rule":{"id":"apiRule","stream":"api","destination":"` + other.URL() + `/bi/new"}}`)
	if err := other.AwaitClient(patient(t), "/bi/new"); err != nil {
		t.Fatal(err)
	}
	n := orchestrate(t, other, "new")
	n.want(`{"verb":"healthcheck"}`, `{"healthcheck":"ok"}`)
	awaitVisits(t, relay, "/bi/agent1", func(v []testrelay.Visit) bool { return testrelay.Up(v) == 1 })
	p.kill(t)
	n.ws.Close()
	awaitVisits(t, other, "/bi/new", func(v []testrelay.Visit) bool { return testrelay.Up(v) == 0 })
	p = launch(t, "VW_API="+relay.URL()+"/bi/agent1", "VW_STATE="+state)
	if err := other.AwaitClient(patient(t), "/bi/new"); err != nil {
		t.Error("a proven move did not outlive the restart")
	}
	p.kill(t)
	// another VW_API is the owner's word
	third := listen(t, testrelay.Config{})
	launch(t, "VW_API="+third.URL()+"/bi/agent1", "VW_STATE="+state)
	if err := third.AwaitClient(patient(t), "/bi/agent1"); err != nil {
		t.Error("a new VW_API is not in force")
	}
	data, err := os.ReadFile(state)
	if err == nil && strings.Contains(string(data), third.URL()) && strings.Contains(string(data), other.URL()) {
		t.Error("the endpoints saved with another VW_API are not forgotten")
	}
}
