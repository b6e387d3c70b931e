package agent_test

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"vw/agent"
	"vw/testrelay"
)

// hushed shows that nothing of a feed leaves while much of it comes in.
func hushed(t testing.TB, a *running, feed string, f *flow, viewers ...*viewer) {
	t.Helper()
	for _, v := range viewers {
		v.sub.Drain()
	}
	from := f.count()
	eventually(t, "packets come in", func() bool { return f.count() > from+200 })
	a.awaitFeed(t, feed, uint64(from+200))
	for _, v := range viewers {
		for _, m := range v.sub.Drain() {
			if n := len(numbers(t, 0x100, m.Data)); n > 0 {
				t.Fatalf("%d packets of a feed that its owner has muted arrived on %s", n, m.Topic)
			}
		}
	}
}

func TestOwnersMuteOutranksEveryRule(t *testing.T) {
	relay := listen(t, testrelay.Config{})
	dir := t.TempDir()
	config := agent.Config{State: filepath.Join(dir, "state"), RecordDir: filepath.Join(dir, "rec"), Trial: trial}
	a := start(t, relay, config)
	c := orchestrate(t, relay, "agent1")
	direct, combined := view(t, relay, "direct"), view(t, relay, "combined")
	c.combine("s", "secret")
	c.route("0", "secret", relay.URL()+"/in/direct")
	c.route("1", "s", relay.URL()+"/in/combined")
	c.ask(`{"verb":"add","what":"destination","rule":{"id":"2","stream":"secret","destination":"` + relay.URL() + `/in/rec","file":"r.ts"}}`)
	f := a.flow(t, "secret", 0x100, 5, 2*time.Millisecond)
	direct.until("packets", func() bool { return len(direct.got) > 0 })

	if _, got := a.request(t, "PUT", "/api/mutes/secret", ""); !sameJSON(got, `{"mutes":["secret"],"kept":true}`) {
		t.Fatalf("got %s", got)
	}
	recorded := func() int64 {
		files, _ := filepath.Glob(filepath.Join(dir, "rec", "*.ts"))
		var sum int64
		for _, name := range files {
			if info, err := os.Stat(name); err == nil {
				sum += info.Size()
			}
		}
		return sum
	}
	before := recorded()
	steps := []struct {
		name string
		do   func()
	}{
		{"at once", func() {}},
		{"the rules added again", func() { c.combine("s", "secret", "other"); c.route("0", "secret", relay.URL()+"/in/direct") }},
		{"another rule", func() { c.route("3", "secret", relay.URL()+"/in/direct") }},
		{"a part of it", func() { c.combine("s", "secret:video", "secret:audio") }},
		{"all deleted and added", func() {
			c.want(`{"verb":"delete","what":"destination","which":"all"}`, `{"deleted":"deleteAll"}`)
			c.want(`{"verb":"delete","what":"stream","which":"all"}`, `{"deleted":"deleteAll"}`)
			c.route("0", "secret", relay.URL()+"/in/direct")
			c.combine("s", "secret")
			c.route("1", "s", relay.URL()+"/in/combined")
		}},
		{"reconnected", func() {
			relay.Drop("/in")
			for _, path := range []string{"/in/direct", "/in/combined"} {
				awaitVisits(t, relay, path, func(v []testrelay.Visit) bool { return testrelay.Up(v) == 1 })
			}
		}},
		{"the channel changed", func() {
			c.move(map[string]string{"destination": relay.URL() + "/bi/elsewhere"})
			if err := relay.AwaitClient(patient(t), "/bi/elsewhere"); err != nil {
				t.Fatal(err)
			}
			orchestrate(t, relay, "elsewhere").want(`{"verb":"healthcheck"}`, `{"healthcheck":"ok"}`)
			c = orchestrate(t, relay, "elsewhere")
		}},
		{"asked by the channel", func() {
			for _, try := range []string{
				`{"verb":"delete","what":"mute","which":"secret"}`, `{"verb":"add","what":"mute","rule":{"feed":"secret"}}`,
				`{"verb":"unmute","which":"secret"}`, `{"verb":"delete","what":"feed","which":"secret"}`,
			} {
				if got := c.ask(try); !strings.Contains(got, "error") {
					t.Errorf("%s was answered %s", try, got)
				}
			}
			if s := c.status(); len(s.Mutes) != 1 || s.Mutes[0] != "secret" {
				t.Errorf("the channel sees the mutes %v", s.Mutes)
			}
		}},
	}
	for _, step := range steps {
		step.do()
		t.Log(step.name)
		hushed(t, a, "secret", f, direct, combined)
	}
	if after := recorded(); after != before {
		t.Errorf("%d bytes were recorded of a muted feed", after-before)
	}
	f.stop()
	if err := a.end(); err != nil {
		t.Fatal(err)
	}
	b := start(t, nil, config)
	f = b.flow(t, "secret", 0x100, 5, 2*time.Millisecond)
	b.request(t, "POST", "/api/destinations", `{"id":"9","stream":"secret","destination":"`+relay.URL()+`/in/direct"}`)
	if _, err := relay.Await(patient(t), "/in/direct", func(v []testrelay.Visit) bool { return testrelay.Up(v) >= 1 }); err != nil {
		t.Fatal(err)
	}
	hushed(t, b, "secret", f, direct, combined)
	b.request(t, "DELETE", "/api/mutes/secret", "")
	direct.got = nil
	direct.until("packets again", func() bool { return len(direct.got) > 0 })
}

