package command_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"vw/command"
)

// malformed are messages that must draw one error or silence.
func malformed() map[string]string {
	nested := func(depth int) string { return strings.Repeat("[", depth) + strings.Repeat("]", depth) }
	objects := func(depth int) string { return strings.Repeat(`{"verb":`, depth) + "1" + strings.Repeat("}", depth) }
	messages := map[string]string{
		"nested rule":           `{"verb":"add","what":"stream","rule":` + nested(20_000) + `}`,
		"nested verb":           objects(20_000),
		"nested within limits":  `{"verb":"add","what":"stream","rule":` + nested(9_000) + `}`,
		"unfinished nesting":    strings.Repeat("[", 1<<19),
		"nested feeds":          `{"verb":"add","what":"stream","rule":{"stream":"x","feeds":` + nested(5_000) + `}}`,
		"huge name":             `{"verb":"add","what":"stream","rule":{"stream":"` + strings.Repeat("x", 1<<19) + `","feeds":[]}}`,
		"huge which":            `{"verb":"delete","what":"stream","which":"` + strings.Repeat("\\u0001", 1<<16) + `"}`,
		"huge what":             `{"verb":"list","what":"` + strings.Repeat("x", 1<<19) + `","which":"all"}`,
		"huge verb":             `{"verb":"` + strings.Repeat("x", 1<<19) + `"}`,
		"huge ref":              `{"verb":"healthcheck","ref":"` + strings.Repeat("x", 1<<19) + `"}`,
		"huge pattern":          `{"verb":"healthcheck","to":"` + strings.Repeat("*a", 1<<18) + `["}`,
		"huge URL":              `{"verb":"add","what":"destination","rule":{"id":"0","stream":"x","destination":"wss://r/` + strings.Repeat("x", 1<<19) + `"}}`,
		"huge token":            `{"verb":"add","what":"destination","rule":{"id":"0","stream":"x","destination":"wss://r/","token":"` + strings.Repeat("x", 1<<19) + `"}}`,
		"huge number":           `{"verb":"list","what":"stream","which":1e` + strings.Repeat("9", 1<<10) + `}`,
		"too many feeds":        `{"verb":"add","what":"stream","rule":{"stream":"x","feeds":["f"` + strings.Repeat(`,"f"`, 1<<17) + `]}}`,
		"more than 256 feeds":   `{"verb":"add","what":"stream","rule":{"stream":"x","feeds":["f"` + feedsFrom(1, 257) + `]}}`,
		"message over 1 MiB":    strings.Repeat(" ", command.MaxCommand) + `{"verb":"delete","what":"stream","which":"all"}`,
		"bad UTF-8 in a name":   "{\"verb\":\"delete\",\"what\":\"stream\",\"which\":\"kept\xff\"}",
		"bad UTF-8 in a key":    "{\"verb\":\"delete\",\"what\":\"stream\",\"which\":\"kept\",\"\xc3\":1}",
		"bad UTF-8 alone":       "\xff\xfe\x00",
		"UTF-16":                "{\x00\"\x00v\x00",
		"byte order mark":       "\xef\xbb\xbf" + `{"verb":"delete","what":"stream","which":"kept"}`,
		"zero byte":             "\x00",
		"transport stream":      "G" + strings.Repeat("\x00", 187),
		"half a surrogate pair": `{"verb":"add","what":"destination","rule":{"id":"0","stream":"x","destination":"wss://r/\ud800"}}`,
		"control character":     "{\"verb\":\"delete\",\"what\":\"stream\",\"which\":\"\x01\"}",
		"zero in a name":        `{"verb":"add","what":"stream","rule":{"stream":"x\u0000","feeds":[]}}`,
		"single quotes":         `{'verb':'delete','what':'stream','which':'all'}`,
		"no quotes":             `{verb:delete}`,
		"trailing comma":        `{"verb":"delete","what":"stream","which":"all",}`,
		"comment":               `/* x */ {"verb":"delete","what":"stream","which":"all"}`,
		"NaN":                   `{"verb":NaN}`,
		"infinite":              `Infinity`,
		"form":                  `verb=delete&what=stream&which=all`,
		"HTTP":                  "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
		"empty":                 ``,
		"blank":                 " \n\t ",
	}
	for i, message := range malformedRules {
		messages[fmt.Sprintf("rule %d", i)] = message
	}
	return messages
}

// feedsFrom is a tail of a list of feeds.
func feedsFrom(first, end int) string {
	var list strings.Builder
	for i := first; i < end; i++ {
		fmt.Fprintf(&list, `,"f%d"`, i)
	}
	return list.String()
}

