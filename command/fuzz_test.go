package command_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"vw/command"
)

// Whatever strangers send: no panic, replies that are objects and draw no
// answer from another agent, no token shown, a consistent table with apiRule,
// and an agent that still answers.
func FuzzHandle(f *testing.F) {
	for _, message := range operations {
		f.Add([]byte(message))
	}
	for _, message := range malformed() {
		if len(message) < 4096 {
			f.Add([]byte(message))
		}
	}
	f.Add([]byte(`{"verb":"list","what":"destination","which":"all","ref":"1","to":"agent*"}{"verb":"list","what":"stream","which":"verb"}`))
	f.Add([]byte(`{"verb":"add","what":"stream","rule":{"stream":"verb","feeds":["verb"]}}{"verb":"list","what":"stream","which":"all"}`))
	for _, more := range []string{``, `,"confirm":"1s"`, `,"dryRun":true`, `,"if":"` + strings.Repeat("0", 64) + `"`} {
		f.Add([]byte(replace(labTable, more) + listRules + `{"verb":"add","what":"confirm"}`))
	}
	f.Add([]byte(`{"verb":"add","what":"watch","for":"10s"}{"verb":"add","what":"confirm","if":"x"}{"status":{"name":"agent2","event":"hello"}}`))
	const secret = "5ecr3t-never-to-be-seen"
	f.Fuzz(func(t *testing.T, message []byte) {
		if strings.Contains(string(message), secret) {
			t.Skip("the message gives the token away itself")
		}
		handler := command.New(command.Config{Name: "agent1", Rules: channel(secret)})
		other := command.New(command.Config{Name: "agent1", Rules: channel("")})
		for range 2 { // what was done once can be done again
			handler.Handle(context.Background(), message, command.Remote, func(reply []byte) {
				var object map[string]any
				if err := json.Unmarshal(reply, &object); err != nil || len(object) == 0 && string(reply) != "{}" {
					t.Fatalf("the reply is no object: %q", reply)
				}
				if strings.Contains(string(reply), secret) {
					t.Fatalf("the token is shown: %s", reply)
				}
				other.Handle(context.Background(), reply, command.Remote, func(answer []byte) { t.Fatalf("%q was answered %q", reply, answer) })
			})
		}
		rules := handler.Rules()
		if _, kept := rules.Destinations["apiRule"]; !kept {
			t.Fatal("apiRule is gone")
		}
		if wrong := consistent(rules); wrong != "" {
			t.Fatal(wrong)
		}
		if len(handler.Hash()) != 64 {
			t.Fatal("the rules have no hash")
		}
		if replies := handle(handler, `{"verb":"healthcheck"}`); len(replies) != 1 {
			t.Fatalf("no healthcheck: %s", replies)
		}
	})
}
