package command_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"vw/command"
)

// operations are rule operations by a short name: + adds, - deletes.
var operations = map[string]string{
	"+s":       `{"verb":"add","what":"stream","rule":{"stream":"s","feeds":["a","b:video"]}}`,
	"+s empty": `{"verb":"add","what":"stream","rule":{"stream":"s","feeds":[]}}`,
	"+r":       `{"verb":"add","what":"stream","rule":{"stream":"/r","feeds":["a"]}}`,
	"+s bad":   `{"verb":"add","what":"stream","rule":{"stream":"s"}}`,
	"-s":       `{"verb":"delete","what":"stream","which":"s"}`,
	"-r":       `{"verb":"delete","what":"stream","which":"/r"}`,
	"-streams": `{"verb":"delete","what":"stream","which":"all"}`,
	"+0 s":     `{"verb":"add","what":"destination","rule":{"id":"0","stream":"s","destination":"wss://r/0"}}`,
	"+0 s tok": `{"verb":"add","what":"destination","rule":{"id":"0","stream":"s","destination":"wss://r/0","token":"t"}}`,
	"+0 r":     `{"verb":"add","what":"destination","rule":{"id":"0","stream":"r","destination":"wss://r2/0"}}`,
	"+1 s":     `{"verb":"add","what":"destination","rule":{"id":"1","stream":"s","destination":"wss://r/1"}}`,
	"+0 bad":   `{"verb":"add","what":"destination","rule":{"id":"0","stream":"s"}}`,
	"+0 none":  `{"verb":"add","what":"destination"}`,
	"+1 api":   `{"verb":"add","what":"destination","rule":{"id":"1","stream":"api","destination":"wss://r/1"}}`,
	"+api":     `{"verb":"add","what":"destination","rule":{"id":"apiRule","stream":"api","destination":"wss://m2/api"}}`,
	"+api s":   `{"verb":"add","what":"destination","rule":{"id":"apiRule","stream":"s","destination":"wss://m2/api"}}`,
	"-0":       `{"verb":"delete","what":"destination","which":"0"}`,
	"-1":       `{"verb":"delete","what":"destination","which":"1"}`,
	"-api":     `{"verb":"delete","what":"destination","which":"apiRule"}`,
	"-dests":   `{"verb":"delete","what":"destination","which":"all"}`,
	"=muted?":  replace(mutedLab, `,"confirm":"1m"`),
	"confirm":  `{"verb":"add","what":"confirm"}`,
	"-owner":   "", // the owner deletes apiRule
}

// operate runs an operation of the table above. It returns its reply.
func operate(t *testing.T, handler *command.Handler, operation string) string {
	t.Helper()
	if operation == "-owner" {
		if _, err := handler.DeleteDestination(context.Background(), command.Local, "apiRule"); err != nil {
			t.Fatalf("the owner cannot delete apiRule: %v", err)
		}
		return ""
	}
	message, known := operations[operation]
	if !known {
		t.Fatalf("no operation %q", operation)
	}
	replies := handle(handler, message)
	if len(replies) != 1 {
		t.Fatalf("%s: %d replies", operation, len(replies))
	}
	return replies[0]
}

// consistent says what is wrong with a table, "" for nothing.
func consistent(rules command.Rules) string {
	for name, feeds := range rules.Streams {
		if feeds == nil || name == "api" {
			return fmt.Sprintf("stream %q has feeds %v", name, feeds)
		}
	}
	for id, rule := range rules.Destinations {
		if err := rule.Check(); err != nil || rule.ID != id {
			return fmt.Sprintf("destination %q is %v: %v", id, rule, err)
		}
		if _, ofRule := rules.Streams[rule.Stream]; ofRule && !rule.OfStream {
			return fmt.Sprintf("destination %q does not belong to its stream", id)
		}
	}
	return ""
}

func TestAnyOrderOfThreeOperationsLeavesAConsistentTable(t *testing.T) {
	names := slices.Sorted(maps.Keys(operations))
	for _, first := range names {
		for _, second := range names {
			for _, third := range names {
				var applied command.Rules
				handler := command.New(command.Config{Rules: channel(""), Effects: fake{apply: func(rules command.Rules) { applied = rules }}})
				handler.Start(nil)
				ownerCut := false
				for _, name := range []string{first, second, third} {
					before := handler.Rules()
					reply := operate(t, handler, name)
					ownerCut = (ownerCut || name == "-owner") && name != "+api"
					after := handler.Rules()
					_, api := after.Destinations["apiRule"]
					switch {
					case isError(reply) && !reflect.DeepEqual(before, after):
						t.Fatalf("%s, %s, %s: %s was refused and changed the table", first, second, third, name)
					case !reflect.DeepEqual(applied, after):
						t.Fatalf("%s, %s, %s: other rules are in force than listed", first, second, third)
					case api == ownerCut:
						t.Fatalf("%s, %s, %s: apiRule there: %v", first, second, third, api)
					case consistent(after) != "":
						t.Fatalf("%s, %s, %s: %s", first, second, third, consistent(after))
					}
				}
			}
		}
	}
}