func TestMuteAllCoversFeedsToCome(t *testing.T) {
	relay := listen(t, testrelay.Config{})
	a := start(t, nil, agent.Config{Muted: []string{"*"}})
	v := view(t, relay, "v")
	a.request(t, "POST", "/api/destinations", `{"id":"0","stream":"new","destination":"`+relay.URL()+`/in/v"}`)
	if err := relay.AwaitClient(patient(t), "/in/v"); err != nil {
		t.Fatal(err)
	}
	f := a.flow(t, "new", 0x100, 5, 2*time.Millisecond)
	hushed(t, a, "new", f, v)
	if _, got := a.request(t, "DELETE", "/api/mutes/*", ""); !sameJSON(got, `{"mutes":[],"kept":false}`) {
		t.Errorf("got %s", got)
	}
	v.until("packets", func() bool { return len(v.got) > 0 })
}

func TestLockedAgentListsAndDoesNotChange(t *testing.T) {
	relay := listen(t, testrelay.Config{})
	a := start(t, relay, agent.Config{})
	c := orchestrate(t, relay, "agent1")
	c.combine("s", "v")
	if _, got := a.request(t, "PUT", "/api/lock", ""); !sameJSON(got, `{"locked":true,"kept":false}`) {
		t.Fatalf("got %s", got)
	}
	if got := c.ask(`{"verb":"delete","what":"stream","which":"s"}`); !strings.Contains(got, "locked by the owner") {
		t.Errorf("got %s", got)
	}
	c.want(`{"verb":"list","what":"stream","which":"all"}`, `{"s":["v"]}`)
	if s := c.status(); !s.Locked {
		t.Error("status does not tell of the lock")
	}
	a.local(t, "/ws/api").want(`{"verb":"delete","what":"stream","which":"s"}`, `{"deleted":"s"}`)
	a.request(t, "DELETE", "/api/lock", "")
	c.combine("s", "v")
}

func TestBadMutesAreRefusedInWords(t *testing.T) {
	a := start(t, nil, agent.Config{})
	for _, entry := range []string{"", "api", "stream/x", "../x", "v:subtitles", "all", "a%20b"} {
		resp, body := a.request(t, "PUT", "/api/mutes/"+entry, "")
		if resp.StatusCode != 400 && resp.StatusCode != 405 || !strings.Contains(body, `"error"`) {
			t.Errorf("PUT %q: %d %s", entry, resp.StatusCode, body)
		}
	}
	if _, got := a.request(t, "GET", "/api/mutes/all", ""); got != "[]" {
		t.Errorf("mutes are %s", got)
	}
}

// TestNoCommandUndoesTheOwnersMute sends what a stranger on the channel can
// think of, in any order.
func TestNoCommandUndoesTheOwnersMute(t *testing.T) {
	relay := listen(t, testrelay.Config{})
	a := start(t, relay, agent.Config{Muted: []string{"secret"}})
	c := orchestrate(t, relay, "agent1")
	v := view(t, relay, "v")
	f := a.flow(t, "secret", 0x100, 5, 2*time.Millisecond)
	at := relay.URL() + "/in/v"
	commands := []string{
		`{"verb":"add","what":"stream","rule":{"stream":"s","feeds":["secret"]}}`,
		`{"verb":"add","what":"stream","rule":{"stream":"s","feeds":["secret:video"]}}`,
		`{"verb":"add","what":"stream","rule":{"stream":"s","feeds":["other","secret:audio"]}}`,
		`{"verb":"add","what":"stream","rule":{"stream":"secret","feeds":["secret"]}}`,
		`{"verb":"add","what":"destination","rule":{"id":"0","stream":"s","destination":"` + at + `"}}`,
		`{"verb":"add","what":"destination","rule":{"id":"1","stream":"secret","destination":"` + at + `"}}`,
		`{"verb":"add","what":"destination","rule":{"id":"0","stream":"/secret","destination":"` + at + `","file":"x.ts"}}`,
		`{"verb":"delete","what":"stream","which":"s"}`, `{"verb":"delete","what":"stream","which":"secret"}`,
		`{"verb":"delete","what":"stream","which":"all"}`, `{"verb":"delete","what":"destination","which":"0"}`,
		`{"verb":"delete","what":"destination","which":"all"}`, `{"verb":"delete","what":"mute","which":"secret"}`,
		`{"verb":"list","what":"feed","which":"secret"}`, `{"verb":"unmute","which":"*"}`, `{"verb":"delete","what":"feed","which":"all"}`,
	}
	for range 300 {
		c.ask(commands[rand.N(len(commands))])
	}
	c.ask(commands[0])
	c.ask(commands[4])
	c.ask(commands[5])
	awaitVisits(t, relay, "/in/v", func(v []testrelay.Visit) bool { return testrelay.Up(v) == 2 })
	for _, m := range v.sub.Drain() {
		if n := len(numbers(t, 0x100, m.Data)); n > 0 {
			t.Fatalf("%d packets of a muted feed left", n)
		}
	}
	hushed(t, a, "secret", f, v)
}

