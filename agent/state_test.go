package agent_test

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"vw/agent"
	"vw/agent/status"
	"vw/testrelay"
)

func TestRulesMutesAndLockOutliveARestart(t *testing.T) {
	relay := listen(t, testrelay.Config{})
	state := filepath.Join(t.TempDir(), "state")
	a := start(t, relay, agent.Config{State: state})
	c := orchestrate(t, relay, "agent1")
	c.combine("both", "video0", "audio0")
	c.combine("gone", "video0")
	c.ask(`{"verb":"add","what":"destination","rule":{"id":"0","stream":"both","destination":"` + relay.URL() + `/in/a","token":"canary-in-the-state"}}`)
	c.route("1", "gone", relay.URL()+"/in/b")
	c.remove("stream", "gone")
	a.request(t, "PUT", "/api/mutes/audio0", "")
	a.request(t, "PUT", "/api/lock", "")
	if err := a.end(); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(state)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("the state file's mode is %v", info.Mode())
	}
	b := start(t, relay, agent.Config{State: state})
	_, streams := b.request(t, "GET", "/api/streams/all", "")
	_, destinations := b.request(t, "GET", "/api/destinations/all", "")
	_, mutes := b.request(t, "GET", "/api/mutes/all", "")
	_, lock := b.request(t, "GET", "/api/lock", "")
	if !sameJSON(streams, `{"both":["video0","audio0"]}`) || !sameJSON(mutes, `["audio0"]`) || !sameJSON(lock, `{"locked":true,"kept":true}`) {
		t.Errorf("after the restart: streams %s, mutes %s, lock %s", streams, mutes, lock)
	}
	if !strings.Contains(destinations, `"tokenSet":true`) {
		t.Errorf("destinations: %s", destinations)
	}
	// destination 1 still belongs to the stream that was deleted: it is silent
	v := view(t, relay, "b")
	f := b.flow(t, "gone", 0x100, 5, 5*time.Millisecond)
	c = orchestrate(t, relay, "agent1")
	eventually(t, "packets come in", func() bool { return f.count() > 100 })
	c.silent()
	if got := v.sub.Drain(); len(got) > 0 {
		t.Error("a destination of a deleted stream fell back to the feed of its name")
	}
}

func TestWhoseRuleItIsOutlivesARestart(t *testing.T) {
	relay := listen(t, testrelay.Config{})
	state := filepath.Join(t.TempDir(), "state")
	a := start(t, relay, agent.Config{State: state})
	orchestrate(t, relay, "agent1").route("remote", "v", relay.URL()+"/in/a")
	a.request(t, "POST", "/api/destinations", `{"id":"owners","stream":"v","destination":"`+relay.URL()+`/in/b"}`)
	for range 2 {
		if err := a.end(); err != nil {
			t.Fatal(err)
		}
		var saved struct {
			Destinations map[string]struct{ Local bool }
		}
		text, err := os.ReadFile(state)
		if err != nil {
			t.Fatal(err)
		}
		decode(t, string(text), &saved)
		if !saved.Destinations["owners"].Local || saved.Destinations["remote"].Local {
			t.Errorf("saved as %s", text)
		}
		a = start(t, relay, agent.Config{State: state})
		a.request(t, "POST", "/api/streams", `{"stream":"s","feeds":[]}`) // saved anew
	}
}

