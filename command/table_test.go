package command_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"vw/command"
)

// one returns the reply to a message that draws one.
func one(t *testing.T, handler *command.Handler, message string) string {
	t.Helper()
	replies := handle(handler, message)
	if len(replies) != 1 {
		t.Fatalf("%.300s: %d replies", message, len(replies))
	}
	return replies[0]
}

// replace is the command that replaces the table, with what else it says.
func replace(table, more string) string {
	return `{"verb":"add","what":"rules","rule":` + table + more + `}`
}

// A listing is the reply to a command about the whole table.
type listing struct {
	Rules          json.RawMessage
	Hash, Confirm  string
	DryRun         bool
	Error, Warning string
}

func listed(t *testing.T, reply string) (l listing) {
	t.Helper()
	if err := json.Unmarshal([]byte(reply), &l); err != nil {
		t.Fatalf("%v: %s", err, reply)
	}
	return l
}

// done asks, and wants no error.
func done(t *testing.T, handler *command.Handler, message string) listing {
	t.Helper()
	l := listed(t, one(t, handler, message))
	if l.Error != "" {
		t.Fatalf("%.500s: %s", message, l.Error)
	}
	return l
}

const (
	listRules = `{"verb":"list","what":"rules"}`
	labTable  = `{"streams":{"lab":["video0","audio0"]},"destinations":{"0":{"stream":"lab","destination":"wss://r/in/lab"},"1":{"stream":"video0","destination":"wss://r/in/v","token":"t"}}}`
	mutedLab  = `{"streams":{"lab":["video0"]},"destinations":{"0":{"stream":"lab","destination":"wss://r/in/lab"}}}`
	noTable   = `{"streams":{},"destinations":{}}`
)

func TestWhatIsListedCanBeSentBack(t *testing.T) {
	handler := newHandler(t)
	before := handler.Rules()
	done(t, handler, replace(labTable, ""))
	lab, rules := done(t, handler, listRules), handler.Rules()
	if api := rules.Destinations["apiRule"]; api != before.Destinations["apiRule"] || len(rules.Destinations) != 3 {
		t.Errorf("the rules are %v", rules)
	}
	empty := done(t, handler, replace(noTable, ""))
	if after := handler.Rules(); string(empty.Rules) != noTable || !reflect.DeepEqual(after, before) || empty.Hash == lab.Hash {
		t.Errorf("%s leaves %v", noTable, after)
	}
	// A token is never listed, nor made up where it is not known any more.
	if l := listed(t, one(t, handler, replace(string(lab.Rules), ""))); !strings.Contains(l.Error, `destination "1": "tokenSet"`) {
		t.Errorf("a token came from nowhere: %+v", l)
	}
	done(t, handler, replace(labTable, ""))
	if back := done(t, handler, replace(string(lab.Rules), "")); !reflect.DeepEqual(back, lab) || !reflect.DeepEqual(handler.Rules(), rules) {
		t.Errorf("what was listed, and sent back, is now %+v", back)
	}
	without := done(t, handler, replace(strings.Replace(string(lab.Rules), `,"tokenSet":true`, "", 1), ""))
	if without.Hash == lab.Hash || handler.Rules().Destinations["1"].Token != "" {
		t.Error("a token is kept that the table has not")
	}
}

// A destination whose stream has been deleted is silent, and must not show the feed
// of that name because somebody sends back what was listed.
func TestASilentDestinationIsListedAsOne(t *testing.T) {
	handler := newHandler(t)
	for _, operation := range []string{"+s", "+0 s", "-s"} {
		operate(t, handler, operation)
	}
	silent := done(t, handler, listRules)
	if !strings.Contains(string(silent.Rules), `"silent":true`) {
		t.Fatalf("listed is %s", silent.Rules)
	}
	loud := done(t, handler, replace(strings.Replace(string(silent.Rules), `,"silent":true`, "", 1), ""))
	if loud.Hash == silent.Hash || handler.Rules().Destinations["0"].OfStream {
		t.Errorf("it is silent still: %v", handler.Rules())
	}
	if back := done(t, handler, replace(string(silent.Rules), "")); back.Hash != silent.Hash || !handler.Rules().Destinations["0"].OfStream {
		t.Errorf("it is not silent: %v", handler.Rules())
	}
}

