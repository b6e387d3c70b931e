package agent_test

import (
	"strings"
	"testing"

	"github.com/gorilla/websocket"

	"vw/agent"
	"vw/testrelay"
)

// local is a websocket of this machine's to the agent.
func (r *running) local(t testing.TB, path string) *peer {
	t.Helper()
	return dial(t, strings.Replace(r.URL(), "http", "ws", 1)+path)
}

func (c *peer) wantMessage(kind int, message string) {
	c.t.Helper()
	if k, got := c.next(); k != kind || got != message {
		c.t.Fatalf("got a message of type %d: %.100q, want %d: %.100q", k, got, kind, message)
	}
}

func TestMessagesOfALocalClientGoToTheFeedsReadersAsTheyAre(t *testing.T) {
	t.Parallel()
	relay := listen(t, testrelay.Config{})
	a := start(t, relay, agent.Config{})
	channel := orchestrate(t, relay, "agent1")
	channel.route("0", "data", relay.URL()+"/bi/data")
	viewer := view(t, relay, "data")
	viewer.carries(a, "data")
	sender, reader := a.local(t, "/ws/data"), a.local(t, "/ws/data")
	reader.ws.SetReadLimit(2 << 20)
	// the reader is there when what it sends itself has arrived
	reader.send(websocket.TextMessage, "reader is here")
	sender.wantMessage(websocket.TextMessage, "reader is here")
	large := strings.Repeat("0123456789abcdef", 1<<16) // 1 MiB
	messages := []struct {
		kind int
		text string
	}{{1, "one"}, {2, "two"}, {1, "three"}, {2, large}, {1, `{"verb":"delete","what":"stream","which":"all"}`}, {2, "last"}}
	for _, m := range messages {
		sender.send(m.kind, m.text)
	}
	for _, m := range messages {
		reader.wantMessage(m.kind, m.text)
	}
	viewer.until("all messages", func() bool { return len(viewer.each) > 0 && string(viewer.each[len(viewer.each)-1]) == "last" })
	if len(viewer.each) != 3 || string(viewer.each[0]) != "two" || string(viewer.each[1]) != large {
		t.Errorf("%d binary messages arrived at the relay, cut or joined: %.10q", len(viewer.each), viewer.each)
	}
	if last := viewer.text[len(viewer.text)-3:]; last[0] != "one" || last[1] != "three" || !strings.Contains(last[2], "verb") {
		t.Errorf("text messages arrived as %q", last)
	}
	channel.silent() // none of it was a command, nor came back to its sender:
	sender.send(websocket.TextMessage, "x")
	reader.wantMessage(websocket.TextMessage, "x")
	reader.send(websocket.TextMessage, "y")
	sender.wantMessage(websocket.TextMessage, "y")
}

func TestWhatComesInOnALinkReachesLocalClientsOfThatNameAndNoOtherRelay(t *testing.T) {
	t.Parallel()
	relay, other := listen(t, testrelay.Config{}), listen(t, testrelay.Config{})
	a := start(t, relay, agent.Config{})
	channel := orchestrate(t, relay, "agent1")
	channel.route("0", "data", relay.URL()+"/bi/data")
	channel.route("1", "data", other.URL()+"/bi/data")
	channel.route("2", "elsewhere", other.URL()+"/bi/elsewhere")
	near, far, elsewhere := view(t, relay, "data"), view(t, other, "data"), view(t, other, "elsewhere")
	near.carries(a, "data")
	far.carries(a, "data")
	elsewhere.carries(a, "elsewhere")
	mine, foreign := a.local(t, "/ws/data"), a.local(t, "/ws/elsewhere")
	for _, c := range []struct {
		client *peer
		viewer *viewer
		text   string
	}{{mine, far, "mine is here"}, {foreign, elsewhere, "foreign is here"}} {
		c.client.send(websocket.TextMessage, c.text)
		c.viewer.until("a text", func() bool { return c.viewer.text[len(c.viewer.text)-1] == c.text })
	}
	const command = `{"verb":"delete","what":"destination","which":"all"}`
	for _, m := range []string{"in", command} {
		if n := relay.Send("/bi/data", websocket.TextMessage, []byte(m)); n != 1 {
			t.Fatalf("the relay has %d clients", n)
		}
		mine.wantMessage(websocket.TextMessage, m)
	}
	// what is sent now comes next everywhere
	mine.send(websocket.TextMessage, "marker")
	far.until("the marker", func() bool { return far.text[len(far.text)-1] == "marker" })
	if text := far.text[len(far.text)-2:]; text[0] == "in" || text[0] == command {
		t.Errorf("what came in from one relay went to another: %q", text)
	}
	foreign.send(websocket.TextMessage, "marker")
	elsewhere.until("the marker", func() bool { return elsewhere.text[len(elsewhere.text)-1] == "marker" })
	if text := elsewhere.text[len(elsewhere.text)-2]; text != "foreign is here" {
		t.Errorf("it went to another destination: %q", text)
	}
	other.Send("/bi/elsewhere", websocket.TextMessage, []byte("next"))
	foreign.wantMessage(websocket.TextMessage, "next") // and nothing before it
	if _, rules := a.request(t, "GET", "/api/destinations/all", ""); !strings.Contains(rules, `"2"`) {
		t.Errorf("a message on a media link was taken for a command: %s", rules)
	}
}

