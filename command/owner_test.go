package command_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"vw/command"
)

func TestLockedRulesAreListedNotChanged(t *testing.T) {
	locked := false
	handler := command.New(command.Config{Name: "agent1", Rules: channel(""), Reports: fake{locked: &locked}})
	const addStream = `{"verb":"add","what":"stream","rule":{"stream":"s","feeds":["a"]}}`
	if did := handler.Handle(context.Background(), []byte(addStream), command.Remote, func([]byte) {}); !did.Done {
		t.Fatal("a command that was done is not reported as done")
	}
	locked = true
	before := handler.Rules()
	for _, change := range []string{
		`{"verb":"add","what":"stream","rule":{"stream":"s","feeds":["b"]}}`,
		`{"verb":"add","what":"destination","rule":{"id":"0","stream":"s","destination":"wss://r.example/in/s"}}`,
		`{"verb":"add","what":"destination","rule":{"id":"apiRule","stream":"api","destination":"wss://r.example/bi/s"}}`,
		`{"verb":"delete","what":"stream","which":"all"}`,
		`{"verb":"delete","what":"destination","which":"all"}`,
	} {
		replies := handle(handler, change)
		if len(replies) != 1 || !strings.Contains(replies[0], "locked by the owner") {
			t.Errorf("%s was answered %q", change, replies)
		}
		if did := handler.Handle(context.Background(), []byte(change), command.Remote, func([]byte) {}); did.Done {
			t.Errorf("%s is reported as done", change)
		}
	}
	if after := handler.Rules(); len(after.Streams) != 1 || len(after.Destinations) != len(before.Destinations) {
		t.Errorf("rules changed while locked: %v", after)
	}
	for _, question := range []string{
		`{"verb":"healthcheck"}`, `{"verb":"list","what":"status"}`, `{"verb":"list","what":"stream","which":"all"}`,
	} {
		if did := handler.Handle(context.Background(), []byte(question), command.Remote, func([]byte) {}); !did.Done {
			t.Errorf("%s is not answered while locked", question)
		}
	}
	remove := []byte(`{"verb":"delete","what":"stream","which":"s"}`)
	if did := handler.Handle(context.Background(), remove, command.Local, func([]byte) {}); !did.Done {
		t.Error("this machine's own commands are locked out")
	}
}

func TestRuleIsTheOwnersUntilItIsChangedFromAfar(t *testing.T) {
	handler := command.New(command.Config{Rules: channel("")})
	if !handler.Rules().Destinations["apiRule"].Local {
		t.Error("the channel that the owner has configured is not the owner's")
	}
	const rule, other = `{"id":"0","stream":"s","destination":"wss://r/0"}`, `{"id":"0","stream":"s","destination":"wss://r/1"}`
	for i, step := range []struct {
		from  command.Origin
		do    string
		local bool
	}{
		{command.Remote, rule, false},
		{command.Local, rule, true}, // adopted
		{command.Remote, rule, true},
		{command.Remote, other, false},
		{command.Remote, rule, false},
		{command.Local, other, true},
	} {
		handler.Handle(context.Background(), []byte(`{"verb":"add","what":"stream","rule":{"stream":"s","feeds":[]}}`), command.Remote, func([]byte) {})
		message := []byte(`{"verb":"add","what":"destination","rule":` + step.do + `}`)
		if did := handler.Handle(context.Background(), message, step.from, func([]byte) {}); !did.Done {
			t.Fatalf("step %d is refused", i)
		}
		if got := handler.Rules().Destinations["0"]; got.Local != step.local {
			t.Errorf("step %d, by the %v: the owner's: %v", i, step.from, got.Local)
		}
		if i%2 == 0 {
			operate(t, handler, "-s") // whether it belongs to a stream does not count
		}
	}
}

func TestSavedRulesAreThereFromTheStart(t *testing.T) {
	moved := command.Destination{ID: "apiRule", Stream: "api", Destination: "wss://elsewhere.example/bi/a"}
	var applied []command.Rules
	handler := command.New(command.Config{
		Rules: command.Rules{
			Streams:      map[string][]string{"s": {"a"}},
			Destinations: map[string]command.Destination{"apiRule": moved},
		},
		Effects: fake{apply: func(r command.Rules) { applied = append(applied, r) }},
	})
	handler.Start(nil)
	if got := handler.Rules(); len(got.Streams["s"]) != 1 || got.Destinations["apiRule"] != moved {
		t.Errorf("the table starts as %v", got)
	}
	if len(applied) != 1 || applied[0].Destinations["apiRule"] != moved {
		t.Errorf("applied %v", applied)
	}
}

func TestWorkInTurnWaitsForTheCommandThatRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		handler := command.New(command.Config{Effects: fake{admit: func(command.Destination) error { time.Sleep(time.Second); return nil }}})
		go handle(handler, `{"verb":"add","what":"destination","rule":{"id":"0","stream":"s","destination":"wss://r/0"}}`)
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second/2)
		defer cancel()
		if err := handler.InTurn(ctx, func() error { t.Error("run out of turn"); return nil }); err == nil {
			t.Error("no word of a turn that did not come")
		}
		err := handler.InTurn(t.Context(), func() error {
			if _, inForce := handler.Rules().Destinations["0"]; !inForce {
				t.Error("run while a command was running")
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	})
}

func TestChangeOfAPIRuleTellsItsTrial(t *testing.T) {
	handler := command.New(command.Config{Rules: channel(""), Effects: fake{trial: 5 * time.Minute}})
	const add = `{"verb":"add","what":"destination","rule":{"id":"apiRule","stream":"api","destination":"wss://b.example/bi/a"}}`
	want := `{"id":"apiRule","stream":"api","destination":"wss://b.example/bi/a","trial":"5m0s"}`
	if got := handle(handler, add); len(got) != 1 || strings.TrimSpace(got[0]) != want {
		t.Errorf("got %q, want %s", got, want)
	}
	if got := handle(handler, `{"verb":"list","what":"destination","which":"apiRule"}`); strings.Contains(got[0], "trial") {
		t.Errorf("a list tells the trial: %s", got)
	}
}

func TestReplaceAPIRuleTakesTheCommandsTurn(t *testing.T) {
	handler := command.New(command.Config{Rules: channel("")})
	former := handler.Rules().Destinations["apiRule"]
	handle(handler, `{"verb":"add","what":"destination","rule":{"id":"apiRule","stream":"api","destination":"wss://b.example/bi/a"}}`)
	tried := handler.Rules().Destinations["apiRule"]
	var group sync.WaitGroup
	replace := func(with command.Destination) {
		err := handler.ReplaceAPIRule(t.Context(), func(present command.Destination) command.Destination {
			if present != tried {
				t.Errorf("apiRule is %v, want %v", present, tried)
			}
			group.Go(func() { operate(t, handler, "+api") }) // has to wait
			if now := handler.Rules().Destinations["apiRule"]; now != present {
				t.Errorf("apiRule became %v meanwhile", now)
			}
			return with
		})
		if err != nil {
			t.Error(err)
		}
	}
	replace(former)
	group.Wait()
	tried = handler.Rules().Destinations["apiRule"]
	replace(tried)
	group.Wait()
	handler.DeleteDestination(t.Context(), command.Local, "apiRule")
	if handler.ReplaceAPIRule(t.Context(), func(command.Destination) command.Destination { t.Error("asked"); return former }) != nil ||
		len(handler.Rules().Destinations) != 0 {
		t.Error("a rule that was deleted is back")
	}
}