func TestOnAirFileFollowsWhatLeaves(t *testing.T) {
	relay := listen(t, testrelay.Config{})
	path := writeFile(t, "on-air", []byte("left by one that was killed\n"))
	a := start(t, nil, agent.Config{OnAirFile: path})
	tells := func(want string) func() bool {
		return func() bool {
			text, err := os.ReadFile(path)
			if err != nil || string(text) != "" && string(text) != "cam\n" && string(text) != "cam\nmic\n" {
				t.Fatalf("the file is never missing or half written: %q, %v", text, err)
			}
			return string(text) == want
		}
	}
	if !tells("")() {
		t.Error("it is not empty at the start")
	}
	a.request(t, "POST", "/api/streams", `{"stream":"lab","feeds":["mic"]}`)
	for id, stream := range map[string]string{"0": "cam", "1": "lab"} {
		a.request(t, "POST", "/api/destinations", `{"id":"`+id+`","stream":"`+stream+`","destination":"`+relay.URL()+`/in/`+stream+`"}`)
	}
	a.play(t, "mic", 'M')
	a.play(t, "cam", 'C')
	eventually(t, "both are on air", tells("cam\nmic\n"))
	a.request(t, "PUT", "/api/mutes/mic", "")
	eventually(t, "the muted one is not", tells("cam\n"))
	a.request(t, "PUT", "/api/mutes/*", "")
	eventually(t, "nothing is", tells(""))
	a.request(t, "DELETE", "/api/mutes/*", "")
	eventually(t, "one is again", tells("cam\n"))
	if err := a.end(); err != nil {
		t.Fatal(err)
	}
	if !tells("")() {
		t.Error("it is not empty at the end")
	}
	if left, _ := filepath.Glob(path + "*"); len(left) != 1 {
		t.Errorf("files are left: %q", left)
	}
	_, err := agent.New(agent.Config{Name: "x", OnAirFile: filepath.Join(t.TempDir(), "missing", "on-air")})
	if err == nil || !strings.Contains(err.Error(), "on-air file") {
		t.Errorf("without a folder: %v", err)
	}
}