func TestDestinationBelongsToItsStream(t *testing.T) {
	tests := []struct {
		operations string
		ofStream   bool // of destination 0
	}{
		{"+0 s", false},               // the feed s
		{"+s|+0 s", true},             // the stream s
		{"+0 s|+s", true},             // taken over by the stream
		{"+0 s|+s empty", true},       // a silent stream is one
		{"+0 s|+r", false},            // another stream
		{"+s|+0 s|-s", true},          // silent, not the feed
		{"+0 s|+s|-streams", true},    // the same
		{"+0 s|+s|-s|+s", true},       // the stream is back
		{"+s|+0 s|-s|+0 s", false},    // added again: read as new
		{"+s|+0 s|-s|+0 s|+s", true},  // and taken over again
		{"+s|+0 s|-s|+1 s", true},     // another destination's rule is not its own
		{"+s|+0 s|-s|-0|+0 s", false}, // a new rule of an old id
		{"+s|+0 s|-s|+0 r", false},    // moved to the feed r
		{"+r|+s|+0 s|-s|+0 r", true},  // moved to the stream r
		{"+s|-s|+0 s", false},         // a stream of the past
		{"+s|+0 s|-s|+s bad", true},   // a refused rule is none
		{"+s|+0 s|-s|+0 bad|+0 none", true},
	}
	for _, test := range tests {
		handler := newHandler(t)
		for operation := range strings.SplitSeq(test.operations, "|") {
			operate(t, handler, operation)
		}
		if rule := handler.Rules().Destinations["0"]; rule.ID != "0" || rule.OfStream != test.ofStream {
			t.Errorf("%s: of the stream: %v, want %v", test.operations, rule.OfStream, test.ofStream)
		}
	}
}

func TestOnlyTheOwnerDeletesAPIRule(t *testing.T) {
	handler := newHandler(t)
	if got, want := operate(t, handler, "-api"), `{"error":"Cannot delete apiRule"}`; got != want {
		t.Errorf("over the channel: got %s, want %s", got, want)
	}
	var refused *command.Error
	if _, err := handler.DeleteDestination(context.Background(), command.Remote, "apiRule"); !errors.As(err, &refused) || refused.Kind != command.Conflict {
		t.Errorf("from afar: got %v, want a conflict", err)
	}
	for _, from := range []command.Origin{command.Remote, command.Local} {
		if deleted, err := handler.DeleteDestination(context.Background(), from, "all"); deleted != "deleteAll" || err != nil {
			t.Errorf("delete all: got %q, %v", deleted, err)
		}
		if rule := handler.Rules().Destinations["apiRule"]; rule.Destination != apiURL {
			t.Errorf("delete all by the %v: apiRule is %v", from, rule)
		}
	}
	if deleted, err := handler.DeleteDestination(context.Background(), command.Local, "apiRule"); deleted != "apiRule" || err != nil {
		t.Errorf("by the owner: got %q, %v", deleted, err)
	}
	if left := handler.Rules().Destinations; len(left) != 0 {
		t.Errorf("left by the owner: %v", left)
	}
}

func TestAtMostAThousandRulesOfEachKind(t *testing.T) {
	handler := newHandler(t)
	stream := func(i int) json.RawMessage { return fmt.Appendf(nil, `{"stream":"s%d","feeds":[]}`, i) }
	destination := func(i int) json.RawMessage {
		return fmt.Appendf(nil, `{"id":"d%d","stream":"s","destination":"wss://r/"}`, i)
	}
	// The first rules are added again at the end: a full table still takes changes.
	for i := range 1002 {
		_, streamErr := handler.AddStream(context.Background(), command.Local, stream(i%1001))
		_, destinationErr := handler.AddDestination(context.Background(), command.Local, destination(i%1001))
		for _, err := range []error{streamErr, destinationErr} {
			var refused *command.Error
			if full := errors.As(err, &refused) && refused.Kind == command.Conflict; full != (i == 1000) || err != nil && !full {
				t.Fatalf("rule %d: %v", i, err)
			}
		}
	}
	operate(t, handler, "-owner")
	for range 2 {
		if reply := operate(t, handler, "+api"); isError(reply) {
			t.Errorf("a full table has no room for the command channel: %s", reply)
		}
	}
	if rules := handler.Rules(); len(rules.Streams) != 1000 || len(rules.Destinations) != 1001 {
		t.Errorf("%d streams and %d destinations", len(rules.Streams), len(rules.Destinations))
	}
}

func TestSnapshotsAreImmutable(t *testing.T) {
	handler := newHandler(t)
	var snapshots []command.Rules
	var texts []string
	names := slices.Sorted(maps.Keys(operations))
	for _, name := range append(names, names...) {
		snapshots = append(snapshots, handler.Rules())
		texts = append(texts, fmt.Sprintf("%#v", handler.Rules()))
		operate(t, handler, name)
	}
	for i, snapshot := range snapshots {
		if now := fmt.Sprintf("%#v", snapshot); now != texts[i] {
			t.Errorf("snapshot %d was %s, is %s", i, texts[i], now)
		}
	}
}
