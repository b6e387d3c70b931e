package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"vw/agent"
	"vw/agent/client"
	"vw/agent/local"
	"vw/cmd/vw/cli"
	"vw/cmd/vw/fleet"
	"vw/testrelay"
)

// fleets is vw fleet's code and what it printed.
func fleets(ctx context.Context, args ...string) (code int, out, complaint string) {
	var stdout, stderr bytes.Buffer
	code = run(ctx, append([]string{"fleet"}, args...), nil, untouched{}, &stdout, &stderr)
	return code, stdout.String(), stderr.String()
}

// write makes a file in a folder of the test's.
func write(t *testing.T, name, text string) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// crew starts agents, each on a topic of its relay, and returns them in the order of
// their names.
func crew(t *testing.T, names []string, relayOf func(i int) *testrelay.Server) (agents []*agent.Agent) {
	t.Helper()
	agents = make([]*agent.Agent, len(names))
	ctx, cancel := context.WithCancel(context.Background())
	var ended sync.WaitGroup
	t.Cleanup(func() {
		cancel()
		ended.Wait()
	})
	dir := t.TempDir()
	for i, name := range names {
		a, err := agent.New(agent.Config{API: relayOf(i).URL() + "/bi/{name}", Name: name, RecordDir: dir})
		if err != nil {
			t.Fatal(err)
		}
		agents[i] = a
		ended.Go(func() {
			if err := a.Run(ctx); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		})
	}
	for i, name := range names {
		await(t, relayOf(i), "/bi/"+name, func(v []testrelay.Visit) bool { return testrelay.Up(v) == 1 })
	}
	return agents
}

// lockRules has the owner of an agent lock its rules, or unlock them.
func lockRules(t *testing.T, a *agent.Agent, on bool) {
	t.Helper()
	if _, err := client.New(client.Config{URL: a.URL(), Own: true}).Lock(t.Context(), on); err != nil {
		t.Fatal(err)
	}
}

// unusedPort is one that nobody has on 127.0.0.1 and ::1 now.
func unusedPort(t *testing.T) string {
	t.Helper()
	listeners, err := local.Listen(0)
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range listeners {
		l.Close()
	}
	_, port, _ := net.SplitHostPort(listeners[0].Addr().String())
	return port
}

// hashOf is that of an agent's rules.
func hashOf(t *testing.T, a *agent.Agent) string {
	t.Helper()
	s, _, err := client.New(client.Config{URL: a.URL(), Own: true}).Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return s.Rules
}

// said is what the report says of an agent: its rules, and what became of it.
func said(t *testing.T, out, name string) (rules, what string) {
	t.Helper()
	line := regexp.MustCompile(`(?m)^` + name + ` +(\S+) +(.*)$`).FindStringSubmatch(out)
	if line == nil {
		t.Fatalf("%s is not in the report:\n%s", name, out)
	}
	return line[1], line[2]
}