var malformedRules = []string{
	`{"verb":"add","what":"destination"}`,
	`{"verb":"add","what":"stream"}`,
	`{"verb":"add"}`,
	`{"verb":"add","rule":{"stream":"kept","feeds":[]}}`,
	`{"verb":"add","what":["stream"],"rule":{"stream":"kept","feeds":[]}}`,
	`{"verb":"add","what":null,"rule":null}`,
	`{"verb":"add","what":"destination","rule":null}`,
	`{"verb":"add","what":"destination","rule":[]}`,
	`{"verb":"add","what":"destination","rule":7}`,
	`{"verb":"add","what":"destination","rule":true}`,
	`{"verb":"add","what":"destination","rule":"{\"id\":\"0\"}"}`,
	`{"verb":"add","what":"destination","rule":{}}`,
	`{"verb":"add","what":"destination","rule":[{"id":"kept","stream":"x","destination":"wss://r/"}]}`,
	`{"verb":"add","what":"destination","rule":{"id":0,"stream":"x","destination":"wss://r/"}}`,
	`{"verb":"add","what":"destination","rule":{"id":null,"stream":"x","destination":"wss://r/"}}`,
	`{"verb":"add","what":"destination","rule":{"id":{},"stream":"x","destination":"wss://r/"}}`,
	`{"verb":"add","what":"destination","rule":{"id":"kept","stream":["x"],"destination":"wss://r/"}}`,
	`{"verb":"add","what":"destination","rule":{"id":"kept","stream":"x","destination":{"url":"wss://r/"}}}`,
	`{"verb":"add","what":"destination","rule":{"id":"kept","stream":"x","destination":7}}`,
	`{"verb":"add","what":"destination","rule":{"id":"kept","destination":"wss://r/"}}`,
	`{"verb":"add","what":"destination","rule":{"stream":"x","destination":"wss://r/"}}`,
	`{"verb":"add","what":"destination","rule":{"id":"kept","stream":"x"}}`,
	`{"verb":"add","what":"destination","rule":{"id":"kept","stream":"x","destination":"wss://r/","token":{}}}`,
	`{"verb":"add","what":"destination","rule":{"id":"kept","stream":"x","destination":"wss://r/","auth":true}}`,
	`{"verb":"add","what":"destination","rule":{"id":"kept","stream":"x","destination":"wss://r/","file":1}}`,
	`{"verb":"add","what":"destination","rule":{"id":"kept","stream":"x","destination":"wss://r/","file":".."}}`,
	`{"verb":"add","what":"destination","rule":{"id":"kept","ID":"0","stream":"x","destination":"wss://r/"}}`,
	`{"verb":"add","what":"destination","rule":{"id":"apiRule","stream":"x","destination":"wss://r/"}}`,
	`{"verb":"add","what":"destination","rule":{"id":"apiRule","stream":"api","destination":"nowhere"}}`,
	`{"verb":"add","what":"destination","rule":{"id":"apiRule","stream":"api","destination":"wss://r/","file":"x.ts"}}`,
	`{"verb":"add","what":"destination","rule":{"id":"kept","stream":"api","destination":"wss://r/"}}`,
	`{"verb":"add","what":"destination","rule":{"id":"kept","stream":"//x","destination":"wss://r/"}}`,
	`{"verb":"add","what":"stream","rule":{"stream":"kept"}}`,
	`{"verb":"add","what":"stream","rule":{"stream":"kept","feeds":"video0"}}`,
	`{"verb":"add","what":"stream","rule":{"stream":"kept","feeds":{}}}`,
	`{"verb":"add","what":"stream","rule":{"stream":"kept","feeds":[null]}}`,
	`{"verb":"add","what":"stream","rule":{"stream":"kept","feeds":[1]}}`,
	`{"verb":"add","what":"stream","rule":{"stream":"kept","feeds":["a",["b"]]}}`,
	`{"verb":"add","what":"stream","rule":{"stream":"kept","feeds":["a:video:audio"]}}`,
	`{"verb":"add","what":"stream","rule":{"stream":"kept","feeds":["a:"]}}`,
	`{"verb":"add","what":"stream","rule":{"stream":"kept","feeds":[":video"]}}`,
	`{"verb":"add","what":"stream","rule":{"stream":"kept:video","feeds":[]}}`,
	`{"verb":"add","what":"stream","rule":{"feeds":[]}}`,
	`{"verb":"add","what":"stream","rule":{"stream":1,"feeds":[]}}`,
	`{"verb":"add","what":"stream","rule":{"stream":"api","feeds":[]}}`,
	`{"verb":"add","what":"stream","rule":{"stream":"/api","feeds":[]}}`,
	`{"verb":"delete"}`,
	`{"verb":"delete","which":"all"}`,
	`{"verb":"delete","what":"all","which":"all"}`,
	`{"verb":"delete","what":"stream","which":["all"]}`,
	`{"verb":"delete","what":"stream","which":true}`,
	`{"verb":"delete","what":"stream","which":""}`,
	`{"verb":"delete","what":"stream","which":"/all"}`,
	`{"verb":"delete","what":"stream","which":"*"}`,
	`{"verb":"delete","what":"destination","which":"apiRule"}`,
	`{"verb":"delete","what":"destination","which":"all","which":"all"}`,
	`{"verb":"delete","what":"destination","which":"all","ref":[]}`,
	`{"verb":"delete","what":"destination","which":"all","to":"["}`,
	`{"verb":"delete","what":"destination","which":"all","to":"agent2"}`,
	`{"verb":"delete","what":"destination","which":"all","TO":"agent2","ref":7}`,
	`{"Verb":["delete"],"what":"destination","which":"all"}`,
	`{"verb":{"delete":"all"}}`,
	`{"vеrb":"delete","what":"stream","which":"all"}`, // the second letter is Cyrillic
	`{"what":"stream","which":"all"}`,
	`{"deleted":"all"}`,
	`{}`,
	`{"":""}`,
	`["verb","delete"]`,
	`"delete"`,
	`7`,
	`-`,
	`tru`,
	`null`,
	`{`,
	`}`,
	`{"verb"`,
	`{"verb":"delete","what":"stream","which":"all"`,
}