func TestDamagedStateMutesAndLocksEverythingUntilTheOwnerLiftsIt(t *testing.T) {
	relay := listen(t, testrelay.Config{})
	state := filepath.Join(t.TempDir(), "state")
	a := start(t, nil, agent.Config{State: state})
	a.request(t, "POST", "/api/streams", `{"stream":"older","feeds":[]}`)
	a.request(t, "POST", "/api/destinations", `{"id":"0","stream":"v","destination":"`+relay.URL()+`/in/v"}`)
	if err := a.end(); err != nil { // forced to the disk: the previous generation
		t.Fatal(err)
	}
	damage(t, state)
	start(t, nil, agent.Config{State: state}).end() // nobody has looked at it
	b := start(t, nil, agent.Config{State: state})
	if _, got := b.request(t, "GET", "/api/streams/all", ""); got != `{"older":[]}` {
		t.Errorf("the rules are %s", got)
	}
	v := view(t, relay, "v")
	f := b.flow(t, "v", 0x100, 5, 2*time.Millisecond)
	if err := relay.AwaitClient(patient(t), "/in/v"); err != nil {
		t.Fatal(err)
	}
	hushed(t, b, "v", f, v)
	stands := func(locked, damaged bool, mutes ...string) {
		t.Helper()
		s := b.status(t)
		if s.Locked != locked || s.Owner.Damaged != damaged || strings.Join(s.Mutes, " ") != strings.Join(mutes, " ") {
			t.Errorf("locked %v, damaged %v, mutes %q", s.Locked, s.Owner.Damaged, s.Mutes)
		}
	}
	stands(true, true, "*")
	b.request(t, "DELETE", "/api/mutes/*", "")
	v.until("packets", func() bool { return len(v.got) > 0 })
	stands(true, true)
	b.request(t, "DELETE", "/api/lock", "")
	stands(false, false)
	if err := b.end(); err != nil {
		t.Fatal(err)
	}
	damage(t, state)
	damage(t, state+".previous")
	c := start(t, nil, agent.Config{State: state})
	c.log.await(t, `"ERROR"`, "damaged", "vw unmute '*' and vw unlock")
	if s := c.status(t); !s.Locked || !s.Owner.Damaged || len(s.Mutes) != 1 || len(s.Streams) != 0 {
		t.Errorf("with nothing left of the state: %+v", s)
	}
	if copies, _ := filepath.Glob(state + "*.damaged-*"); len(copies) != 3 {
		t.Errorf("set aside: %v", copies)
	}
}

