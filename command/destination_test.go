package command_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"strings"
	"testing"

	"vw/command"
)

var destinationURLs = []struct {
	url, auth, token string
	ok               bool
}{
	{url: "ws://127.0.0.1:9000/in/x", ok: true}, // plaintext is for Admit to judge
	{url: "ws://relay.example/in/x", ok: true},
	{url: "WSS://relay.example", ok: true},
	{url: "wss://[2001:db8::1]:443/in/x?a=b", ok: true},
	{url: "wss://relay.example:65535/", ok: true},
	{url: "wss://relay.example/vidéo", ok: true},
	{url: "wss://r/", token: "t", ok: true},
	{url: "wss://r/", token: "t", auth: "bearer", ok: true},
	{url: "wss://r/", token: "t", auth: "message", ok: true},
	{url: "https://r/", token: "t", ok: true},
	{url: "http://127.0.0.1/", token: "t", ok: true},
	{url: "https://r/", token: "t", auth: "access", ok: true},
	{url: "https://r/", auth: "access", ok: true},
	{url: "https://r/"},
	{url: "http://r/"},
	{url: "https://r/", token: "t", auth: "bearer"},
	{url: "https://r/", token: "t", auth: "message"},
	{url: "wss://r/", token: "t", auth: "access"},
	{url: "wss://r/", auth: "bearer"},
	{url: "wss://r/", auth: "message"},
	{url: "wss://r/", token: "t", auth: "Bearer"},
	{url: "wss://r/", token: "t\n"},
	{url: "wss://r/", token: "t\x7f"},
	{url: "wss://r/", token: "é"},
	{url: "wss://r/", token: strings.Repeat("t", 8192), ok: true},
	{url: "wss://r/", token: strings.Repeat("t", 8193)},
	{url: ""},
	{url: "wss:"},
	{url: "wss://"},
	{url: "wss:///x"},
	{url: "wss:relay.example"},
	{url: "//relay.example/x"},
	{url: "wss://:80/x"},
	{url: "wss://r:0/x"},
	{url: "wss://r:65536/x"},
	{url: "wss://r:/x"},
	{url: "wss://r:x/x"},
	{url: "wss://[::1/x"},
	{url: "wss://@r/x"},
	{url: "wss://u@r/x"},
	{url: "wss://u:p@r/x"},
	{url: "wss://r/x#y"},
	{url: "wss://r/x#"},
	{url: "wss://r/x y"},
	{url: "wss://r/x\u00a0y"},
	{url: "wss://r/x\ty"},
	{url: "wss://r/x\u0080"},
	{url: " wss://r/x"},
	{url: "file:///etc/passwd"},
	{url: "javascript:alert(1)"},
	{url: "wss://r/" + strings.Repeat("x", 2040), ok: true},
	{url: "wss://r/" + strings.Repeat("x", 2041)},
}

func TestDestinationURLs(t *testing.T) {
	for _, test := range destinationURLs {
		rule := command.Destination{ID: "0", Stream: "x", Destination: test.url, Auth: test.auth, Token: test.token}
		err := rule.Check()
		if (err == nil) != test.ok {
			t.Errorf("%.100q auth %q token %.20q: got %v, want ok %v", test.url, test.auth, test.token, err, test.ok)
		}
		if refused := (*command.Error)(nil); err != nil && (!errors.As(err, &refused) || refused.Kind != command.Invalid) {
			t.Errorf("%.100q: %v is not Invalid", test.url, err)
		}
	}
}

func TestRecordingPaths(t *testing.T) {
	tests := map[string]bool{
		"video.ts": true, "lab/front/video.ts": true, "...": true, "vidéo 1.ts": true, strings.Repeat("f", 512): true,
		"/video.ts": false, "../video.ts": false, "lab/../../video.ts": false, "lab/..": false, ".": false, "./video.ts": false,
		"lab//video.ts": false, "lab/": false, `lab\video.ts`: false, `C:\video.ts`: false, "a\x00b": false, "a\nb": false,
		"\xff": false, strings.Repeat("f", 513): false,
		strings.Repeat("f/", 8) + "v.ts": true, strings.Repeat("f/", 9) + "v.ts": false,
	}
	for file, ok := range tests {
		err := command.Destination{ID: "0", Stream: "x", Destination: "wss://r/", File: file}.Check()
		if (err == nil) != ok {
			t.Errorf("file %.60q: got %v, want ok %v", file, err, ok)
		}
	}
}

