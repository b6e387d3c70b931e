package command_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"vw/command"
)

const addS = `{"stream":"s","feeds":["a"]}`

func TestStartAppliesTheChannelsRule(t *testing.T) {
	var applied []command.Rules
	config := command.Config{Rules: channel("t"), Effects: fake{apply: func(rules command.Rules) { applied = append(applied, rules) }}}
	command.New(config).Start(nil)
	config.Rules = command.Rules{}
	command.New(config).Start(nil)
	api := command.Destination{ID: "apiRule", Stream: "api", Destination: apiURL, Token: "t", Local: true}
	want := []command.Rules{
		{Streams: map[string][]string{}, Destinations: map[string]command.Destination{"apiRule": api}},
		{Streams: map[string][]string{}, Destinations: map[string]command.Destination{}},
	}
	if !reflect.DeepEqual(applied, want) {
		t.Errorf("applied %#v", applied)
	}
}

// The typed operations are what REST translates to: the same table, and kinds.
func TestTypedOperationsShareTheTable(t *testing.T) {
	handler, ctx := newHandler(t), context.Background()
	stream, err := handler.AddStream(ctx, command.Local, json.RawMessage(` {"Stream":"/s","feeds":["/a"]} `))
	if want := (command.Stream{Stream: "s", Feeds: []string{"a"}}); err != nil || !reflect.DeepEqual(stream, want) {
		t.Errorf("got %v, %v", stream, err)
	}
	if got, want := handle(handler, `{"verb":"list","what":"stream","which":"all"}`), []string{`{"s":["a"]}`}; !reflect.DeepEqual(got, want) {
		t.Errorf("the channel sees %s, want %s", got, want)
	}
	if deleted, err := handler.DeleteStream(ctx, command.Local, "/s"); deleted != "s" || err != nil {
		t.Errorf("got %q, %v", deleted, err)
	}
	if deleted, err := handler.DeleteStream(ctx, command.Local, "all"); deleted != "deleteAll" || err != nil {
		t.Errorf("got %q, %v", deleted, err)
	}
	for _, raw := range []string{``, `{`, `[]`, `"s"`, `null`, addS + addS, addS + `x`, "{\"stream\":\"s\",\"feeds\":[],\"\xff\":1}"} {
		var refused *command.Error
		if _, err := handler.AddStream(ctx, command.Local, json.RawMessage(raw)); !errors.As(err, &refused) || refused.Kind != command.Invalid {
			t.Errorf("stream rule %q: got %v", raw, err)
		}
		if _, err := handler.AddDestination(ctx, command.Local, json.RawMessage(raw)); !errors.As(err, &refused) || refused.Kind != command.Invalid {
			t.Errorf("destination rule %q: got %v", raw, err)
		}
	}
}

func TestAdmitRefusesInWords(t *testing.T) {
	var asked []string
	refusal := error(nil)
	handler := command.New(command.Config{Effects: fake{admit: func(rule command.Destination) error {
		asked = append(asked, rule.ID+" "+rule.Destination+" "+rule.Token)
		return refusal
	}}})
	const first = `{"id":"0","stream":"s","destination":"ws://r/0","token":"t"}`
	add(t, handler, first)
	add(t, handler, first) // it may not be wholly in force
	before := handler.Rules()
	refusal = fmt.Errorf("plaintext: %w", errors.New("set VW_ALLOW_PLAINTEXT=true to allow it"))
	got := handle(handler, `{"verb":"add","what":"destination","rule":{"id":"0","stream":"s","destination":"ws://r/1"}}`)
	if want := []string{`{"error":"plaintext: set VW_ALLOW_PLAINTEXT=true to allow it"}`}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %s, want %s", got, want)
	}
	refusal = fmt.Errorf("file: %w", &command.Error{Kind: command.Conflict, Why: "in use"})
	_, err := handler.AddDestination(context.Background(), command.Local, json.RawMessage(`{"id":"1","stream":"s","destination":"ws://r/1"}`))
	if want := (&command.Error{Kind: command.Conflict, Why: "file: in use"}); !reflect.DeepEqual(err, want) {
		t.Errorf("got %v, want %v", err, want)
	}
	if !reflect.DeepEqual(handler.Rules(), before) {
		t.Error("a refused rule changed the table")
	}
	if want := []string{"0 ws://r/0 t", "0 ws://r/0 t", "0 ws://r/1 t", "1 ws://r/1 "}; !reflect.DeepEqual(asked, want) {
		t.Errorf("asked %q, want %q", asked, want)
	}
}