func TestATableIsRefusedWholeAndTheErrorNamesTheRule(t *testing.T) {
	handler := newHandler(t)
	done(t, handler, replace(labTable, ""))
	before := handler.Rules()
	many := func(n int, rule string) string {
		var list []string
		for i := range n {
			list = append(list, fmt.Sprintf(rule, i))
		}
		return "{" + strings.Join(list, ",") + "}"
	}
	for message, words := range map[string]string{
		replace(`{"streams":{}}`, ""):                                                                               "destinations is missing",
		replace(`{"destinations":{}}`, ""):                                                                          "streams is missing",
		replace(`{"streams":[],"destinations":{}}`, ""):                                                             "streams must be an object",
		replace(`[]`, ""):                                                                                           "no JSON object",
		replace(`{"streams":{"a":[],"b c":[]},"destinations":{}}`, ""):                                              `stream "b c": `,
		replace(`{"streams":{"a":[],"b":["f","f"]},"destinations":{}}`, ""):                                         `stream "b": feed "f" is named twice`,
		replace(`{"streams":{"a":[],"a":[]},"destinations":{}}`, ""):                                                `"a" is given twice`,
		replace(`{"streams":{"a":[],"/a":[]},"destinations":{}}`, ""):                                               `stream "/a": it is given twice`,
		replace(`{"streams":{"a":null},"destinations":{}}`, ""):                                                     `stream "a": feeds is missing`,
		replace(`{"streams":{"api":[]},"destinations":{}}`, ""):                                                     `stream "api"`,
		replace(`{"streams":{},"destinations":{"9":{"stream":"a"}}}`, ""):                                           `destination "9": destination is missing`,
		replace(`{"streams":{},"destinations":{"9":{"id":"8","stream":"a","destination":"wss://r/"}}}`, ""):         `destination "9": its id is "8"`,
		replace(`{"streams":{},"destinations":{"9":{"stream":"a","destination":"https://r/"}}}`, ""):                `destination "9": an https://`,
		replace(`{"streams":{},"destinations":{"9":[]}}`, ""):                                                       `destination "9": `,
		replace(`{"streams":{},"destinations":{"9":{"stream":"a","destination":"wss://r/","silent":1}}}`, ""):       `destination "9": silent`,
		replace(`{"streams":{},"destinations":{"apiRule":{"stream":"api","destination":"wss://r/"}}}`, ""):          `no part of the table`,
		replace(`{"streams":`+many(1001, `"s%d":[]`)+`,"destinations":{}}`, ""):                                     "1000",
		replace(`{"streams":{},"destinations":`+many(1001, `"%d":{"stream":"s","destination":"wss://r/"}`)+`}`, ""): "1000",
		replace(`{"streams":`+many(17, `"s%d":["f0"`+feedsFrom(1, 256)+`]`)+`,"destinations":{}}`, ""):              "4096",
		replace(mutedLab, `,"confirm":"soon"`):                                                                      "confirm must be a time",
		replace(mutedLab, `,"confirm":"0s"`):                                                                        "confirm must be a time",
		replace(mutedLab, `,"confirm":30`):                                                                          "confirm must be a string",
		replace(mutedLab, `,"dryRun":"yes"`):                                                                        "dryRun must be",
		replace(mutedLab, `,"if":7`):                                                                                "if must be a string",
		replace(mutedLab, `,"if":""`):                                                                               "if is empty",
		replace(mutedLab, `,"if":"abc"`):                                                                            "their hash is ",
		`{"verb":"add","what":"rules"}`:                                                                             "Unrecognised Command",
		`{"verb":"delete","what":"rules","which":"all"}`:                                                            "Unrecognised Command",
		`{"verb":"add","what":"confirm"}`:                                                                           "no rules are on trial",
		`{"verb":"add","what":"confirm","if":"abc"}`:                                                                "nothing is confirmed",
		`{"verb":"add","what":"watch","for":"2h"}`:                                                                  "for must be a time",
		`{"verb":"add","what":"watch","for":-1}`:                                                                    "for must be a string",
	} {
		if l := listed(t, one(t, handler, message)); !strings.Contains(l.Error, words) {
			t.Errorf("%.200s: got %q, want the words %q", message, l.Error, words)
		}
		if !reflect.DeepEqual(handler.Rules(), before) {
			t.Fatalf("%.200s was refused, and changed the table", message)
		}
	}
}

