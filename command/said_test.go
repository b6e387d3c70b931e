package command_test

import (
	"fmt"
	"strings"
	"testing"

	"vw/command"
)

// What a person may have mistyped is said.
func TestWhatMayBeMistypedIsSaid(t *testing.T) {
	fed := []string{"video0", "audio0"}
	handler := command.New(command.Config{Rules: channel(""), Reports: fake{fed: &fed}})
	addStream := func(rest string) string { return `{"verb":"add","what":"stream","rule":{"stream":"s",` + rest + `}}` }
	addDestination := func(rest string) string {
		return `{"verb":"add","what":"destination","rule":{"id":"0","destination":"wss://r/0",` + rest + `}}`
	}
	for _, test := range []struct{ send, key, words string }{
		{`hello`, "hint", "no JSON object"},
		{`[]`, "hint", "no JSON object"},
		{`{"verb":"dance"}`, "hint", `verb \"dance\" is unknown`},
		{`{"verb":"add"}`, "hint", "what is missing"},
		{`{"verb":"add","what":"steam","rule":{}}`, "hint", `what \"steam\" is unknown to add`},
		{`{"verb":"add","what":"stream"}`, "hint", "rule is missing"},
		{`{"verb":"delete","what":"feed","which":"x"}`, "hint", `what \"feed\" is unknown to delete`},
		{`{"verb":"list","what":"feed"}`, "hint", "which is missing"},
		{`{"verb":"list","what":"stats","which":"all"}`, "hint", `\"status\"`},
		{addStream(`"feeds":["video0","audio0:audio"]`), "", ""},
		{addStream(`"feeds":["vidoe0","audio0"]`), "warning", `nothing has come in so far as \"vidoe0\", but as \"video0\" \"audio0\"`},
		{addStream(`"feeds":["a","b","c","d","e"]`), "warning", `\"c\" and 2 more`},
		{addStream(`"feeds":["video0"],"feed":"x","Feeeds":1`), "warning", `no such key, passed over: \"feed\" \"feeeds\"`},
		{addDestination(`"stream":"s"`), "", ""},
		{addDestination(`"stream":"video0","tokenSet":true,"trial":"5m0s"`), "", ""}, // as a list shows it
		{addDestination(`"stream":"vidoe0","tokn":"t"`), "warning", `\"tokn\"; no stream is called \"vidoe0\", and nothing has come in so far as a feed of that name: there are \"s\" \"video0\" \"audio0\"`},
		{`{"verb":"add","what":"destination","rule":{"id":"apiRule","stream":"api","destination":"wss://m/"}}`, "", ""},
		{`{"verb":"delete","what":"stream","which":"/s"}`, "", ""},
		{`{"verb":"delete","what":"stream","which":"s"}`, "existed", `false`},
		{`{"verb":"delete","what":"destination","which":"0"}`, "", ""},
		{`{"verb":"delete","what":"destination","which":"0"}`, "existed", `false`},
		{`{"verb":"delete","what":"destination","which":"all"}`, "", ""},
	} {
		got := strings.Join(handle(handler, test.send), " ")
		said := ""
		for _, key := range []string{"hint", "warning", "existed"} {
			if strings.Contains(got, `"`+key+`":`) {
				said += key
			}
		}
		if said != test.key || !strings.Contains(got, test.words) {
			t.Errorf("%s\n got %s\nwant %s %s", test.send, got, test.key, test.words)
		}
	}
	fed = nil // before anything is posted nothing can be told from what is mistyped
	if got := handle(handler, addStream(`"feeds":["vidoe0"]`)); strings.Contains(got[0], "warning") {
		t.Errorf("got %s", got)
	}
	if got := handle(handler, addDestination(`"stream":"ss"`)); !strings.Contains(got[0], `there are \"s\"`) {
		t.Errorf("got %s", got)
	}
}

func TestStreamRulesTogetherAreBounded(t *testing.T) {
	rule := func(stream string, feeds int, prefix string) string {
		var list []string
		for i := range feeds {
			list = append(list, fmt.Sprintf("%q", fmt.Sprint(prefix, i)))
		}
		return `{"verb":"add","what":"stream","rule":{"stream":"` + stream + `","feeds":[` + strings.Join(list, ",") + `]}}`
	}
	full := func(handler *command.Handler, message, words string) {
		t.Helper()
		before := fmt.Sprint(handler.Rules().Streams)
		got := handle(handler, message)
		if len(got) != 1 || !strings.Contains(got[0], words) || !strings.Contains(got[0], "delete a rule first") {
			t.Errorf("%.60s: got %.300s", message, got)
		}
		if fmt.Sprint(handler.Rules().Streams) != before {
			t.Errorf("%.60s changed the table", message)
		}
	}
	done := func(handler *command.Handler, message string) {
		t.Helper()
		if got := handle(handler, message); isError(got[0]) {
			t.Fatalf("%.60s: %s", message, got)
		}
	}
	many, often := newHandler(t), newHandler(t)
	for i := range 4 {
		done(many, rule(fmt.Sprint("s", i), 250, fmt.Sprint("f", i, "-")))
	}
	full(many, rule("more", 1, "other"), "at most 1000 are allowed")
	full(many, rule("s0", 251, "f0-"), "at most 1000 are allowed")
	done(many, rule("more", 250, "f3-"))
	done(many, rule("s0", 249, "f0-"))
	done(many, rule("more", 1, "other"))
	for i := range 16 {
		done(often, rule(fmt.Sprint("s", i), 256, "f"))
	}
	full(often, rule("more", 1, "f"), "at most 4096 are allowed")
	done(often, rule("more", 0, "f"))
	done(often, rule("s0", 255, "f"))
	done(often, rule("more", 1, "f"))
}

func TestRepliesToOneMessageAreBounded(t *testing.T) {
	handler := command.New(command.Config{Reports: fake{status: func() any { return strings.Repeat("s", 100_000) }}})
	const ask = `{"verb":"list","what":"status"}`
	message := strings.Repeat(ask, 1000) + `{"verb":"add","what":"stream","rule":{"stream":"s","feeds":[]}}`
	replies := handle(handler, message)
	if n := len(replies); n < 30 || n > 50 || !strings.Contains(replies[n-1], "longer than 4 MiB") {
		t.Errorf("%d replies, the last of which is %.200s", n, replies[n-1])
	}
	if len(handler.Rules().Streams) != 0 {
		t.Error("what was not answered was done")
	}
	if got := handle(handler, ask); len(got) != 1 || isError(got[0]) {
		t.Errorf("after that: %.100s", got)
	}
}
