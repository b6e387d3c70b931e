package agent_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"vw/agent"
	"vw/testrelay"
)

const healthy = `{"healthcheck":"ok"}`

func TestDeleteAllKeepsTheChannelUp(t *testing.T) {
	t.Parallel()
	relay := listen(t, testrelay.Config{})
	start(t, relay, agent.Config{})
	channel := orchestrate(t, relay, "agent1")
	channel.route("0", "video0", relay.URL()+"/in/video0")
	eventually(t, "the agent has the relay's answer too", func() bool { return channel.status().Destinations["0"].State == "up" })
	channel.want(`{"verb":"delete","what":"destination","which":"all"}`, `{"deleted":"deleteAll"}`)
	channel.want(`{"verb":"delete","what":"destination","which":"apiRule"}`, `{"error":"Cannot delete apiRule"}`)
	api := relay.URL() + "/bi/agent1"
	channel.want(`{"verb":"list","what":"destination","which":"all"}`, `{"apiRule":{"id":"apiRule","stream":"api","destination":"`+api+`"}}`)
	awaitVisits(t, relay, "/in/video0", func(v []testrelay.Visit) bool { return v[0].CloseCode == websocket.CloseNormalClosure })
	if n := len(relay.Visits("/bi/agent1")); n != 2 {
		t.Errorf("the channel was dialled %d times, want once", n-1)
	}
}

func awaitVisits(t testing.TB, relay *testrelay.Server, path string, ok func([]testrelay.Visit) bool) []testrelay.Visit {
	t.Helper()
	visits, err := relay.Await(patient(t), path, func(v []testrelay.Visit) bool { return len(v) > 0 && ok(v) })
	if err != nil {
		t.Fatalf("visits to %s: it did not come to it, but: %+v", path, relay.Visits(path))
	}
	return visits
}

func TestMessageOverOneMebibyteIsAnsweredWithAnErrorAndTheChannelStays(t *testing.T) {
	t.Parallel()
	relay := listen(t, testrelay.Config{})
	start(t, relay, agent.Config{})
	channel := orchestrate(t, relay, "agent1")
	add := `{"verb":"add","what":"stream","rule":{"stream":"x","feeds":[]}}`
	channel.want(strings.Repeat(" ", 1<<20-len(add))+add, `{"stream":"x","feeds":[]}`)
	for _, size := range []int{1<<20 + 1, 5 << 20} {
		reply := channel.ask(`{"verb":"delete","what":"stream","which":"x"}` + strings.Repeat(" ", size))
		if !strings.Contains(reply, `"error"`) || !strings.Contains(reply, "1 MiB") {
			t.Errorf("%d bytes: got %s", size, reply)
		}
	}
	channel.want(`{"verb":"list","what":"stream","which":"all"}`, `{"x":[]}`)
	if n := len(relay.Visits("/bi/agent1")); n != 2 {
		t.Errorf("the channel was dialled %d times, want once", n-1)
	}
}

func TestBinaryCommandsAreAnsweredAsText(t *testing.T) {
	t.Parallel()
	relay := listen(t, testrelay.Config{})
	start(t, relay, agent.Config{})
	channel := orchestrate(t, relay, "agent1")
	channel.send(websocket.BinaryMessage, `{"verb":"healthcheck"}{"verb":"list","what":"stream","which":"all"}`)
	for _, want := range []string{healthy, `{}`} {
		if kind, reply := channel.next(); kind != websocket.TextMessage || !sameJSON(reply, want) {
			t.Errorf("got a message of type %d: %s, want %s", kind, reply, want)
		}
	}
	channel.silent()
}

func TestTwoAgentsOnOneEndpointNeverAnswerEachOther(t *testing.T) {
	t.Parallel()
	relay := listen(t, testrelay.Config{})
	for _, name := range []string{"agent1", "agent2"} {
		start(t, relay, agent.Config{Name: name, API: relay.URL() + "/bi/both"})
	}
	channel := orchestrate(t, relay, "both")
	arrived := view(t, relay, "both")
	from := map[string]int{}
	for range 100 {
		channel.send(websocket.TextMessage, `{"verb":"healthcheck"}`)
		for range 2 {
			if _, reply := channel.next(); !sameJSON(reply, healthy) {
				t.Fatalf("a healthcheck is answered %s", reply)
			}
		}
		channel.send(websocket.TextMessage, `{"verb":"healthcheck","to":"*","ref":"who"}`)
		for range 2 {
			var reply struct{ Ref, From string }
			_, text := channel.next()
			decode(t, text, &reply)
			if reply.Ref != "who" {
				t.Fatalf("more than two replies: %s", text)
			}
			from[reply.From]++
		}
	}
	if from["agent1"] != 100 || from["agent2"] != 100 {
		t.Errorf("replies came from %v, want 100 from each of the two", from)
	}
	// The relay is a witness of all that was sent: a reply to a reply would be
	// here, however late it comes within this second.
	quiet := time.After(time.Second)
	<-quiet
	arrived.sub.Close()
	if n := len(arrived.sub.Drain()); n != 200+400 {
		t.Errorf("%d messages, want 200 commands and 400 replies", n)
	}
}