// A destination that stays is not admitted again, and what was prepared for others
// is undone where one is refused.
func TestOnlyWhatATableChangesIsTouched(t *testing.T) {
	var asked []string
	undone, refuse := 0, ""
	agent := fake{undone: &undone, admit: func(rule command.Destination) error {
		if asked = append(asked, rule.ID); rule.ID == refuse {
			return fmt.Errorf("not here")
		}
		return nil
	}}
	handler := command.New(command.Config{Rules: channel(""), Effects: agent})
	done(t, handler, replace(labTable, ""))
	table := strings.Replace(labTable, "wss://r/in/v", "wss://r/in/w", 1)
	asked = nil
	if l := done(t, handler, replace(table, `,"dryRun":true`)); !l.DryRun || !strings.Contains(string(l.Rules), "/in/w") {
		t.Errorf("the dry run tells %+v", l)
	}
	if handler.Rules().Destinations["1"].Destination != "wss://r/in/v" || undone != 1 {
		t.Errorf("the dry run was none; %d undone", undone)
	}
	dry := done(t, handler, replace(table, `,"dryRun":true`)).Hash
	if l := done(t, handler, replace(table, "")); l.Hash != dry {
		t.Errorf("the dry run foretold %s, the hash is %s", dry, l.Hash)
	}
	done(t, handler, replace(table, ""))
	if want := []string{"1", "1", "1"}; !slices.Equal(asked, want) {
		t.Errorf("asked for %q, want %q", asked, want)
	}
	undone, refuse = 0, "b"
	l := listed(t, one(t, handler, replace(`{"streams":{},"destinations":{"a":{"stream":"s","destination":"wss://r/"},"b":{"stream":"s","destination":"wss://r/"}}}`, "")))
	if l.Error != `destination "b": not here` || undone != 1 {
		t.Errorf("%d undone, and the error is %q", undone, l.Error)
	}
}

// The values are those that a Python program made of what README says: an agent
// of any version tells the same.
func TestTheHashIsTheSameOnEveryAgent(t *testing.T) {
	const lab = `{"stream":"lab","destination":"wss://relay.example/in/lab"`
	for table, want := range map[string]string{
		noTable: "bb7a2480381315d1fd6e33f040bdf690fd04de27bbd5e2a82d07a01fb404b5e7",
		`{"streams":{"lab":["video0","audio0"]},"destinations":{"0":` + lab + `}}}`:                                                                   "b9f1ebc2534aa4b29a0ddf00861c1a74087f3ab4fcce22acd8f5f47156e6a3bb",
		`{"Destinations":{"0":` + lab + `,"token":"sesame"}},"streams":{"/lab":["/video0","av:audio"]}}`:                                              "a9ff68ea6b801320fa501300881756a637446587cbb23e923f278c76648609c3",
		`{"streams":{},"destinations":{"0":` + lab + `,"silent":true}}}`:                                                                              "663aef31028b0975c7ab51022e9bc92ef4f7030eff90b2e6818c9f72ff17568c",
		`{"streams":{"lab":[]},"destinations":{"0":` + lab[:len(lab)-1] + `?x=<\\u2028ä>&y","token":"sesame","auth":"message","file":"a\u2028.ts"}}}`: "86835468189306bba6025e912a0c32b14776d300e54d7a3254c42dccad92b7ff",
	} {
		for _, name := range []string{"agent1", "agent2"} {
			handler := command.New(command.Config{Name: name, Rules: command.Rules{Destinations: map[string]command.Destination{
				"apiRule": command.ChannelRule("wss://m/bi/"+name, name)}}})
			if got := done(t, handler, replace(table, "")).Hash; got != want || handler.Hash() != want {
				t.Errorf("%s: %s is %s, want %s", name, table, got, want)
			}
		}
	}
}

