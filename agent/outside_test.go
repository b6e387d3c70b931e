package agent_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"vw/agent"
	"vw/testrelay"
)

// whatLeaves is all that the channel and a collector of metrics are told, but
// for what counts by itself.
func whatLeaves(t testing.TB, a *running, c *peer) string {
	t.Helper()
	var status map[string]any
	decode(t, c.ask(`{"verb":"list","what":"status"}`), &status)
	delete(status, "uptime")
	_, metrics := a.request(t, "GET", "/metrics", "")
	var kept []string
	for line := range strings.Lines(metrics) {
		if !strings.HasPrefix(line, "vw_uptime") && !strings.HasPrefix(line, "vw_commands") {
			kept = append(kept, line)
		}
	}
	return jsonOf(status) + c.ask(`{"verb":"list","what":"feed","which":"all"}`) + strings.Join(kept, "")
}

func TestNothingThatLeavesTellsWhatAMutedFeedDoes(t *testing.T) {
	relay := listen(t, testrelay.Config{})
	a := start(t, relay, agent.Config{Muted: []string{"secret", "av:audio", "av:video"}})
	c := orchestrate(t, relay, "agent1")
	c.combine("s", "secret", "av")
	c.route("0", "secret", relay.URL()+"/in/a")
	c.route("1", "s", relay.URL()+"/in/b")
	for _, path := range []string{"/in/a", "/in/b"} {
		if err := relay.AwaitClient(patient(t), path); err != nil {
			t.Fatal(err)
		}
	}
	a.play(t, "av", 'A')
	f := a.flow(t, "secret", 0x100, 5, 2*time.Millisecond)
	a.awaitFeed(t, "secret", 50)
	eventually(t, "av comes in", func() bool { return feedBytes(t, a, "av") > 50_000 })
	c.want(`{"verb":"list","what":"feed","which":"secret"}`, `{"source":true,"muted":["all"]}`)
	c.want(`{"verb":"list","what":"feed","which":"av"}`, `{"source":true,"muted":["video","audio"]}`)

	before := whatLeaves(t, a, c)
	from, av := f.count(), feedBytes(t, a, "av")
	eventually(t, "packets come in", func() bool { return f.count() > from+200 && feedBytes(t, a, "av") > av+50_000 })
	a.awaitFeed(t, "secret", uint64(from+200))
	if after := whatLeaves(t, a, c); after != before {
		t.Errorf("what leaves changes while only muted feeds flow:\n%s\nand then\n%s", before, after)
	}
}

func TestOfAFeedThatIsMutedInPartTheChannelIsToldTheRest(t *testing.T) {
	relay := listen(t, testrelay.Config{})
	a := start(t, relay, agent.Config{Muted: []string{"av:audio"}})
	c := orchestrate(t, relay, "agent1")
	a.play(t, "av", 'A')
	eventually(t, "av comes in", func() bool { return feedBytes(t, a, "av") > 50_000 })
	var told map[string]any
	decode(t, c.ask(`{"verb":"list","what":"feed","which":"av"}`), &told)
	tracks, _ := told["tracks"].([]any)
	if len(told) != 3 || len(tracks) != 1 || tracks[0].(map[string]any)["kind"] != "video" {
		t.Errorf("the channel is told %v", told)
	}
	if _, all := a.request(t, "GET", "/api/feeds/all", ""); !strings.Contains(all, `"bitrate"`) {
		t.Errorf("this machine is told %s", all)
	}
}

func TestTheChannelRecordsOnlyWhereTheOwnerNamedAFolder(t *testing.T) {
	relay := listen(t, testrelay.Config{})
	rule := `{"id":"0","stream":"v","destination":"` + relay.URL() + `/in/v","file":"v.ts"}`
	add := `{"verb":"add","what":"destination","rule":` + rule + `}`
	unset := launch(t, "VW_API="+relay.URL()+"/bi/unset")
	if err := relay.AwaitClient(patient(t), "/bi/unset"); err != nil {
		t.Fatal(err)
	}
	c := orchestrate(t, relay, "unset")
	if got := c.ask(add); !strings.Contains(got, "VW_RECORD_DIR") {
		t.Errorf("the channel was answered %s", got)
	}
	if _, known := c.status().Destinations["0"]; known {
		t.Error("what was refused has changed the rules")
	}
	if _, err := unset.call(patient(t), "POST", "/api/destinations", rule); err != nil {
		t.Error("the owner may not record:", err)
	}
	if _, err := os.Stat(filepath.Join(unset.cmd.Dir, "recordings", "v.ts")); err != nil {
		t.Error(err)
	}
	c.want(add, rule) // the same again leaves it the owner's
	if got := c.ask(strings.Replace(add, "v.ts", "w.ts", 1)); !strings.Contains(got, "VW_RECORD_DIR") {
		t.Errorf("the channel was answered %s", got)
	}

	folder := t.TempDir()
	launch(t, "VW_API="+relay.URL()+"/bi/named", "VW_RECORD_DIR="+folder)
	if err := relay.AwaitClient(patient(t), "/bi/named"); err != nil {
		t.Fatal(err)
	}
	orchestrate(t, relay, "named").want(add, rule)
	if _, err := os.Stat(filepath.Join(folder, "v.ts")); err != nil {
		t.Error(err)
	}
}
