package agent_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"vw/agent"
	"vw/agent/client"
	"vw/agent/journal"
	"vw/agent/status"
	"vw/testrelay"
)

// entries are the lines of a journal, in words.
func entries(t testing.TB, path string) (list []string) {
	t.Helper()
	for e, err := range journal.Read(path) {
		if err != nil {
			t.Fatal(err)
		}
		text := e.Who + " " + string(e.What) + " " + e.Which + " " + string(e.Before) + " -> " + string(e.After)
		list = append(list, strings.Join(strings.Fields(strings.ReplaceAll(text, "null", "")), " "))
	}
	return list
}

func TestEveryChangeIsInTheJournalWithWhoMadeIt(t *testing.T) {
	t.Parallel()
	relay := listen(t, testrelay.Config{})
	path, mute := filepath.Join(t.TempDir(), "journal"), filepath.Join(t.TempDir(), "mute")
	a := start(t, relay, agent.Config{Journal: path, MuteFile: mute})
	c := orchestrate(t, relay, "agent1")
	c.combine("lab", "video0", "audio0")
	c.combine("lab", "video0")
	c.combine("lab", "video0") // no change
	c.ask(`{"verb":"add","what":"destination","rule":{"id":"0","stream":"lab","destination":"` + relay.URL() + `/in/lab?code=secret","token":"canary"}}`)
	a.request(t, "DELETE", "/api/streams/lab", "")
	if _, err := client.New(client.Config{URL: a.URL(), Own: true}).Lock(patient(t), true); err != nil {
		t.Fatal(err)
	}
	c.ask(`{"verb":"delete","what":"destination","which":"0"}`)                   // locked
	a.request(t, "PUT", "/api/mutes/audio0", "", "Sec-Fetch-Site", "same-origin") // without the page's token
	a.request(t, "PUT", "/api/mutes/audio0", "", "Sec-Fetch-Site", "same-origin", "Vw-Page-Token", a.pageToken(t))
	if err := os.WriteFile(mute, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	eventually(t, "everything is muted", func() bool { return len(a.status(t).Mutes) == 2 })
	a.request(t, "DELETE", "/api/endpoints/configured", "")
	if err := a.end(); err != nil {
		t.Fatal(err)
	}
	host := strings.TrimPrefix(relay.URL(), "ws://")
	want := []string{
		`agent start ->`,
		`channel stream lab -> ["video0","audio0"]`,
		`channel stream lab ["video0","audio0"] -> ["video0"]`,
		`channel destination 0 -> {"id":"0","stream":"lab","destination":"ws://` + host + `/in/lab?…","tokenSet":true}`,
		`rest stream lab ["video0"] ->`,
		`command lock -> true`,
		`page mutes -> ["audio0"]`,
		`mute file mutes ["audio0"] -> ["*","audio0"]`,
		`rest endpoint configured ->`,
		`agent stop ->`,
	}
	got := entries(t, path)
	if len(got) != len(want) {
		t.Fatalf("the journal is\n%s", strings.Join(got, "\n"))
	}
	for i := range want {
		if !strings.HasPrefix(got[i], want[i]) {
			t.Errorf("line %d is\n%s, want\n%s", i, got[i], want[i])
		}
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	secretive(t, "the journal", string(text))
	if strings.Contains(string(text), "secret") {
		t.Error("a URL's query is in the journal")
	}
	for e := range journal.Read(path) {
		if (e.Relay == host) != (e.Who == "channel") {
			t.Errorf("%s by %s %q", e.What, e.Who, e.Relay)
		}
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("its mode is %v (%v)", info.Mode(), err)
	}
	a.log.await(t, `"stream rule added"`, `"by":"channel `+host+`"`)
	a.log.await(t, `"owner's lock"`, `"by":"command"`)
	a.log.await(t, `"owner's mutes"`, `"by":"mute file"`)
}

func TestWhatWasInForceAtATimeIsTold(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "journal")
	a := start(t, nil, agent.Config{Journal: path, Muted: []string{"cam"}})
	at := func() (p journal.Picture) {
		t.Helper()
		if _, err := os.Stat(path); err != nil {
			return nil // it begins in a moment
		}
		p, _, err := journal.At(time.Now(), journal.Read(path))
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	eventually(t, "it begins", func() bool { return at() != nil })
	first := time.Now()
	a.request(t, "PUT", "/api/mutes/mic", "")
	a.request(t, "POST", "/api/streams", `{"stream":"lab","feeds":["mic"]}`)
	if p := at(); string(p[journal.Mutes][""]) != `["cam","mic"]` || string(p[journal.Stream]["lab"]) != `["mic"]` {
		t.Errorf("now: %s", jsonOf(p))
	}
	if p, _, _ := journal.At(first, journal.Read(path)); string(p[journal.Mutes][""]) != `["cam"]` || len(p[journal.Stream]) != 0 {
		t.Errorf("first: %s", jsonOf(p))
	}
	if err := a.end(); err != nil {
		t.Fatal(err)
	}
	if p := at(); p != nil {
		t.Errorf("after the end: %s", jsonOf(p))
	}
	start(t, nil, agent.Config{Journal: path})
	eventually(t, "it begins again", func() bool { return at() != nil })
	if p := at(); len(p[journal.Mutes]) != 0 {
		t.Errorf("after a restart: %s", jsonOf(p))
	}
}

// A journal whose folder is gone stands for a disk that is full.
func TestAJournalThatCannotBeWrittenIsToldAndHoldsNothingUp(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "folder")
	path := filepath.Join(folder, "journal")
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	a := start(t, nil, agent.Config{Journal: path})
	eventually(t, "it begins", func() bool { _, err := os.Stat(path); return err == nil })
	if err := os.Rename(folder, folder+".gone"); err != nil {
		t.Fatal(err)
	}
	if resp, got := a.request(t, "POST", "/api/streams", `{"stream":"lab","feeds":[]}`); resp.StatusCode != 200 {
		t.Errorf("refused: %s", got)
	}
	a.log.await(t, "journal not written")
	if w := a.status(t).Problems; len(w) != 1 || w[0].Code != status.CodeJournal || w[0].Advice == "" {
		t.Errorf("the problems are %+v", w)
	}
	if _, got := a.request(t, "GET", "/metrics", ""); !strings.Contains(got, "\nvw_journal_written 0\n") {
		t.Error("the metrics do not tell")
	}
	if err := os.Rename(folder+".gone", folder); err != nil {
		t.Fatal(err)
	}
	a.log.await(t, "journal is written again")
	if got := strings.Join(entries(t, path), "\n"); !strings.Contains(got, "rest stream lab") {
		t.Errorf("the journal is\n%s", got)
	}
}

func TestAJournalWhoseDiskHangsHoldsACommandUpForTwoSeconds(t *testing.T) {
	hang, begun := make(chan struct{}), false
	c := agent.OnDisk(agent.Config{Journal: filepath.Join(t.TempDir(), "journal")}, func() {
		if begun {
			<-hang
		}
		begun = true
	})
	a := start(t, nil, c)
	defer close(hang)
	for i, limit := range []time.Duration{10 * time.Second, time.Second} { // the second finds it hanging
		began := time.Now()
		if resp, got := a.request(t, "POST", "/api/streams", `{"stream":"lab","feeds":[]}`); resp.StatusCode != 200 || time.Since(began) > limit {
			t.Errorf("command %d: %s after %v", i, got, time.Since(began))
		}
		a.request(t, "DELETE", "/api/streams/lab", "")
	}
	a.log.await(t, "journal not written", "does not answer")
}

func TestAJournalWithoutAFolderStopsTheStart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "missing", "journal")
	if _, err := agent.New(agent.Config{Name: "x", Journal: path}); err == nil || !strings.Contains(err.Error(), "make "+filepath.Dir(path)) {
		t.Errorf("got %v", err)
	}
}