// trials runs a handler that takes back what nobody confirms, in a bubble of time.
func trials(t *testing.T, locked *bool, test func(handler *command.Handler)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		handler := command.New(command.Config{Rules: channel(""), Reports: fake{locked: locked}, Log: slog.New(slog.NewTextHandler(&log, nil))})
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan struct{})
		go func() { handler.Run(ctx); close(ended) }()
		done(t, handler, replace(labTable, ""))
		test(handler)
		cancel()
		<-ended
		if strings.Contains(log.String(), "ERROR") {
			t.Errorf("log:\n%s", &log)
		}
	})
}

func TestATableIsTakenBackUnlessItIsConfirmed(t *testing.T) {
	const confirm = `{"verb":"add","what":"confirm"}`
	stream := `{"verb":"add","what":"stream","rule":{"stream":"x","feeds":[]}}`
	moved := `{"verb":"add","what":"destination","rule":{"id":"apiRule","stream":"api","destination":"wss://m2/api"}}`
	for name, c := range map[string]struct {
		meanwhile func(t *testing.T, handler *command.Handler, hash string)
		stays     bool
	}{
		"nothing": {func(*testing.T, *command.Handler, string) {}, false},
		"confirmed": {func(t *testing.T, handler *command.Handler, _ string) {
			done(t, handler, confirm)
		}, true},
		"confirmed by its hash, twice": {func(t *testing.T, handler *command.Handler, hash string) {
			for range 2 {
				done(t, handler, `{"verb":"add","what":"confirm","if":"`+hash+`"}`)
			}
		}, true},
		"another confirmed": {func(t *testing.T, handler *command.Handler, _ string) {
			one(t, handler, `{"verb":"add","what":"confirm","if":"`+strings.Repeat("0", 64)+`"}`)
		}, false},
		"the same again, which changes nothing": {func(t *testing.T, handler *command.Handler, _ string) {
			time.Sleep(9 * time.Second)
			done(t, handler, replace(mutedLab, `,"confirm":"10s"`))
		}, false},
		"the same again, to stay": {func(t *testing.T, handler *command.Handler, _ string) {
			done(t, handler, replace(mutedLab, ""))
		}, true},
		"another on trial": {func(t *testing.T, handler *command.Handler, _ string) {
			done(t, handler, replace(noTable, `,"confirm":"1s"`))
		}, false},
		"a change from afar, which is taken back too": {func(t *testing.T, handler *command.Handler, _ string) {
			done(t, handler, stream)
		}, false},
		"the channel moved, which is not": {func(t *testing.T, handler *command.Handler, _ string) {
			done(t, handler, moved)
		}, false},
		"a change of the owner's": {func(t *testing.T, handler *command.Handler, _ string) {
			_, err := handler.DeleteStream(context.Background(), command.Local, "nothing")
			if err != nil {
				t.Error(err)
			}
		}, true},
	} {
		t.Run(name, func(t *testing.T) {
			trials(t, nil, func(handler *command.Handler) {
				before, hash := handler.Rules(), handler.Hash()
				l := done(t, handler, replace(mutedLab, `,"if":"`+hash+`","confirm":"10s"`))
				if l.Confirm != "10s" || !reflect.DeepEqual(handler.Lasting(), before) {
					t.Errorf("on trial: %+v, and %v would outlive an end", l, handler.Lasting())
				}
				c.meanwhile(t, handler, l.Hash)
				time.Sleep(11 * time.Second)
				synctest.Wait()
				want := hash
				if c.stays {
					want = l.Hash
				}
				if handler.Hash() != want || !reflect.DeepEqual(handler.Lasting(), handler.Rules()) {
					t.Errorf("it comes to %v, and %v outlives an end", handler.Rules(), handler.Lasting())
				}
				if api := handler.Rules().Destinations["apiRule"]; (api.Destination == "wss://m2/api") != strings.HasPrefix(name, "the channel") {
					t.Errorf("apiRule is %v", api)
				}
				if l := listed(t, one(t, handler, confirm)); l.Error == "" {
					t.Error("something is on trial still")
				}
			})
		})
	}
}