func TestMalformedCommandsOverTheChannelChangeNothing(t *testing.T) {
	t.Parallel()
	relay := listen(t, testrelay.Config{})
	a := start(t, relay, agent.Config{})
	channel := orchestrate(t, relay, "agent1")
	channel.combine("kept", "video0")
	channel.route("kept", "kept", relay.URL()+"/in/kept")
	_, streams := a.request(t, "GET", "/api/streams/all", "")
	_, destinations := a.request(t, "GET", "/api/destinations/all", "")
	if len(malformed) < 61 {
		t.Fatalf("only %d malformed commands", len(malformed))
	}
	for i, message := range malformed {
		ref := fmt.Sprintf("after %d", i)
		channel.send(i%2+1, message) // text and binary in turn
		channel.send(websocket.TextMessage, `{"verb":"healthcheck","ref":"`+ref+`"}`)
		replies := 0
		for ; ; replies++ {
			var reply struct {
				Ref, Error string
				Reply      struct{ Error string }
			}
			_, text := channel.next()
			decode(t, text, &reply)
			if reply.Ref == ref {
				break
			}
			if reply.Error+reply.Reply.Error == "" {
				t.Errorf("%.200s: answered %.200s, which is no error", message, text)
			}
		}
		if replies > 1 {
			t.Errorf("%.200s: %d replies", message, replies)
		}
	}
	if _, now := a.request(t, "GET", "/api/streams/all", ""); now != streams {
		t.Errorf("the stream rules are now %s, want %s", now, streams)
	}
	if _, now := a.request(t, "GET", "/api/destinations/all", ""); now != destinations {
		t.Errorf("the destination rules are now %s, want %s", now, destinations)
	}
	if n := len(relay.Visits("/bi/agent1")); n != 2 {
		t.Errorf("the channel was dialled %d times, want once", n-1)
	}
}

// malformed draw one error or silence each. What they would do if somebody
// read them kindly is to change the rules named kept.
var malformed = []string{
	``, ` `, "\n", "\x00", "\xff\xfe", "G" + strings.Repeat("\x00", 187), `{`, `}`, `[`, `]`, `"`, `nul`, `null`, `true`, `7`, `"x"`, `[]`, `{}`,
	`[{"verb":"delete","what":"stream","which":"all"}]`, `{"verb"}`, `{"verb":}`, `{"verb":"delete",}`, `{verb:delete}`,
	`{'verb':'delete','what':'stream','which':'all'}`, `{"verb":null}`, `{"verb":7}`, `{"verb":["delete"]}`, `{"verb":{"verb":"delete"}}`,
	`{"verb":""}`, `{"verb":"DELETE","what":"stream","which":"all"}`, `{"verb":"drop","what":"stream","which":"all"}`,
	`{"verb":"delete"}`, `{"verb":"delete","what":"stream"}`, `{"verb":"delete","which":"all"}`, `{"verb":"delete","what":"all","which":"all"}`,
	`{"verb":"delete","what":"stream","which":null}`, `{"verb":"delete","what":"stream","which":["kept"]}`, `{"verb":"delete","what":"stream","which":""}`,
	`{"verb":"delete","what":"stream","which":"kept","which":"kept"}`, `{"verb":"delete","verb":"list","what":"stream","which":"all"}`,
	`{"verb":"delete","what":"destination","which":"apiRule"}`, `{"verb":"delete","what":"destination","which":"../kept"}`,
	`{"verb":"delete","what":"destination","which":"all","to":7}`, `{"verb":"delete","what":"destination","which":"all","to":"["}`,
	`{"verb":"delete","what":"destination","which":"all","to":"agent2"}`, `{"verb":"delete","what":"destination","which":"all","ref":{}}`,
	`{"verb":"add"}`, `{"verb":"add","what":"destination"}`, `{"verb":"add","what":"stream"}`, `{"verb":"add","what":"destination","rule":null}`,
	`{"verb":"add","what":"destination","rule":{}}`, `{"verb":"add","what":"destination","rule":[]}`, `{"verb":"add","what":"destination","rule":"kept"}`,
	`{"verb":"add","what":"destination","rule":{"id":"kept","stream":"x"}}`, `{"verb":"add","what":"destination","rule":{"id":"kept","destination":"wss://r/"}}`,
	`{"verb":"add","what":"destination","rule":{"id":0,"stream":"x","destination":"wss://r/"}}`,
	`{"verb":"add","what":"destination","rule":{"id":"kept","stream":"api","destination":"wss://r/"}}`,
	`{"verb":"add","what":"destination","rule":{"id":"apiRule","stream":"x","destination":"wss://r/"}}`,
	`{"verb":"add","what":"destination","rule":{"id":"kept","stream":"x","destination":"wss://r/","file":"../x.ts"}}`,
	`{"verb":"add","what":"destination","rule":{"id":"kept","stream":"x","destination":"ftp://r/"}}`,
	`{"verb":"add","what":"destination","rule":{"id":"kept","stream":"x","destination":"wss://u:p@r/"}}`,
	`{"verb":"add","what":"destination","rule":{"id":"kept","stream":"x","destination":"ws://relay.example/"}}`,
	`{"verb":"add","what":"stream","rule":{"stream":"kept"}}`, `{"verb":"add","what":"stream","rule":{"stream":"kept","feeds":null}}`,
	`{"verb":"add","what":"stream","rule":{"stream":"kept","feeds":"video0"}}`, `{"verb":"add","what":"stream","rule":{"stream":"kept","feeds":[7]}}`,
	`{"verb":"add","what":"stream","rule":{"stream":"kept","feeds":["a b"]}}`, `{"verb":"add","what":"stream","rule":{"stream":"api","feeds":[]}}`,
	`{"verb":"add","what":"stream","rule":{"stream":"kept","feeds":["x","x"]}}`, strings.Repeat("[", 1<<19), strings.Repeat(`{"verb":`, 1<<16),
	`{"verb":"add","what":"stream","rule":{"stream":"` + strings.Repeat("x", 1<<19) + `","feeds":[]}}`,
}