// Two hundred agents are to have one table. Five are dead, five are locked by their
// owners, and five lose their relay by it: it goes away when they begin to send.
func TestFleetBringsTwoHundredAgentsToOneTable(t *testing.T) {
	t.Parallel()
	const size, dead, locked, fragile = 200, 5, 5, 5
	sound, frail := relay(t, testrelay.Config{}), relay(t, testrelay.Config{})
	relayOf := func(i int) *testrelay.Server { // the last five
		if i >= size-dead-fragile {
			return frail
		}
		return sound
	}
	var names []string
	list := "# all of them\n"
	for i := range size {
		name := fmt.Sprintf("lab%03d", i)
		if i < size-dead {
			names = append(names, name)
			list += name + " " + relayOf(i).URL() + "/bi/{name}\n"
			continue
		}
		list += name + " " + sound.URL() + "/bi/" + name + "\n"
	}
	begun := time.Now()
	agents := crew(t, names, relayOf)
	t.Logf("%d agents run after %v", len(agents), time.Since(begun))
	old := hashOf(t, agents[0])
	for _, a := range agents[:locked] {
		lockRules(t, a, true)
	}
	rules := write(t, "rules.json", `{"streams":{"lab":["video0","audio0"]},"destinations":{"0":{"stream":"lab","destination":"`+sound.URL()+`/in/{name}"}}}`)
	flags := []string{"apply", "--agents", write(t, "fleet.txt", list), "--wave", "64", "--confirm", "8s", "--settle", "2s", "--timeout", "6s", rules}

	// nobody is changed while somebody would refuse
	code, out, progress := fleets(t.Context(), flags...)
	if code != cli.Failed || !strings.Contains(progress, "0 of 200 have the rules, 190 would take them, 10 would not") || !strings.Contains(out, "\n0 of 200 have the rules\n") {
		t.Fatalf("first: code %d\n%s%s", code, progress, out)
	}
	for i := range locked {
		if _, what := said(t, out, names[i]); !strings.Contains(what, "nothing was changed: ") || !strings.Contains(what, "lock") {
			t.Errorf("locked: %s", what)
		}
	}
	for i := size - dead; i < size; i++ {
		if _, what := said(t, out, fmt.Sprintf("lab%03d", i)); !strings.Contains(what, "no agent of this name answers") {
			t.Errorf("dead: %s", what)
		}
	}
	for _, a := range agents {
		if hashOf(t, a) != old {
			t.Fatal("an agent was changed all the same")
		}
	}

	// those are left out; the relay of the five is heard no more until they have taken
	// the rules back
	applied := make(chan struct{})
	go func() {
		defer close(applied)
		begun := time.Now()
		code, out, progress = fleets(context.WithoutCancel(t.Context()), append([]string{"--skip"}, flags...)...)
		t.Logf("applied in %v:\n%s", time.Since(begun), progress)
	}()
	five := names[size-dead-fragile:]
	for _, name := range five { // once it has taken the rules
		await(t, sound, "/in/"+name, func(v []testrelay.Visit) bool { return testrelay.Up(v) > 0 })
		frail.SetFaults("/bi/"+name, testrelay.Faults{Silent: true})
	}
	for _, name := range five {
		await(t, sound, "/in/"+name, func(v []testrelay.Visit) bool { return testrelay.Up(v) == 0 })
		frail.SetFaults("/bi/"+name, testrelay.Faults{})
	}
	<-applied
	if code != cli.Failed || !strings.Contains(progress, "wave 3 of 3: 57 took the rules, 5 did not") || !strings.Contains(out, "\n185 of 200 have the rules\n") {
		t.Fatalf("second: code %d\n%s%s", code, progress, out)
	}
	for i := size - dead - fragile; i < size-dead; i++ {
		rules, what := said(t, out, names[i])
		if !strings.Contains(what, "no answer within ") || !strings.Contains(what, "it has taken the rules back") || !strings.HasPrefix(old, rules) || hashOf(t, agents[i]) != old {
			t.Errorf("fragile: %s %s", rules, what)
		}
	}
	if rules, what := said(t, out, names[locked]); what != "took them, and keeps them" || !strings.HasPrefix(hashOf(t, agents[locked]), rules) {
		t.Errorf("sound: %s %s", rules, what)
	}

	// run again, without the dead, it brings the rest to the table and leaves the
	// others alone; and once more, it changes nothing
	for _, a := range agents[:locked] {
		lockRules(t, a, false)
	}
	flags[2] = write(t, "alive.txt", strings.Join(strings.SplitAfter(list, "\n")[:1+size-dead], ""))
	untouched := agents[100]
	visits, commands := len(sound.Visits("/in/"+names[100])), changesOf(t, untouched)
	code, out, progress = fleets(t.Context(), flags...)
	if code != cli.OK || !strings.Contains(progress, "185 of 195 have the rules, 10 would take them, 0 would not") || !strings.HasSuffix(out, "\n195 of 195 have the rules\n") {
		t.Fatalf("third: code %d\n%s%s", code, progress, out)
	}
	code, out, progress = fleets(t.Context(), flags...)
	if code != cli.OK || strings.Contains(progress, "wave") || strings.Count(out, "had them already") != 195 {
		t.Errorf("fourth: code %d\n%s%s", code, progress, out)
	}
	if changesOf(t, untouched) != commands || len(sound.Visits("/in/"+names[100])) != visits {
		t.Error("an agent that has the rules was changed")
	}
	for i, a := range agents {
		if got := hashOf(t, a); got == old || i > 0 && got == hashOf(t, agents[0]) { // {name} is in it
			t.Errorf("%s has other rules", names[i])
		}
	}
}

// changesOf is how often an agent was told to add something.
func changesOf(t *testing.T, a *agent.Agent) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, a.URL()+"/metrics", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var text bytes.Buffer
	if _, err := text.ReadFrom(resp.Body); err != nil {
		t.Fatal(err)
	}
	return strings.Join(regexp.MustCompile(`(?m)^vw_commands_total\{.*verb="add".*$`).FindAllString(text.String(), -1), "\n")
}

