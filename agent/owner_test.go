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
