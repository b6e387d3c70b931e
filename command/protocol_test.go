package command_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"vw/command"
)

const apiURL = "wss://manager.example/bi/agent1?key=open"

// newHandler is an agent's Handler with apiRule, whose log goes to the test's.
func newHandler(t testing.TB) *command.Handler {
	return command.New(command.Config{Name: "agent1", Rules: channel(""), Log: slog.New(slog.NewTextHandler(t.Output(), nil))})
}

// channel is the table of an agent that has a command channel and nothing else.
func channel(token string) command.Rules {
	return command.Rules{Destinations: map[string]command.Destination{command.APIRule: command.ChannelRule(apiURL, token)}}
}

// A fake is an agent of which a test gives what it needs.
type fake struct {
	admit   func(command.Destination) error
	apply   func(command.Rules)
	splice  func(context.Context)
	wait    func(context.Context)
	trial   time.Duration
	undone  *int
	inForce command.Destination
	locked  *bool
	fed     *[]string
	feeds   func(which string) (any, bool)
	status  func() any
}

func (f fake) Admit(rule command.Destination) (command.Admission, error) {
	if f.admit == nil {
		return f, nil
	}
	return f, f.admit(rule)
}

func (f fake) Undo() {
	if f.undone != nil {
		*f.undone++
	}
}

func (f fake) Apply(rules command.Rules, _ []command.Admission) command.Applied {
	if f.apply != nil {
		f.apply(rules)
	}
	return command.Applied{Pending: f, Trial: f.trial}
}

func (f fake) Splice(ctx context.Context) {
	if f.splice != nil {
		f.splice(ctx)
	}
}

func (f fake) Wait(ctx context.Context) {
	if f.wait != nil {
		f.wait(ctx)
	}
}

func (f fake) Locked() bool                         { return f.locked != nil && *f.locked }
func (f fake) InForce() (command.Destination, bool) { return f.inForce, f.inForce.ID != "" }

func (f fake) Fed() []string {
	if f.fed == nil {
		return nil
	}
	return *f.fed
}

func (f fake) Feeds(_ command.Origin, which string) (any, bool) { return f.feeds(which) }

func (f fake) Status(command.Origin) any {
	if f.status == nil {
		return struct{}{}
	}
	return f.status()
}

// handle returns the replies to one message.
func handle(handler *command.Handler, message string) []string {
	var replies []string
	handler.Handle(context.Background(), []byte(message), command.Remote, func(reply []byte) { replies = append(replies, string(reply)) })
	return replies
}

// vector is one line of testdata/protocol.jsonl, as the package comment says.
type vector struct {
	Name, Send, Note string
	Expect           []any
	Holds            map[string]any // what the reply has among others
}

func readVectors(t *testing.T, api, name string) []vector {
	t.Helper()
	file, err := os.ReadFile("testdata/protocol.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	file = bytes.ReplaceAll(bytes.ReplaceAll(file, []byte("${API}"), []byte(api)), []byte("${NAME}"), []byte(name))
	var vectors []vector
	for lines := bufio.NewScanner(bytes.NewReader(file)); lines.Scan(); {
		var line vector
		decoder := json.NewDecoder(bytes.NewReader(lines.Bytes()))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&line); err != nil || line.Name == "" || line.Expect == nil {
			t.Fatalf("a vector is malformed (%v): %s", err, lines.Text())
		}
		vectors = append(vectors, line)
	}
	return vectors
}

// matches compares by JSON value, where "*" stands for an object or for words.
func matches(expected, got any) bool {
	switch expected := expected.(type) {
	case string:
		words, isText := got.(string)
		return expected == words || expected == "*" && isText && words != ""
	case map[string]any:
		object, isObject := got.(map[string]any)
		for _, key := range []string{"hint", "warning", "existed"} {
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
	return reflect.DeepEqual(expected, got)
}

func TestProtocolVectors(t *testing.T) {
	var handler *command.Handler
	handler = command.New(command.Config{Name: "agent1", Rules: channel(""), Reports: fake{status: func() any {
		return map[string]any{"protocol": command.Protocol, "capabilities": command.Capabilities(), "rules": handler.Hash()}
	}, feeds: func(which string) (any, bool) { return struct{}{}, which == "all" }}})
	before := handler.Rules()
	names := map[string]bool{}
	vectors := readVectors(t, apiURL, "agent1")
	if len(vectors) < 150 {
		t.Fatalf("only %d vectors were read", len(vectors))
	}
	for _, line := range vectors {
		if names[line.Name] {
			t.Errorf("two vectors are named %q", line.Name)
		}
		names[line.Name] = true
		replies := handle(handler, line.Send)
		if len(replies) != len(line.Expect) {
			t.Errorf("%s: %d replies, want %d: %s", line.Name, len(replies), len(line.Expect), replies)
			continue
		}
		for i, reply := range replies {
			var got any
			if err := json.Unmarshal([]byte(reply), &got); err != nil {
				t.Errorf("%s: the reply is no JSON: %s", line.Name, reply)
			}
			_, isObject := got.(map[string]any)
			if any := line.Expect[i] == "*" && isObject; !any && !matches(line.Expect[i], got) {
				t.Errorf("%s: %s\n got %s\nwant %v", line.Name, line.Send, reply, line.Expect[i])
			}
			for key, value := range line.Holds {
				if object, _ := got.(map[string]any); !matches(value, object[key]) {
					t.Errorf("%s: %s is %v, want %v", line.Name, key, object[key], value)
				}
			}
		}
	}
	if after := handler.Rules(); !reflect.DeepEqual(before, after) {
		t.Errorf("the vectors do not end as they began: %v", after)
	}
}

func TestRepliesAreOneLineWithoutHTMLEscapes(t *testing.T) {
	const rule = `{"id":"0","stream":"video0","destination":"wss://r/in/x?a=<b>&c"}`
	want := []string{rule}
	if got := handle(newHandler(t), `{"verb":"add","what":"destination","rule":`+rule+`}`); !reflect.DeepEqual(got, want) {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestMessagesOverTheLimitAreRefusedWhole(t *testing.T) {
	handler := newHandler(t)
	add := `{"verb":"add","what":"stream","rule":{"stream":"x","feeds":[]}}`
	longest := add + strings.Repeat(" ", command.MaxCommand-len(add))
	if got, want := handle(handler, longest), []string{`{"stream":"x","feeds":[]}`}; !reflect.DeepEqual(got, want) {
		t.Errorf("a message of 1 MiB: got %s, want %s", got, want)
	}
	if got, want := handle(handler, `{"verb":"delete","what":"stream","which":"x"}`+longest), []string{string(command.TooLong())}; !reflect.DeepEqual(got, want) {
		t.Errorf("a longer message: got %s, want %s", got, want)
	}
	if _, kept := handler.Rules().Streams["x"]; !kept {
		t.Error("a message over the limit was acted upon")
	}
	if !strings.Contains(string(command.TooLong()), "1 MiB") {
		t.Errorf("the limit is not said: %s", command.TooLong())
	}
}
