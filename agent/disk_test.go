package agent_test

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"vw/agent"
	"vw/agent/status"
	"vw/testrelay"
)

// A disk hangs until it is released.
type disk struct {
	mu    sync.Mutex
	hangs chan struct{} // nil: it does not
	asked chan struct{} // capacity 1
}

func (d *disk) access() {
	d.mu.Lock()
	hangs := d.hangs
	d.mu.Unlock()
	if hangs != nil {
		select {
		case d.asked <- struct{}{}:
		default:
		}
		<-hangs
	}
}

// hang makes it hang, until release is called or the test ends.
func (d *disk) hang(t *testing.T) (release func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.hangs, d.asked = make(chan struct{}), make(chan struct{}, 1)
	release = sync.OnceFunc(func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		close(d.hangs)
		d.hangs = nil
	})
	t.Cleanup(release)
	return release
}

func (d *disk) await(t *testing.T) {
	t.Helper()
	select {
	case <-d.asked:
	case <-patient(t).Done():
		t.Fatal("the disk was not asked")
	}
}

func TestARecordFolderThatHangsHoldsNoOtherCommandUp(t *testing.T) {
	t.Parallel()
	relay, disk, dir := listen(t, testrelay.Config{}), &disk{}, t.TempDir()
	a := start(t, relay, agent.OnDisk(agent.Config{RecordDir: dir}, disk.access))
	c := orchestrate(t, relay, "agent1")
	release := disk.hang(t)
	rule := func(id string) string {
		return `{"id":"` + id + `","stream":"v","destination":"` + relay.URL() + `/in/v","file":"` + id + `.ts"}`
	}
	for _, id := range []string{"0", "1"} { // the second is not even tried
		if got := c.ask(`{"verb":"add","what":"destination","rule":` + rule(id) + `}`); !strings.Contains(got, "does not answer") {
			t.Errorf("got %s", got)
		}
		c.want(`{"verb":"healthcheck"}`, healthy)
		c.combine("s", "v")
	}
	release()
	eventually(t, "a file can be opened again", func() bool {
		resp, _ := a.request(t, "POST", "/api/destinations", rule("2"))
		return resp.StatusCode == 200
	})
	if left, _ := filepath.Glob(filepath.Join(dir, "0*")); len(left) > 0 {
		t.Errorf("what came too late is left: %v", left)
	}
}

func TestAStateDiskThatHangsHoldsNoOtherCommandUp(t *testing.T) {
	t.Parallel()
	relay, disk := listen(t, testrelay.Config{}), &disk{}
	config := agent.Config{State: filepath.Join(t.TempDir(), "state")}
	a := start(t, relay, agent.OnDisk(config, disk.access))
	c := orchestrate(t, relay, "agent1")
	release := disk.hang(t)
	for _, name := range []string{"s", "t", "u"} {
		c.combine(name, "v")
		c.want(`{"verb":"healthcheck"}`, healthy)
	}
	if resp, got := a.request(t, "PUT", "/api/mutes/v", ""); resp.StatusCode != 500 || !strings.Contains(got, "does not answer") {
		t.Errorf("a mute that is not kept: %d %s", resp.StatusCode, got)
	}
	if s := c.status(); !strings.Contains(s.StateError, "does not answer") || len(s.Mutes) != 1 {
		t.Errorf("status tells %q, muted %v", s.StateError, s.Mutes)
	}
	release()
	eventually(t, "it is saved again", func() bool { return c.status().StateError == "" })
	c.combine("s", "v") // which is saved too, as before
	for _, told := range []string{"state not saved", "state is saved again"} {
		if lines := a.log.lines(told); len(lines) != 1 {
			t.Errorf("the log tells %d times: %s", len(lines), told)
		}
	}
	if err := a.end(); err != nil {
		t.Fatal(err)
	}
	b := start(t, nil, config)
	if _, got := b.request(t, "GET", "/api/streams/all", ""); !sameJSON(got, `{"s":["v"],"t":["v"],"u":["v"]}`) {
		t.Errorf("after a restart: %s", got)
	}
}

func TestTheEndWaitsForTheStateThatIsBeingWritten(t *testing.T) {
	t.Parallel()
	disk, path := &disk{}, filepath.Join(t.TempDir(), "state")
	a := start(t, nil, agent.OnDisk(agent.Config{State: path}, disk.access))
	release := disk.hang(t)
	a.request(t, "POST", "/api/streams", `{"stream":"s","feeds":["v"]}`)
	ended := make(chan error, 1)
	go func() { ended <- a.end() }()
	select {
	case err := <-ended:
		t.Errorf("it ended before: %v", err)
	case <-time.After(100 * time.Millisecond):
	}
	release()
	eventually(t, "the state is there", func() bool {
		state, _ := os.ReadFile(path)
		return strings.Contains(string(state), `"s"`)
	})
}