func TestMalformedCommandsChangeNothing(t *testing.T) {
	handler := newHandler(t)
	for _, add := range []string{
		`{"verb":"add","what":"stream","rule":{"stream":"kept","feeds":["video0"]}}`,
		`{"verb":"add","what":"destination","rule":{"id":"kept","stream":"kept","destination":"wss://r/in/kept","token":"t"}}`,
	} {
		if replies := handle(handler, add); len(replies) != 1 || strings.Contains(replies[0], "error") {
			t.Fatalf("a valid rule was refused: %s", replies)
		}
	}
	before := handler.Rules()
	for name, message := range malformed() {
		replies := handle(handler, message)
		if len(replies) > 1 || len(replies) == 1 && !isError(replies[0]) {
			t.Errorf("%s: %.200s: %d replies: %.200q", name, message, len(replies), replies)
		}
		if strings.Contains(fmt.Sprint(replies), "internal error") {
			t.Errorf("%s: %.200s panicked", name, message)
		}
		if len(replies) == 1 && len(replies[0]) > 2000 {
			t.Errorf("%s: the error has %d bytes: %.200s", name, len(replies[0]), replies[0])
		}
		if after := handler.Rules(); !reflect.DeepEqual(before, after) {
			t.Fatalf("%s: %.200s changed the rules: %v", name, message, after)
		}
		if alive := handle(handler, `{"verb":"healthcheck"}`); len(alive) != 1 || alive[0] != `{"healthcheck":"ok"}` {
			t.Fatalf("%s: %.200s: no healthcheck after it: %s", name, message, alive)
		}
	}
}

// isError says whether a reply is an error in words, wrapped or not.
func isError(reply string) bool {
	var answer struct {
		Error string
		Reply struct{ Error string }
	}
	return json.Unmarshal([]byte(reply), &answer) == nil && answer.Error+answer.Reply.Error != ""
}

// Whoever reads the error should know what to do.
func TestErrorsSayWhatToDo(t *testing.T) {
	tests := map[string]string{
		`{"verb":"add","what":"destination","rule":{"id":0,"stream":"x","destination":"wss://r/"}}`:                   "double quotes",
		`{"verb":"add","what":"destination","rule":{"stream":"x","destination":"wss://r/"}}`:                          "id is missing",
		`{"verb":"add","what":"destination","rule":{"id":"0","stream":"x","destination":"r/in/x"}}`:                   "wss://relay.example/in/video0",
		`{"verb":"add","what":"destination","rule":{"id":"0","stream":"x","destination":"wss://u:p@r/"}}`:             `use "token"`,
		`{"verb":"add","what":"destination","rule":{"id":"0","stream":"x","destination":"https://r/"}}`:               `add "token"`,
		`{"verb":"add","what":"destination","rule":{"id":"0","stream":"x","destination":"wss://r/","file":"/etc/x"}}`: "lab/video.ts",
		`{"verb":"add","what":"stream","rule":{"stream":"x"}}`:                                                        `or [] for silence`,
		`{"verb":"add","what":"stream","rule":{"stream":"x","feeds":["stream/y"]}}`:                                   "name a feed",
		`{"verb":"add","what":"stream","rule":{"stream":"x","feeds":["api"]}}`:                                        "choose another name",
		`{"verb":"add","what":"stream","rule":{"stream":"x","feeds":["av","av:video"]}}`:                              "named twice",
		`{"verb":"add","what":"stream","rule":{"stream":"a b","feeds":[]}}`:                                           "use A-Z a-z 0-9",
		`{"verb":"delete","what":"destination","which":"deleteAll"}`:                                                  `"all" means every rule`,
		`{"verb":"list","what":"feed","which":"x"}`:                                                                   `"which":"all"`,
		`{"verb":"list","what":"destination","which":"x"}`:                                                            `"which":"all"`,
		`{"verb":"add","what":"stream","rule":{"stream":"x","STREAM":"y"}}`:                                           "once",
		`{"verb":"healthcheck","to":"["}`:                                                                             "use * ?",
	}
	for message, words := range tests {
		var answer struct {
			Error string
			Reply struct{ Error string }
		}
		replies := handle(newHandler(t), message)
		if len(replies) != 1 || json.Unmarshal([]byte(replies[0]), &answer) != nil || !strings.Contains(answer.Error+answer.Reply.Error, words) {
			t.Errorf("%s: got %s, want the words %q", message, replies, words)
		}
	}
}