// add adds a destination rule as REST would.
func add(t *testing.T, handler *command.Handler, rule string) command.Destination {
	t.Helper()
	added, err := handler.AddDestination(context.Background(), command.Local, json.RawMessage(rule))
	if err != nil {
		t.Fatalf("%s: %v", rule, err)
	}
	return added
}

func TestTokenIsKeptForTheSamePlaceAlone(t *testing.T) {
	const bearer = `{"id":"0","stream":"x","destination":"wss://r.example/x","token":"sesame"}`
	const message = `{"id":"0","stream":"x","destination":"wss://r.example/x","token":"sesame","auth":"message"}`
	tests := []struct{ name, before, rule, token string }{
		{"another path", bearer, `{"id":"0","stream":"x","destination":"wss://r.example/y"}`, "sesame"},
		{"host in another case", bearer, `{"id":"0","stream":"x","destination":"wss://R.EXAMPLE/x"}`, "sesame"},
		{"host with a dot", bearer, `{"id":"0","stream":"x","destination":"wss://r.example./x"}`, "sesame"},
		{"port by its number", bearer, `{"id":"0","stream":"x","destination":"WSS://r.example:0443/x"}`, "sesame"},
		{"auth by its name", bearer, `{"id":"0","stream":"x","destination":"wss://r.example/x","auth":"bearer"}`, "sesame"},
		{"a null token", bearer, `{"id":"0","stream":"x","destination":"wss://r.example/x","token":null}`, "sesame"},
		{"another stream", message, `{"id":"0","stream":"y","destination":"wss://r.example/x","auth":"message"}`, "sesame"},
		{"an empty token", bearer, `{"id":"0","stream":"x","destination":"wss://r.example/x","token":""}`, ""},
		{"another token", bearer, `{"id":"0","stream":"x","destination":"wss://r.example/x","token":"other"}`, "other"},
		{"another id", bearer, `{"id":"1","stream":"x","destination":"wss://r.example/x"}`, ""},
		{"another host", bearer, `{"id":"0","stream":"x","destination":"wss://r2.example/x"}`, "forgotten"},
		{"another port", bearer, `{"id":"0","stream":"x","destination":"wss://r.example:8443/x"}`, "forgotten"},
		{"plaintext", bearer, `{"id":"0","stream":"x","destination":"ws://r.example:443/x"}`, "forgotten"},
		{"access without a token", bearer, `{"id":"0","stream":"x","destination":"https://r.example/x","auth":"access"}`, "forgotten"},
		{"from a message to a header", message, `{"id":"0","stream":"x","destination":"wss://r.example/x"}`, "forgotten"},
		{"from a header to a message", bearer, `{"id":"0","stream":"x","destination":"wss://r.example/x","auth":"message"}`, "refused"},
		{"a message on another topic", message, `{"id":"0","stream":"x","destination":"wss://r.example/y","auth":"message"}`, "refused"},
		{"a message on a topic of the query", message, `{"id":"0","stream":"x","destination":"wss://r.example/x?y","auth":"message"}`, "refused"},
		{"the channel's, as a message", bearer, `{"id":"apiRule","stream":"api","destination":"wss://manager.example/bi/evil","auth":"message"}`, "refused"},
		{"the channel's, elsewhere", bearer, `{"id":"apiRule","stream":"api","destination":"wss://evil.example/bi/agent1"}`, "forgotten"},
		{"the channel's", bearer, `{"id":"apiRule","stream":"api","destination":"wss://manager.example/bi/other"}`, "channel"},
	}
	for _, test := range tests {
		handler := command.New(command.Config{Rules: channel("channel")})
		add(t, handler, test.before)
		added, err := handler.AddDestination(context.Background(), command.Remote, json.RawMessage(test.rule))
		if test.token == "refused" {
			if err == nil || !strings.Contains(err.Error(), "needs a token") {
				t.Errorf("%s: got %v, %v", test.name, added, err)
			}
			continue
		}
		warned := strings.Contains(added.Warning, "the token is forgotten")
		if want := test.token == "forgotten"; err != nil || warned != want {
			t.Errorf("%s: warning %q, %v", test.name, added.Warning, err)
		}
		if added.Token != strings.TrimSuffix(test.token, "forgotten") {
			t.Errorf("%s: the token is %q, want %q", test.name, added.Token, test.token)
		}
		if added.Warning = ""; handler.Rules().Destinations[added.ID] != added {
			t.Errorf("%s: another rule is in force than was answered", test.name)
		}
	}
}

