package agent_test

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"vw/agent"
	"vw/testrelay"
)

// table is the command that replaces all rules; each destination is of video0.
func table(more string, urls map[string]string) string {
	type rule struct {
		Stream      string `json:"stream"`
		Destination string `json:"destination"`
	}
	rules := map[string]rule{}
	for id, url := range urls {
		rules[id] = rule{"video0", url}
	}
	return `{"verb":"add","what":"rules","rule":{"streams":{},"destinations":` + jsonOf(rules) + `}` + more + `}`
}

// A table brings what it changes to another relay without a loss, and leaves alone
// what it does not.
func TestATableIsPutInForceWithoutALoss(t *testing.T) {
	t.Parallel()
	relay := listen(t, testrelay.Config{})
	a := start(t, relay, agent.Config{})
	c := orchestrate(t, relay, "agent1")
	in := func(path string) string { return relay.URL() + "/in/" + path }
	ask := func(command string) {
		t.Helper()
		if reply := c.ask(command); strings.Contains(reply, `"error"`) {
			t.Fatalf("%s: %s", command, reply)
		}
	}
	ask(table("", map[string]string{"stays": in("stays"), "moves": in("a"), "goes": in("goes")}))
	stays, before, after := view(t, relay, "stays"), view(t, relay, "a"), view(t, relay, "b")
	stays.carries(a, "video0")
	before.carries(a, "video0")
	f := a.flow(t, "video0", 1, 7, 2*time.Millisecond)
	before.packet(1, 100)
	ask(table("", map[string]string{"stays": in("stays"), "moves": in("b"), "comes": in("comes")}))
	after.packet(1, f.count()+100)
	awaitVisits(t, relay, "/in/goes", func(v []testrelay.Visit) bool { return v[0].Gone })
	sent := f.stop()
	after.packet(1, sent-1)
	stays.packet(1, sent-1)
	awaitVisits(t, relay, "/in/a", func(v []testrelay.Visit) bool { return v[0].Gone })
	before.rest()
	consecutive(t, "both relays", append(numbers(t, 1, before.got), numbers(t, 1, after.got)...), 0, sent)
	consecutive(t, "the destination that stays", numbers(t, 1, stays.got), 0, sent)
	if n := len(relay.Visits("/in/stays")); n != 1 {
		t.Errorf("the destination that stays was dialled %d times", n)
	}
	if len(relay.Visits("/bi/agent1")) != 2 { // the agent's, and this test's
		t.Error("the command channel was dialled again")
	}
}

// A table on trial ends with the program, as it ends with its time.
func TestARestartTakesBackWhatNobodyConfirmed(t *testing.T) {
	t.Parallel()
	relay := listen(t, testrelay.Config{})
	state := filepath.Join(t.TempDir(), "state")
	hash := func(c *peer) (hash string) {
		var l struct{ Hash string }
		decode(t, c.ask(`{"verb":"list","what":"rules"}`), &l)
		return l.Hash
	}
	a := start(t, relay, agent.Config{State: state})
	c := orchestrate(t, relay, "agent1")
	c.route("0", "video0", relay.URL()+"/in/a")
	before := hash(c)
	c.ask(table(`,"confirm":"1h"`, map[string]string{"0": relay.URL() + "/in/b"}))
	onTrial := hash(c)
	a.request(t, "PUT", "/api/mutes/audio0", "") // saves the state, for another reason
	if err := a.end(); err != nil {
		t.Fatal(err)
	}
	a = start(t, relay, agent.Config{State: state})
	c = orchestrate(t, relay, "agent1")
	if got := hash(c); got != before || onTrial == before {
		t.Errorf("after the restart the hash is %s, before the trial it was %s, on trial %s", got, before, onTrial)
	}
	c.ask(table(`,"confirm":"1h"`, map[string]string{"0": relay.URL() + "/in/b"}))
	c.want(`{"verb":"add","what":"confirm"}`, `{"confirmed":"`+onTrial+`"}`)
	if err := a.end(); err != nil {
		t.Fatal(err)
	}
	start(t, relay, agent.Config{State: state})
	c = orchestrate(t, relay, "agent1")
	if got := hash(c); got != onTrial {
		t.Errorf("what was confirmed is not there after the restart: %s", got)
	}
	if s := c.status(); s.Rules != onTrial || s.Protocol != 2 || len(s.Capabilities) == 0 {
		t.Errorf("the status tells %q, %d, %q", s.Rules, s.Protocol, s.Capabilities)
	}
	c.ask(table(`,"confirm":"1s"`, nil))
	eventually(t, "the table is taken back", func() bool { return hash(c) == onTrial })
}