func TestAMessageOverOneMebibyteIsNotPassedOnAndTheLinkStays(t *testing.T) {
	t.Parallel()
	relay := listen(t, testrelay.Config{})
	a := start(t, relay, agent.Config{})
	channel := orchestrate(t, relay, "agent1")
	channel.route("0", "data", relay.URL()+"/bi/data")
	viewer := view(t, relay, "data")
	viewer.carries(a, "data")
	local := a.local(t, "/ws/data")
	local.send(websocket.TextMessage, "here")
	viewer.until("here", func() bool { return viewer.text[len(viewer.text)-1] == "here" })
	relay.Send("/bi/data", websocket.BinaryMessage, make([]byte, 1<<20+1), []byte("next"))
	local.wantMessage(websocket.BinaryMessage, "next")
	a.log.await(t, "message too long, not passed on", `"id":"0"`)
	local.send(websocket.BinaryMessage, strings.Repeat("x", 1<<20+1))
	local.send(websocket.TextMessage, "still here")
	viewer.until("still here", func() bool { return viewer.text[len(viewer.text)-1] == "still here" })
	if len(viewer.each) != 0 {
		t.Errorf("%d bytes of a message that was too long arrived", len(viewer.got))
	}
	if n := len(relay.Visits("/bi/data")); n != 1 {
		t.Errorf("the relay was dialled %d times", n)
	}
}

func TestTheLocalCommandChannelHasTheProtocolsVerbsAndProtections(t *testing.T) {
	t.Parallel()
	relay := listen(t, testrelay.Config{})
	a := start(t, relay, agent.Config{})
	remote := orchestrate(t, relay, "agent1")
	local := a.local(t, "/ws/api")
	local.want(`{"verb":"healthcheck"}`, healthy)
	local.combine("s", "video0")
	remote.want(`{"verb":"list","what":"stream","which":"all"}`, `{"s":["video0"]}`)
	local.want(`{"verb":"delete","what":"destination","which":"apiRule"}`, `{"error":"Cannot delete apiRule"}`)
	local.want(`nonsense`, `{"error":"Unrecognised Command"}`)
	if reply := local.ask(strings.Repeat("x", 1<<20+1)); !strings.Contains(reply, "1 MiB") {
		t.Errorf("a long message is answered %s", reply)
	}
	local.silent()
	remote.silent() // replies go to the link that asked
}

func TestAStreamWithoutTransportStreamsPassesMessages(t *testing.T) {
	t.Parallel()
	relay := listen(t, testrelay.Config{})
	a := start(t, relay, agent.Config{})
	channel := orchestrate(t, relay, "agent1")
	channel.combine("s", "data")
	channel.route("0", "s", relay.URL()+"/in/s")
	viewer := view(t, relay, "s")
	viewer.carries(a, "data")
	sender := a.local(t, "/ws/data")
	sender.send(websocket.BinaryMessage, "one")
	sender.send(websocket.BinaryMessage, "two")
	viewer.until("two messages", func() bool { return len(viewer.each) == 2 })
	if string(viewer.each[0]) != "one" || string(viewer.each[1]) != "two" {
		t.Errorf("arrived as %q", viewer.each)
	}
}