func TestTheEndpointInForceAddedAgainHasItsToken(t *testing.T) {
	inForce := command.Destination{ID: "apiRule", Stream: "api", Destination: "wss://a.example/bi/a", Auth: "message", Token: "sesame", Local: true}
	for rule, token := range map[string]string{
		`"destination":"wss://a.example/bi/a","auth":"message"`:                  "sesame",
		`"destination":"wss://a.example/bi/a","auth":"message","token":"sesame"`: "sesame",
		`"destination":"wss://a.example/bi/a","auth":"message","token":"other"`:  "other",
		`"destination":"wss://a.example/bi/a"`:                                   "",
	} {
		handler := command.New(command.Config{
			Rules:   command.Rules{Destinations: map[string]command.Destination{"apiRule": inForce}},
			Reports: fake{inForce: inForce},
		})
		handle(handler, `{"verb":"add","what":"destination","rule":{"id":"apiRule","stream":"api","destination":"wss://b.example/bi/a"}}`)
		got, err := handler.AddDestination(context.Background(), command.Remote, json.RawMessage(`{"id":"apiRule","stream":"api",`+rule+`}`))
		if err != nil || got.Token != token || (token == "sesame") != (got == inForce) {
			t.Errorf("%s: got %#v, %v", rule, got, err)
		}
	}
}

func TestTokenIsNotKeptWhereItWasDropped(t *testing.T) {
	handler := newHandler(t)
	for _, rule := range []string{
		`{"id":"0","stream":"x","destination":"wss://r/x","token":"sesame"}`,
		`{"id":"0","stream":"x","destination":"wss://r2/x"}`,
		`{"id":"0","stream":"x","destination":"wss://r/x"}`,
	} {
		add(t, handler, rule)
	}
	if token := handler.Rules().Destinations["0"].Token; token != "" {
		t.Errorf("a token came back: %q", token)
	}
}