func TestListsComeFromTheProgram(t *testing.T) {
	handler := command.New(command.Config{Reports: fake{
		feeds: func(which string) (any, bool) {
			return map[string]any{"asked": which}, which == "all" || which == "video0"
		},
		status: func() any { return map[string]string{"instance": "i<1>"} },
	}})
	tests := map[string]string{
		`{"verb":"list","what":"feed","which":"all"}`:     `{"asked":"all"}`,
		`{"verb":"list","what":"feed","which":"/video0"}`: `{"asked":"video0"}`,
		`{"verb":"list","what":"feed"}`:                   `{"error":"Unrecognised Command","hint":"which is missing: list needs it"}`,
		`{"verb":"list","what":"status"}`:                 `{"instance":"i<1>"}`,
	}
	for message, want := range tests {
		if got := handle(handler, message); len(got) != 1 || got[0] != want {
			t.Errorf("%s: got %s, want %s", message, got, want)
		}
	}
	for _, which := range []string{"audio0", "/all", "", "a b"} {
		if got := handle(handler, `{"verb":"list","what":"feed","which":"`+which+`"}`); len(got) != 1 || !isError(got[0]) {
			t.Errorf("feed %q: got %s, want an error", which, got)
		}
	}
}

func TestPanickingCallbackChangesNothing(t *testing.T) {
	var log bytes.Buffer
	armed := ""
	trip := func(name string) {
		if armed == name {
			panic("trip " + name)
		}
	}
	undone := 0
	agent := fake{
		admit:  func(command.Destination) error { trip("admit"); return nil },
		apply:  func(command.Rules) { trip("apply") },
		undone: &undone,
		feeds:  func(string) (any, bool) { trip("feeds"); return math.NaN(), true },
		status: func() any { trip("status"); return nil },
	}
	handler := command.New(command.Config{Rules: channel(""), Effects: agent, Reports: agent, Log: slog.New(slog.NewTextHandler(&log, nil))})
	before := handler.Rules()
	tests := [][2]string{
		{"admit", `{"verb":"add","what":"destination","rule":{"id":"0","stream":"s","destination":"wss://r/"}}`},
		{"apply", `{"verb":"add","what":"stream","rule":` + addS + `}`},
		{"apply", `{"verb":"add","what":"destination","rule":{"id":"0","stream":"s","destination":"wss://r/"}}`},
		{"apply", `{"verb":"delete","what":"destination","which":"all"}`},
		{"feeds", `{"verb":"list","what":"feed","which":"all"}`},
		{"status", `{"verb":"list","what":"status"}`},
		{"", `{"verb":"list","what":"feed","which":"all"}`}, // NaN is no JSON
	}
	for _, test := range tests {
		armed = test[0]
		log.Reset()
		if got := handle(handler, test[1]); len(got) != 1 || got[0] != `{"error":"internal error"}` {
			t.Errorf("%s: got %s", test, got)
		}
		if text := log.String(); armed != "" && (!strings.Contains(text, "trip "+armed) || !strings.Contains(text, "handler_test.go")) {
			t.Errorf("%s: the log has no reason or stack: %s", test, text)
		} else if text == "" {
			t.Errorf("%s: nothing is logged", test)
		}
		if !reflect.DeepEqual(handler.Rules(), before) {
			t.Errorf("%s: the rules have changed", test)
		}
		if got := handle(handler, `{"verb":"healthcheck"}`); len(got) != 1 {
			t.Errorf("%s: no healthcheck after it: %s", test, got)
		}
	}
	handler.Handle(context.Background(), []byte(`{"verb":"healthcheck"}`), command.Remote, func([]byte) { panic("trip reply") })
	if !strings.Contains(log.String(), "trip reply") {
		t.Error("a panic of reply is not logged")
	}
	if undone != 1 {
		t.Errorf("what was admitted and not applied was undone %d times", undone)
	}
}

