package agent_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"vw/agent"
	"vw/agent/status"
	"vw/testrelay"
)

// A rule may have a file and no relay: nothing leaves the machine then.
func TestARuleWithAFileAloneRecordsWithoutARelay(t *testing.T) {
	t.Parallel()
	relay := listen(t, testrelay.Config{})
	config := agent.Config{RecordDir: t.TempDir(), State: filepath.Join(t.TempDir(), "state")}
	a := start(t, relay, config)
	c := orchestrate(t, relay, "agent1")
	add := func(rule string) string { return `{"verb":"add","what":"destination","rule":` + rule + `}` }
	size := func(file string) int64 {
		info, err := os.Stat(filepath.Join(config.RecordDir, file))
		if err != nil {
			return 0
		}
		return info.Size()
	}
	told := func() status.Destination { return c.status().Destinations["r"] }
	a.play(t, "cam", 'A')
	c.want(add(`{"id":"r","stream":"cam","file":"cam.ts"}`), `{"id":"r","stream":"cam","file":"cam.ts"}`)
	eventually(t, "it records", func() bool { return size("cam.ts") > 100_000 })
	if d := told(); d.Condition != status.Recording || d.State != "none" || d.Problem != nil || d.Dials != 0 || d.Queue.Sent != 0 {
		t.Errorf("told %+v", d)
	}
	if f := c.status().Feeds["cam"]; f.Condition != status.Recording {
		t.Errorf("of the feed it is told that it is %s", f.Condition)
	}

	// A relay is added, and goes again.
	c.want(add(`{"id":"r","stream":"cam","file":"cam.ts","destination":"`+relay.URL()+`/in/cam"}`),
		`{"id":"r","stream":"cam","file":"cam.ts","destination":"`+relay.URL()+`/in/cam"}`)
	eventually(t, "it is sent and recorded", func() bool { return told().Condition == status.OnAir && size("cam-1.ts") > 100_000 })
	c.want(add(`{"id":"r","stream":"cam","file":"cam.ts"}`), `{"id":"r","stream":"cam","file":"cam.ts"}`)
	eventually(t, "the link is gone and it records", func() bool {
		return testrelay.Up(relay.Visits("/in/cam")) == 0 && size("cam-2.ts") > 100_000
	})

	// It comes back after a restart, and ends with its rule.
	if err := a.end(); err != nil {
		t.Fatal(err)
	}
	b := start(t, nil, config)
	b.play(t, "cam", 'A')
	eventually(t, "it records after a restart", func() bool { return size("cam-3.ts") > 100_000 })
	b.request(t, "PUT", "/api/mutes/cam", "")
	if d := b.status(t).Destinations["r"]; d.Condition != status.Muted {
		t.Errorf("muted it is %s", d.Condition)
	}
	if _, text := b.request(t, "DELETE", "/api/destinations/r", ""); text != `"r"` {
		t.Error(text)
	}
	if s := b.status(t); len(s.Destinations) > 0 || slices.ContainsFunc(s.Problems, func(w status.Wrong) bool { return w.Of == "recording" }) {
		t.Errorf("told %+v", s)
	}
}

func TestAFileAloneTakesNoTokenAndTheCommandChannelHasNone(t *testing.T) {
	t.Parallel()
	a := start(t, nil, agent.Config{})
	for rule, field := range map[string]string{
		`{"id":"r","stream":"cam","file":"cam.ts","token":"x"}`:        "destination",
		`{"id":"r","stream":"cam","file":"cam.ts","auth":"bearer"}`:    "destination",
		`{"id":"r","stream":"cam","file":"../cam.ts"}`:                 "file",
		`{"id":"r","stream":"cam"}`:                                    "destination",
		`{"id":"r","stream":"cam","file":""}`:                          "destination",
		`{"id":"apiRule","stream":"api","file":"cam.ts"}`:              "file",
		`{"id":"r","stream":"cam","file":"cam.ts","credential":"vw1"}`: "destination",
	} {
		resp, text := a.request(t, "POST", "/api/destinations", rule)
		if resp.StatusCode != 400 || resp.Header.Get("Vw-Field") != field {
			t.Errorf("%s: %d, field %q, want %q: %s", rule, resp.StatusCode, resp.Header.Get("Vw-Field"), field, text)
		}
	}
}