func TestTokenIsNeverShown(t *testing.T) {
	var log bytes.Buffer
	var replies []string
	const secret = "open-sesame"
	handler := command.New(command.Config{
		Name: "agent1", Rules: channel(secret),
		Log: slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Effects: fake{admit: func(rule command.Destination) error {
			if rule.ID == "refused" {
				return errors.New("not here")
			}
			if rule.ID == "panic" {
				panic(rule)
			}
			return nil
		}},
	})
	rule := func(id, url, more string) string {
		return `{"verb":"add","what":"destination","rule":{"id":"` + id + `","stream":"x","destination":"` + url + `","token":"` + secret + `"` + more + `}}`
	}
	for _, message := range []string{
		rule("0", "wss://r/x?key=quiet", ``), rule("0", "wss://r/x", `,"auth":"message"`), rule("0", "https://r/x", `,"auth":"access"`),
		rule("refused", "wss://r/x", ``), rule("panic", "wss://r/x?key=quiet", ``), rule("0", "nonsense", ``), rule("0", "wss://u:"+secret+"@r/x", ``),
		rule("0", "wss://"+secret+":x/", ``), rule("0", "wss://r/x", `,"auth":"basic"`), rule("0", "wss://r/x", `,"file":".."`),
		rule("0", "wss://r/x", `,"token":"`+secret+`"`), rule("bad id", "wss://r/x", ``), rule("0", "wss://r/x", `,"tokenSet":"x"`),
		`{"verb":"add","what":"destination","rule":{"id":"0","stream":"x","destination":"wss://r/x","token":"` + secret + `\n"}}`,
		`{"verb":"add","what":"destination","rule":{"id":"0","stream":"x","destination":"wss://r/x","token":["` + secret + `"]}}`,
		`{"verb":"add","what":"destination","rule":"` + secret + `"}`,
		`{"id":"0","stream":"x","destination":"wss://r/x","token":"` + secret + `"}`,
		`{"verb":"list","what":"destination","which":"all"}`, `{"verb":"list","what":"destination","which":"0"}`,
		`{"verb":"list","what":"destination","which":"apiRule"}`, `{"verb":"delete","what":"destination","which":"0"}`,
	} {
		replies = append(replies, handle(handler, message)...)
	}
	add(t, handler, `{"id":"1","stream":"x","destination":"wss://r/x","token":"`+secret+`"}`)
	rules := handler.Rules()
	marshalled, err := json.Marshal(rules)
	if err != nil {
		t.Fatal(err)
	}
	shown := map[string]string{
		"reply": strings.Join(replies, "\n"), "log": log.String(), "JSON": string(marshalled),
		"print": fmt.Sprintf("%v %+v %s", rules, rules, rules.Destinations["1"]),
	}
	for where, text := range shown {
		if strings.Contains(text, secret) {
			t.Errorf("the token is in the %s: %s", where, text)
		}
	}
	if strings.Contains(log.String(), "quiet") {
		t.Errorf("a URL's query is in the log: %s", log.String())
	}
	if !strings.Contains(shown["reply"], `"tokenSet":true`) || !strings.Contains(shown["log"], "passed over") || !strings.Contains(shown["log"], "panic") {
		t.Errorf("the test has not seen what it is about: %v", shown)
	}
}

func TestDestinationIsShownAsItWasWritten(t *testing.T) {
	rule := command.Destination{ID: "0", Stream: "x", Destination: "WSS://R:443/a?b=<c>", Auth: "bearer", File: "x.ts", Token: "t", OfStream: true}
	got, err := json.Marshal(rule)
	if err != nil {
		t.Fatal(err)
	}
	var fields map[string]any
	if err := json.Unmarshal(got, &fields); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{"id": "0", "stream": "x", "destination": "WSS://R:443/a?b=<c>", "auth": "bearer", "file": "x.ts", "tokenSet": true}
	if !reflect.DeepEqual(fields, want) {
		t.Errorf("got %s, want %v", got, want)
	}
}

// What can be listed or followed is more than what can be fed.
func TestNamesThatCannotBeFed(t *testing.T) {
	tests := []struct {
		name           string
		stream, canFed bool
	}{
		{"video0", true, true}, {"/video0", true, true}, {"stream", true, true}, {"a/stream/b", true, true},
		{"api", true, false}, {"stream/front", true, false}, {"/stream/front", true, false},
		{"all", false, false}, {"/deleteAll", false, false}, {"", false, false}, {"//x", false, false}, {"av:video", false, false},
	}
	for _, test := range tests {
		stream, streamErr := command.StreamName(test.name)
		feed, feedErr := command.FeedName(test.name)
		want := strings.TrimPrefix(test.name, "/")
		if (streamErr == nil) != test.stream || test.stream && stream != want {
			t.Errorf("stream %q: got %q, %v", test.name, stream, streamErr)
		}
		if (feedErr == nil) != test.canFed || test.canFed && feed != want {
			t.Errorf("feed %q: got %q, %v", test.name, feed, feedErr)
		}
	}
}