// What the rules say has to work before they are there to stay.
func TestFleetConfirmsNoRulesThatReachNobody(t *testing.T) {
	t.Parallel()
	r := relay(t, testrelay.Config{})
	a := crew(t, []string{"lab1"}, func(int) *testrelay.Server { return r })[0]
	old := hashOf(t, a)
	list := listOf(t, r, "lab1")
	rules := write(t, "rules.json", `{"streams":{},"destinations":{"0":{"stream":"cam","destination":"ws://localhost:1/in/{name}"}}}`)
	flags := []string{"apply", "--agents", list, "--confirm", "2s", "--settle", "100ms", rules}
	if code, out, complaint := fleets(t.Context(), append(flags, "--dry-run")...); code != cli.OK || !strings.Contains(out, "would take them; nothing was changed") || hashOf(t, a) != old {
		t.Errorf("dry run: code %d, %s%s", code, out, complaint)
	}
	code, out, complaint := fleets(t.Context(), flags...)
	if code != cli.Failed || !strings.Contains(out, "0 (cam) NOT ON AIR: ") || !strings.Contains(out, "refused; it has taken the rules back\n") || hashOf(t, a) != old {
		t.Errorf("code %d, %s%s", code, out, complaint)
	}
	code, out, complaint = fleets(t.Context(), append(flags, "--unreached")...)
	if code != cli.OK || !strings.Contains(out, "took them, and keeps them") || hashOf(t, a) == old {
		t.Errorf("unreached: code %d, %s%s", code, out, complaint)
	}
}

// The first agents to refuse stop it; who has the rules on trial, since somebody was
// interrupted, has them confirmed.
func TestFleetSaysWhoHasWhat(t *testing.T) {
	t.Parallel()
	r := relay(t, testrelay.Config{})
	names := []string{"lab1", "lab2", "lab3"}
	agents := crew(t, names, func(int) *testrelay.Server { return r })
	table := `{"streams":{"a":["cam"]},"destinations":{}}`
	rules := write(t, "rules.json", table)
	if code, out, _ := sent(t.Context(), nil, "--to", r.URL()+"/bi/lab2", `{"verb":"add","what":"rules","rule":`+table+`,"confirm":"60s"}`); code != cli.OK {
		t.Fatal(out)
	}
	var got []fleet.Outcome
	code, out, complaint := fleets(t.Context(), "apply", "--agents", listOf(t, r, names...), "--wave", "1", "--settle", "100ms", "--json", rules)
	if err := json.Unmarshal([]byte(out), &got); err != nil || code != cli.OK || len(got) != 3 || strings.Count(complaint, "wave ") != 3 {
		t.Fatalf("%v, code %d, %s%s", err, code, out, complaint)
	}
	for i, a := range agents {
		if u := got[i]; !u.Has || u.Rules != hashOf(t, a) {
			t.Errorf("%+v", u)
		}
	}
	if code, out, _ := sent(t.Context(), nil, "--to", r.URL()+"/bi/lab2", `{"verb":"list","what":"rules"}`); code != cli.OK || strings.Contains(out, "confirm") {
		t.Errorf("it is on trial still: %s", out)
	}
	// a token that the agents have is kept where it was given; who has none refuses
	token := `{"streams":{},"destinations":{"0":{"stream":"cam","destination":"` + r.URL() + `/in/x","token":"canary"}}}`
	if code, out, _ := sent(t.Context(), nil, "--to", r.URL()+"/bi/lab2", `{"verb":"add","what":"rules","rule":`+token+`}`); code != cli.OK {
		t.Fatal(out)
	}
	keeps := write(t, "keeps.json", strings.Replace(token, `"token":"canary"`, `"tokenSet":true`, 1))
	code, out, complaint = fleets(t.Context(), "apply", "--agents", listOf(t, r, names...), "--settle", "100ms", keeps)
	if code != cli.Failed || strings.Contains(complaint, "wave") || strings.Contains(out, "canary") {
		t.Errorf("code %d, %s%s", code, out, complaint)
	}
	if _, what := said(t, out, "lab1"); !strings.Contains(what, `destination "0": "tokenSet" says that it keeps its token`) {
		t.Error(what)
	}
	if _, what := said(t, out, "lab2"); what != "had them already" {
		t.Error(what)
	}
}