func TestPanicWhileSettlingIsAnError(t *testing.T) {
	handler := command.New(command.Config{Effects: fake{wait: func(context.Context) { panic("trip") }}})
	stream, err := handler.AddStream(context.Background(), command.Local, json.RawMessage(addS))
	var refused *command.Error
	if !errors.As(err, &refused) || refused.Kind != command.Internal || stream.Stream != "" {
		t.Errorf("got %v, %v", stream, err)
	}
	if _, inForce := handler.Rules().Streams["s"]; !inForce {
		t.Error("the change is not in force")
	}
}

func TestReplyWaitsUntilSettled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var handler *command.Handler
		handler = command.New(command.Config{Effects: fake{wait: func(ctx context.Context) {
			if len(handler.Rules().Streams) != 1 { // the table is not locked, and the change is in it
				t.Error("it is waited before the change")
			}
			select {
			case <-time.After(100 * time.Millisecond):
			case <-ctx.Done():
			}
		}}})
		begin := time.Now()
		if replies := handle(handler, `{"verb":"add","what":"stream","rule":`+addS+`}`); len(replies) != 1 || isError(replies[0]) {
			t.Errorf("got %s", replies)
		}
		if waited := time.Since(begin); waited != 100*time.Millisecond {
			t.Errorf("the reply came after %v, want 100ms", waited)
		}
		ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
		defer cancel()
		var refused *command.Error
		if _, err := handler.AddStream(ctx, command.Local, json.RawMessage(addS)); !errors.As(err, &refused) || refused.Kind != command.Canceled {
			t.Errorf("a caller that left was told that all had settled: %v", err)
		}
		if waited := time.Since(begin); waited != 150*time.Millisecond {
			t.Errorf("the wait outlived its context: %v", waited)
		}
		ctx, cancel = context.WithTimeout(context.Background(), 50*time.Millisecond)
		defer cancel()
		handler.Handle(ctx, []byte(`{"verb":"add","what":"stream","rule":`+addS+`}`), command.Remote, func(reply []byte) {
			t.Errorf("a reply although its context ended before all had settled: %s", reply)
		})
	})
}

func TestCommandsTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var running atomic.Int32
		work := func() {
			if running.Add(1) != 1 {
				t.Error("two commands run at once")
			}
			time.Sleep(time.Second)
			running.Add(-1)
		}
		agent := fake{
			admit:  func(command.Destination) error { work(); return nil },
			wait:   func(context.Context) { work() },
			status: func() any { work(); return struct{}{} },
		}
		handler := command.New(command.Config{Effects: agent, Reports: agent})
		begin := time.Now()
		var group sync.WaitGroup
		group.Go(func() {
			handle(handler, `{"verb":"add","what":"stream","rule":`+addS+`}{"verb":"list","what":"status"}`)
		})
		group.Go(func() { add(t, handler, `{"id":"0","stream":"s","destination":"wss://r/"}`) })
		group.Go(func() {
			ctx, cancel := context.WithTimeout(context.Background(), time.Second/2)
			defer cancel()
			handler.Handle(ctx, []byte(`{"verb":"healthcheck"}`), command.Remote, func([]byte) {})
			if time.Since(begin) > time.Second/2 {
				t.Error("waiting for a turn outlives its context")
			}
		})
		group.Go(func() { // the table can be read meanwhile
			handler.Rules()
			if time.Since(begin) != 0 {
				t.Error("a snapshot waits for a command")
			}
		})
		group.Wait()
		if took := time.Since(begin); took != 4*time.Second {
			t.Errorf("four seconds of work took %v", took)
		}
	})
}