func TestWhatUndoesTheOwnersWordWantsTheToken(t *testing.T) {
	const token = "canary-of-the-owner"
	a := start(t, nil, agent.Config{OwnerTokenFile: writeFile(t, "token", []byte(token+"\n"))})
	rule := `{"stream":"s","feeds":[]}`
	page := []string{"Sec-Fetch-Site", "same-origin", "Vw-Page-Token", a.pageToken(t)}
	for _, c := range []struct {
		method, path, body string
		page, wanted       bool
	}{
		{"PUT", "/api/mutes/cam", "", false, false}, {"PUT", "/api/mutes/cam", "", true, false},
		{"PUT", "/api/mutes/cam", `{"for":"1h"}`, true, false},
		{"DELETE", "/api/mutes/cam", "", false, true}, {"DELETE", "/api/mutes/cam", "", true, true},
		{"DELETE", "/api/mutes/%63am", "", false, true}, {"DELETE", "/api/mutes/*", "", false, true},
		{"PUT", "/api/lock", "", false, false}, {"PUT", "/api/lock", "", true, false},
		{"DELETE", "/api/lock", "", false, true}, {"DELETE", "/api/lock", "", true, true},
		{"DELETE", "/api/endpoints/configured", "", false, true}, {"DELETE", "/api/destinations/apiRule", "", false, true}, {"DELETE", "/api/destinations/ap%69Rule", "", false, true},
		{"POST", "/api/streams", rule, false, false}, {"POST", "/api/streams", rule, true, true},
		{"DELETE", "/api/streams/s", "", false, false}, {"DELETE", "/api/streams/s", "", true, true},
		{"DELETE", "/api/destinations/all", "", false, false}, {"DELETE", "/api/destinations/all", "", true, true},
		{"GET", "/api/stats", "", true, false}, {"GET", "/ws/api", "", true, true},
	} {
		headers := []string{}
		if c.page {
			headers = page
		}
		resp, body := a.request(t, c.method, c.path, c.body, headers...)
		if refused := resp.StatusCode == 401; refused != c.wanted || refused && !strings.Contains(body, "the owner's token") {
			t.Errorf("%s %s, from the page %v: %d %s", c.method, c.path, c.page, resp.StatusCode, body)
		}
		for _, guess := range []string{"Bearer " + token[:len(token)-1], "Bearer " + token + "x", "Basic " + token, "Bearer"} {
			resp, _ := a.request(t, c.method, c.path, c.body, append(headers, "Authorization", guess)...)
			if c.wanted && resp.StatusCode != 401 {
				t.Errorf("%s %s with %q: %d", c.method, c.path, guess, resp.StatusCode)
			}
		}
		if resp, body := a.request(t, c.method, c.path, c.body, append(headers, "Authorization", "Bearer "+token)...); resp.StatusCode == 401 {
			t.Errorf("%s %s with the token: %s", c.method, c.path, body)
		}
	}
	for text, word := range map[string]string{"short": "16 at least", "": "16 at least"} {
		_, err := agent.New(agent.Config{Name: "x", OwnerTokenFile: writeFile(t, "token", []byte(text))})
		if err == nil || !strings.Contains(err.Error(), word) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestMutesByTheClockOutliveARestart(t *testing.T) {
	state := filepath.Join(t.TempDir(), "state")
	a := start(t, nil, agent.Config{State: state})
	a.request(t, "PUT", "/api/mutes/cam", `{"every":"Sun-Sat 00:00-24:00"}`)
	if _, got := a.request(t, "PUT", "/api/mutes/mic", `{"for":"1h"}`); !strings.Contains(got, `"feed":"mic","until":"`) {
		t.Errorf("got %s", got)
	}
	for body, word := range map[string]string{
		`{"until":"6pm"}`: "18:00", `{"til":"18:00"}`: "JSON such as", `until=18:00`: "JSON such as",
		`{"for":"1h"}{}`: "JSON such as", `{"for":1}`: "JSON such as",
	} {
		if resp, got := a.request(t, "PUT", "/api/mutes/cam", body); resp.StatusCode != 400 || !strings.Contains(got, word) {
			t.Errorf("%s: %d %s", body, resp.StatusCode, got)
		}
	}
	before := a.status(t)
	if len(before.Owner.Schedule) != 2 || strings.Join(before.Mutes, " ") != "cam mic" {
		t.Errorf("status: %q, %+v", before.Mutes, before.Owner)
	}
	if err := a.end(); err != nil {
		t.Fatal(err)
	}
	b := start(t, nil, agent.Config{State: state})
	if after := b.status(t); jsonOf(after.Owner) != jsonOf(before.Owner) || strings.Join(after.Mutes, " ") != "cam mic" {
		t.Errorf("after the restart: %q, %s, before %s", after.Mutes, jsonOf(after.Owner), jsonOf(before.Owner))
	}
	b.request(t, "DELETE", "/api/mutes/cam", "")
	b.request(t, "DELETE", "/api/mutes/mic", "")
	if s := b.status(t); len(s.Owner.Schedule) != 0 || len(s.Mutes) != 0 {
		t.Errorf("unmuted: %q, %+v", s.Mutes, s.Owner)
	}
}

func TestTheChannelIsNotToldOfTheSchedule(t *testing.T) {
	relay := listen(t, testrelay.Config{})
	a := start(t, relay, agent.Config{MuteFile: filepath.Join(t.TempDir(), "mute")})
	c := orchestrate(t, relay, "agent1")
	a.request(t, "PUT", "/api/mutes/cam", `{"every":"00:00-24:00"}`)
	if got := c.ask(`{"verb":"list","what":"status"}`); strings.Contains(got, "00:00-24:00") || strings.Contains(got, `"owner"`) || !strings.Contains(got, `"mutes":["cam"]`) {
		t.Errorf("the channel is told %s", got)
	}
	if got := a.local(t, "/ws/api").ask(`{"verb":"list","what":"status"}`); !strings.Contains(got, "00:00-24:00") {
		t.Errorf("this machine is told %s", got)
	}
}