func TestARuleThatComesDuringTheEndLeavesNoFile(t *testing.T) {
	t.Parallel()
	relay, disk, dir := listen(t, testrelay.Config{}), &disk{}, t.TempDir()
	a := start(t, relay, agent.OnDisk(agent.Config{RecordDir: dir}, disk.access))
	c := orchestrate(t, relay, "agent1")
	c.route("1", "v", relay.URL()+"/in/other")
	if err := relay.AwaitClient(patient(t), "/in/other"); err != nil {
		t.Fatal(err)
	}
	release := disk.hang(t)
	c.send(1, `{"verb":"add","what":"destination","rule":{"id":"0","stream":"v","destination":"`+relay.URL()+`/in/v","file":"v.ts"}}`)
	disk.await(t) // the file is being opened
	ended := make(chan error, 1)
	go func() { ended <- a.end() }()
	awaitVisits(t, relay, "/in/other", func(v []testrelay.Visit) bool { return v[0].Gone }) // no rule comes into force any more
	release()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "v*")); len(left) > 0 {
		t.Errorf("what nobody records to is left: %v", left)
	}
}

func TestNoRemoteCommandComesIntoForceOnceTheLockHasReturned(t *testing.T) {
	t.Parallel()
	relay, disk := listen(t, testrelay.Config{}), &disk{}
	a := start(t, relay, agent.OnDisk(agent.Config{RecordDir: t.TempDir()}, disk.access))
	c := orchestrate(t, relay, "agent1")
	release := disk.hang(t)
	c.send(1, `{"verb":"add","what":"destination","rule":{"id":"0","stream":"v","destination":"`+relay.URL()+`/in/v","file":"v.ts"}}`)
	disk.await(t) // the command is running
	locked := make(chan string, 1)
	go func() {
		a.request(t, "PUT", "/api/lock", "")
		_, rules := a.request(t, "GET", "/api/destinations/all", "")
		locked <- rules
	}()
	eventually(t, "the lock is in force", func() bool {
		_, lock := a.request(t, "GET", "/api/lock", "")
		return strings.Contains(lock, "true")
	})
	var then string
	select { // it should not return before the command
	case then = <-locked:
	case <-time.After(100 * time.Millisecond):
	}
	release()
	if then == "" {
		then = <-locked
	}
	c.next()
	if _, now := a.request(t, "GET", "/api/destinations/all", ""); now != then {
		t.Errorf("when the lock had returned the rules were %s, and then %s", then, now)
	}
}

func TestASavedRuleThatCannotRecordIsSentAndRecordsWhenAddedAgain(t *testing.T) {
	t.Parallel()
	relay, dir := listen(t, testrelay.Config{}), t.TempDir()
	config := agent.Config{State: filepath.Join(dir, "state"), RecordDir: filepath.Join(dir, "disk")}
	rule := jsonOf(map[string]string{"id": "0", "stream": "v", "destination": relay.URL() + "/in/v", "file": "v.ts"})
	a := start(t, nil, config)
	a.request(t, "POST", "/api/destinations", rule)
	if err := a.end(); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(config.RecordDir); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(config.RecordDir, nil, 0o600); err != nil { // in the way: not mounted yet
		t.Fatal(err)
	}
	b := start(t, nil, config)
	told := func() status.Destination {
		var s status.Status
		_, stats := b.request(t, "GET", "/api/stats", "")
		decode(t, stats, &s)
		return s.Destinations["0"]
	}
	eventually(t, "the rule's link is up", func() bool { return told().State == "up" })
	if r := told().Recording; r == nil || r.Error == "" || r.File != "v.ts" {
		t.Errorf("told of the recording: %+v", r)
	}
	if resp, got := b.request(t, "POST", "/api/destinations", rule); resp.StatusCode != 400 || !strings.Contains(got, "record folder") {
		t.Errorf("added again in vain: %d %s", resp.StatusCode, got)
	}
	if err := os.Remove(config.RecordDir); err != nil {
		t.Fatal(err)
	}
	if resp, got := b.request(t, "POST", "/api/destinations", rule); resp.StatusCode != 200 {
		t.Errorf("added again: %s", got)
	}
	if r := told().Recording; r == nil || r.Error != "" {
		t.Errorf("told of the recording: %+v", r)
	}
	if _, err := os.Stat(filepath.Join(config.RecordDir, "v.ts")); err != nil {
		t.Error(err)
	}
	if n := len(relay.Visits("/in/v")); n != 2 {
		t.Errorf("the link was dialled %d times, want once in each run", n)
	}
}

func TestAnIdleRuleStaysSoWhenAStreamOfItsNameIsAdded(t *testing.T) {
	t.Parallel()
	relay := listen(t, testrelay.Config{})
	config := agent.Config{State: filepath.Join(t.TempDir(), "state")}
	a := start(t, nil, config)
	a.request(t, "POST", "/api/destinations", `{"id":"0","stream":"v","destination":"`+relay.URL()+`/in/v"}`)
	if err := a.end(); err != nil {
		t.Fatal(err)
	}
	config.AllowDestinations = []string{"*.example"}
	b := start(t, nil, config)
	b.request(t, "POST", "/api/streams", `{"stream":"v","feeds":["f"]}`)
	var s status.Status
	_, stats := b.request(t, "GET", "/api/stats", "")
	decode(t, stats, &s)
	if d := s.Destinations["0"]; d.State != "idle" || d.Dials != 0 || !strings.Contains(d.LastError, "VW_ALLOW_DESTINATIONS") {
		t.Errorf("told: %+v", d)
	}
}
