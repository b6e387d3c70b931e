package command_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"vw/command"
)

// The hash of a table is known before an agent has it, and is the one that the agent
// then tells.
func TestTableHashIsThatOfTheTableInForce(t *testing.T) {
	for name, c := range map[string]struct{ table, refused string }{
		"empty":    {`{"streams":{},"destinations":{}}`, ""},
		"streams":  {`{"streams":{"/lab":["a","b:audio"],"silent":[]},"destinations":{"0":{"stream":"lab","destination":"wss://relay.example/in/<x>&y"}}}`, ""},
		"token":    {`{"streams":{},"destinations":{"0":{"stream":"/a","destination":"https://relay.example/in","token":"canary"},"1":{"id":"1","stream":"a","destination":"wss://relay.example/in","credential":"relay1"}}}`, ""},
		"silent":   {`{"streams":{},"destinations":{"0":{"stream":"a","destination":"wss://relay.example/in","silent":true}}}`, ""},
		"file":     {`{"streams":{},"destinations":{"0":{"stream":"a","file":"a.ts"}}}`, ""},
		"bad URL":  {`{"streams":{},"destinations":{"0":{"stream":"a","destination":"relay"}}}`, `destination "0"`},
		"bad feed": {`{"streams":{"a":["api"]},"destinations":{}}`, `stream "a"`},
		"bound":    {`{"streams":{"a":[]` + many(1001) + `},"destinations":{}}`, "1000 stream rules"},
	} {
		hash, err := command.TableHash(json.RawMessage(c.table))
		if c.refused != "" {
			if err == nil || hash != "" || !strings.Contains(err.Error(), c.refused) {
				t.Errorf("%s: %q, %v", name, hash, err)
			}
			continue
		}
		h := command.New(command.Config{Name: "lab"})
		h.Start()
		var reply string
		h.Handle(context.Background(), []byte(`{"verb":"add","what":"rules","rule":`+c.table+`}`), command.Local, func(b []byte) { reply = string(b) })
		if err != nil || hash != h.Hash() || !strings.Contains(reply, `"hash":"`+hash+`"`) {
			t.Errorf("%s: %q, %v; the agent says %s", name, hash, err, reply)
		}
	}
	hash, err := command.TableHash(json.RawMessage(`{"streams":{},"destinations":{"0":{"stream":"a","destination":"https://relay.example/in","tokenSet":true}}}`))
	if hash != "" || err != nil {
		t.Errorf("with a token that is kept: %q, %v", hash, err)
	}
}

// many are so many stream rules, after another.
func many(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `,"s%d":[]`, i)
	}
	return b.String()
}
