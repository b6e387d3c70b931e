package agent_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"testing"

	"github.com/gorilla/websocket"

	"vw/agent"
	"vw/testrelay"
)

// The vectors of the protocol, as package command describes them, sent over a
// real websocket.
func TestProtocolVectorsHoldOverTheChannel(t *testing.T) {
	t.Parallel()
	relay := listen(t, testrelay.Config{})
	start(t, relay, agent.Config{})
	file, err := os.ReadFile("../command/testdata/protocol.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	file = bytes.ReplaceAll(file, []byte("${API}"), []byte(relay.URL()+"/bi/agent1"))
	file = bytes.ReplaceAll(file, []byte("${NAME}"), []byte("agent1"))
	channel := orchestrate(t, relay, "agent1")
	lines := 0
	for scan := bufio.NewScanner(bytes.NewReader(file)); scan.Scan(); lines++ {
		var line struct {
			Name, Send string
			Expect     []any
			Holds      map[string]any
		}
		decode(t, scan.Text(), &line)
		channel.send(websocket.TextMessage, line.Send)
		for _, expected := range line.Expect {
			_, reply := channel.next()
			var got any
			if err := json.Unmarshal([]byte(reply), &got); err != nil {
				t.Fatalf("%s: the reply is no JSON: %s", line.Name, reply)
			}
			_, isObject := got.(map[string]any)
			if anything := expected == "*" && isObject; !anything && !matches(expected, got) {
				t.Fatalf("%s: %s\n got %s\nwant %s", line.Name, line.Send, reply, jsonOf(expected))
			}
			for key, value := range line.Holds {
				if object, _ := got.(map[string]any); !matches(value, object[key]) {
					t.Errorf("%s: %s is %v, want %v", line.Name, key, object[key], value)
				}
			}
		}
		if len(line.Expect) == 0 {
			channel.silent()
		}
	}
	channel.silent()
	if lines < 150 {
		t.Errorf("only %d vectors were read", lines)
	}
	if n := len(relay.Visits("/bi/agent1")); n != 2 {
		t.Errorf("the channel was dialled %d times, want once (and once by this test)", n-1)
	}
}

// matches compares by JSON value, where "*" stands for words.
func matches(expected, got any) bool {
	switch expected := expected.(type) {
	case string:
		words, isText := got.(string)
		return expected == words || expected == "*" && isText && words != ""
	case map[string]any:
		object, isObject := got.(map[string]any)
		for _, key := range []string{"hint", "warning", "existed"} { // for people, unless asked for
			if _, asked := expected[key]; !asked {
				delete(object, key)
			}
		}
		if !isObject || len(object) != len(expected) {
			return false
		}
		for key, value := range expected {
			if found, known := object[key]; !known || !matches(value, found) {
				return false
			}
		}
		return true
	}
	return jsonOf(expected) == jsonOf(got)
}