// damage writes to a state file what a fault of the disk may leave.
func damage(t testing.TB, path string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(`{"version":1,"streams":{"new`), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (r *running) status(t testing.TB) (s status.Status) {
	t.Helper()
	_, text := r.request(t, "GET", "/api/stats", "")
	decode(t, text, &s)
	return s
}

func TestStateThatIsALinkIsReplacedWhereItLeads(t *testing.T) {
	dir := t.TempDir()
	link := filepath.Join(dir, "link")
	if err := os.Mkdir(filepath.Join(dir, "far"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join("far", "state"), link); err != nil {
		t.Fatal(err)
	}
	for _, feed := range []string{"first", "second"} { // at first it leads to nothing
		a := start(t, nil, agent.Config{State: link})
		a.request(t, "PUT", "/api/mutes/"+feed, "")
		if err := a.end(); err != nil {
			t.Fatal(err)
		}
		if text, err := os.ReadFile(filepath.Join(dir, "far", "state")); err != nil || !strings.Contains(string(text), feed) {
			t.Errorf("where it leads: %v, %s", err, text)
		}
		if target, err := os.Readlink(link); err != nil || target != filepath.Join("far", "state") {
			t.Errorf("the link is %q, %v", target, err)
		}
	}
}

func TestStateThatOthersMayWriteStopsTheStart(t *testing.T) {
	for name, c := range map[string]struct {
		file, folder fs.FileMode
		owner        int
		word         string // of the refusal, "" where it is taken
	}{
		"the owner's":          {0o600, 0o755, 0, ""},
		"read by others":       {0o644, 0o755, 0, ""},
		"written by others":    {0o606, 0o755, 0, "chmod go-w"},
		"written by a group":   {0o660, 0o755, 0, "chmod go-w"},
		"a folder of others":   {0o600, 0o777, 0, "chmod go-w"},
		"a folder of a group":  {0o600, 0o775, 0, "chmod go-w"},
		"a folder like tmp":    {0o600, 0o777 | fs.ModeSticky, 0, ""},
		"another user's":       {0o600, 0o755, 4711, "another user"},
		"of others, in no tmp": {0o600, 0o777 | fs.ModeSticky, 4711, "another user"},
	} {
		if c.owner != 0 && os.Geteuid() != 0 {
			continue // only root gives files away
		}
		folder := filepath.Join(t.TempDir(), "folder")
		path := filepath.Join(folder, "state")
		err := errors.Join(os.Mkdir(folder, 0o700), os.WriteFile(path, []byte(`{"version":1}`), 0o600),
			os.Chmod(path, c.file), os.Chmod(folder, c.folder))
		if c.owner != 0 {
			err = errors.Join(err, os.Chown(path, c.owner, -1))
		}
		if err != nil {
			t.Fatal(err)
		}
		_, err = agent.New(agent.Config{Name: "x", State: path})
		if c.word == "" && err != nil || c.word != "" && (err == nil || !strings.Contains(err.Error(), c.word)) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestSavedRuleThatIsNotAllowedAnyMoreStaysIdle(t *testing.T) {
	relay := listen(t, testrelay.Config{})
	state := filepath.Join(t.TempDir(), "state")
	a := start(t, nil, agent.Config{State: state})
	rule := `{"id":"0","stream":"v","destination":"` + relay.URL() + `/in/v"}`
	a.request(t, "POST", "/api/destinations", rule)
	if err := relay.AwaitClient(patient(t), "/in/v"); err != nil {
		t.Fatal(err)
	}
	if err := a.end(); err != nil {
		t.Fatal(err)
	}
	b := start(t, nil, agent.Config{State: state, AllowDestinations: []string{"*.example"}})
	if _, got := b.request(t, "GET", "/api/destinations/0", ""); !sameJSON(got, rule) {
		t.Errorf("the rule is %s", got)
	}
	_, stats := b.request(t, "GET", "/api/stats", "")
	var s status.Status
	decode(t, stats, &s)
	if d := s.Destinations["0"]; d.State != "idle" || !strings.Contains(d.LastError, "VW_ALLOW_DESTINATIONS") {
		t.Errorf("status: %+v", d)
	}
	if n := len(relay.Visits("/in/v")); n != 1 {
		t.Errorf("%d visits: what is not allowed was dialled", n)
	}
}

func TestSavedRulesAreInForceBeforeTheChannelIsUp(t *testing.T) {
	relay := listen(t, testrelay.Config{})
	state := filepath.Join(t.TempDir(), "state")
	a := start(t, relay, agent.Config{State: state})
	orchestrate(t, relay, "agent1").route("0", "v", relay.URL()+"/in/v")
	if err := a.end(); err != nil {
		t.Fatal(err)
	}
	relay.SetFaults("/bi", testrelay.Faults{Refuse: 503})
	b := start(t, nil, agent.Config{State: state, API: relay.URL() + "/bi/agent1"})
	if _, err := relay.Await(patient(t), "/in/v", func(v []testrelay.Visit) bool { return testrelay.Up(v) == 1 }); err != nil {
		t.Error("the saved rule is not in force")
	}
	b.log.await(t, "link down", "apiRule", "503")
}

// TestStateIsWholeWheneverTheProgramIsKilled ends a real program with SIGKILL a
// hundred times while it is given rules: what was acknowledged last is there
// when it comes back, or what was being said after that.
func TestStateIsWholeWheneverTheProgramIsKilled(t *testing.T) {
	state := filepath.Join(t.TempDir(), "state")
	acknowledged := 0
	for range 100 {
		p := launch(t, "VW_STATE="+state)
		var streams map[string][]string
		text, err := p.call(patient(t), "GET", "/api/streams/all", "")
		if err != nil {
			t.Fatal(err)
		}
		decode(t, text, &streams)
		feeds := streams["s"]
		if n := len(feeds); acknowledged > 0 && n != 1 ||
			n == 1 && feeds[0] != fmt.Sprintf("f%d", acknowledged) && feeds[0] != fmt.Sprintf("f%d", acknowledged+1) {
			t.Fatalf("f%d was acknowledged, but after the kill there is %s", acknowledged, text)
		}
		if strings.Contains(p.log.String(), "damaged") {
			t.Fatalf("the state was damaged:\n%s", p.log)
		}
		killed := time.AfterFunc(rand.N(25*time.Millisecond), func() { p.kill(t) })
		for {
			rule := fmt.Sprintf(`{"stream":"s","feeds":["f%d"]}`, acknowledged+1)
			if _, err := p.call(patient(t), "POST", "/api/streams", rule); err != nil {
				break
			}
			acknowledged++
		}
		killed.Stop()
		p.kill(t)
	}
	if acknowledged < 100 {
		t.Errorf("only %d rules were acknowledged in all: the kills came too early to show anything", acknowledged)
	}
	if left, _ := filepath.Glob(state + "*"); len(left) > 4 {
		t.Errorf("files pile up: %v", left)
	}
}

func TestStateFileWithoutAFolderStopsTheStart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "missing", "state")
	_, err := agent.New(agent.Config{Name: "x", State: path})
	if err == nil || !strings.Contains(err.Error(), "make "+filepath.Dir(path)) {
		t.Errorf("got %v", err)
	}
}