// While the owner has locked the rules nothing changes them, be it that they were
// on trial.
func TestRulesOnTrialStayWhenTheOwnerLocksThem(t *testing.T) {
	locked := false
	trials(t, &locked, func(handler *command.Handler) {
		hash := done(t, handler, replace(mutedLab, `,"confirm":"10s"`)).Hash
		locked = true
		for _, message := range []string{`{"verb":"add","what":"confirm"}`, replace(noTable, "")} {
			if l := listed(t, one(t, handler, message)); !strings.Contains(l.Error, "locked by the owner") {
				t.Errorf("%s: %+v", message, l)
			}
		}
		done(t, handler, listRules)
		done(t, handler, `{"verb":"add","what":"watch"}`)
		if !reflect.DeepEqual(handler.Lasting(), handler.Rules()) {
			t.Error("other rules would outlive an end than those that were locked")
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		locked = false
		time.Sleep(time.Minute)
		if handler.Hash() != hash {
			t.Errorf("the rules are %v", handler.Rules())
		}
	})
}

// A lock that is gone before the time is up ends no trial.
func TestRulesOnTrialAreTakenBackWhereTheOwnersLockIsGone(t *testing.T) {
	locked := false
	trials(t, &locked, func(handler *command.Handler) {
		before := handler.Rules()
		done(t, handler, replace(mutedLab, `,"confirm":"10s"`))
		locked = true
		time.Sleep(9 * time.Second)
		locked = false
		if !reflect.DeepEqual(handler.Lasting(), before) {
			t.Errorf("%v would outlive an end", handler.Lasting())
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if !reflect.DeepEqual(handler.Rules(), before) {
			t.Errorf("the rules are %v", handler.Rules())
		}
	})
}

// A broker may bring a command twice, and a relay may lose one: what has been done
// is done, and what follows is the same. Every verb is tried in every state that
// two others make.
func TestACommandThatComesTwiceDoesWhatItDoesOnce(t *testing.T) {
	all := maps.Clone(operations)
	maps.DeleteFunc(all, func(name, _ string) bool { return name == "-owner" || strings.HasSuffix(name, "tok") }) // the hash of a token takes its time
	all["=none"], all["=muted"] = replace(noTable, ""), replace(mutedLab, "")
	all["=muted if"] = replace(mutedLab, `,"if":"bb7a2480381315d1fd6e33f040bdf690fd04de27bbd5e2a82d07a01fb404b5e7"`)
	all["watch"], all["list"], all["healthcheck"] = `{"verb":"add","what":"watch"}`, listRules, `{"verb":"healthcheck"}`
	names := slices.Sorted(maps.Keys(all))
	state := func(handler *command.Handler) [2]command.Rules {
		return [2]command.Rules{handler.Rules(), handler.Lasting()}
	}
	for _, first := range names {
		for _, second := range []string{"+s", "-s", "+0 s", "=muted", "=muted?", "confirm"} {
			for _, third := range names {
				handler := command.New(command.Config{Rules: channel("")})
				for _, name := range []string{first, second, third} {
					handle(handler, all[name])
				}
				before := state(handler)
				handle(handler, all[third])
				if after := state(handler); !reflect.DeepEqual(before, after) {
					t.Fatalf("%s, %s, %s, and that again: %v became %v", first, second, third, before, after)
				}
			}
		}
	}
}