func TestNobodyWaitsBehindASplice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		agent := fake{splice: func(ctx context.Context) {
			select {
			case <-ctx.Done():
			case <-time.After(2 * time.Second):
			}
		}}
		handler := command.New(command.Config{Effects: agent, Reports: agent})
		begin := time.Now()
		var group sync.WaitGroup
		group.Go(func() {
			handle(handler, `{"verb":"add","what":"stream","rule":`+addS+`}`)
			if took := time.Since(begin); took != time.Second {
				t.Errorf("a splice was waited for for %v, though another change came after 1 s", took)
			}
		})
		group.Go(func() { // asks, and changes nothing
			time.Sleep(time.Second / 2)
			handle(handler, `{"verb":"list","what":"status"}`)
		})
		time.Sleep(time.Second)
		handler.Hurry()
		group.Wait()
		handle(handler, `{"verb":"add","what":"stream","rule":`+addS+`}`)
		if took := time.Since(begin); took != 3*time.Second {
			t.Errorf("a splice that nobody waits behind took %v", took-time.Second)
		}
	})
}

func TestSlowReplyDelaysNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		handler := newHandler(t)
		stuck := make(chan struct{})
		var group sync.WaitGroup
		group.Go(func() {
			handler.Handle(context.Background(), []byte(`{"verb":"healthcheck"}`), command.Remote, func([]byte) { <-stuck })
		})
		synctest.Wait()
		if replies := handle(handler, `{"verb":"healthcheck"}`); len(replies) != 1 {
			t.Errorf("got %s", replies)
		}
		close(stuck)
		group.Wait()
	})
}

func TestNothingIsAnsweredAfterTheContextEnded(t *testing.T) {
	handler := newHandler(t)
	ctx, cancel := context.WithCancel(context.Background())
	replies := 0
	handler.Handle(ctx, []byte(strings.Repeat(`{"verb":"add","what":"stream","rule":`+addS+`}x`, 2)), command.Remote, func([]byte) { replies++; cancel() })
	handler.Handle(ctx, []byte(`{"verb":"delete","what":"stream","which":"s"}`), command.Remote, func([]byte) { replies++ })
	for range 20 { // a free turn and an ended context are both ready: it must not be left to chance
		if _, err := handler.DeleteStream(ctx, command.Local, "s"); err == nil {
			t.Error("a command ran after its context had ended")
		}
	}
	if replies != 1 || len(handler.Rules().Streams) != 1 {
		t.Errorf("%d replies, rules %v", replies, handler.Rules())
	}
}

func TestRepliesDrawNoAnswer(t *testing.T) {
	first, second := newHandler(t), newHandler(t)
	asked := 0
	for _, line := range readVectors(t, apiURL, "agent1") {
		for _, reply := range handle(first, line.Send) {
			asked++
			if answers := handle(second, reply); len(answers) != 0 {
				t.Errorf("%s was answered %s", reply, answers)
			}
		}
	}
	if asked == 0 {
		t.Error("no reply was tried")
	}
}

func TestObjectWithoutVerbIsLoggedByItsKeys(t *testing.T) {
	var log bytes.Buffer
	handler := command.New(command.Config{Log: slog.New(slog.NewTextHandler(&log, nil))})
	message := `{"werb":"secret","` + strings.Repeat("k", 500) + `":1}{"other":2}`
	if replies := handle(handler, message); len(replies) != 0 {
		t.Errorf("got %s", replies)
	}
	text := log.String()
	if !strings.Contains(text, "werb k") || strings.Contains(text, "secret") || strings.Count(text, "k") > 210 ||
		!strings.Contains(text, "count=2") || strings.Count(text, "\n") != 1 {
		t.Errorf("the log is %s", text)
	}
}

// Many callers at once: to be run with -race.
func TestConcurrentCallersLeaveAConsistentTable(t *testing.T) {
	var applied atomic.Int32
	handler := command.New(command.Config{Rules: channel(""), Effects: fake{apply: func(rules command.Rules) {
		applied.Add(1)
		json.Marshal(rules)
	}}})
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for name, message := range operations {
				if name == "-owner" {
					continue
				}
				if replies := handle(handler, message); len(replies) != 1 {
					t.Errorf("%s: %d replies", name, len(replies))
				}
				if wrong := consistent(handler.Rules()); wrong != "" {
					t.Error(wrong)
				}
			}
		})
	}
	group.Wait()
	if _, kept := handler.Rules().Destinations["apiRule"]; !kept || applied.Load() < 8 {
		t.Errorf("apiRule is kept: %v; applied %d times", kept, applied.Load())
	}
}
