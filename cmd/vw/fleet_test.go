package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"vw/agent"
	"vw/cmd/vw/cli"
	"vw/cmd/vw/fleet"
	"vw/testrelay"
)

// rest has an agent's own machine do something.
func rest(t *testing.T, a *agent.Agent, method, path, body string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, a.URL()+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("%s %s: %s", method, path, resp.Status)
	}
}

// listOf is a list of agents of a relay.
func listOf(t *testing.T, r *testrelay.Server, names ...string) (file string) {
	t.Helper()
	list := ""
	for _, name := range names {
		list += name + "\t" + r.URL() + "/bi/{name}\r\n"
	}
	return write(t, "fleet.txt", list)
}

func TestFleetSaysOnceHowAgentsStand(t *testing.T) {
	t.Parallel()
	r := relay(t, testrelay.Config{})
	crew := crew(t, []string{"well", "muted", "late", "pi6"}, func(int) *testrelay.Server { return r })
	for _, a := range crew[1:] {
		rest(t, a, http.MethodPost, "/api/destinations", `{"id":"0","stream":"mic","destination":"`+r.URL()+`/in/x"}`)
	}
	rest(t, crew[1], http.MethodPut, "/api/mutes/mic", "")
	lockRules(t, crew[1], true)
	list := write(t, "fleet.txt", fmt.Sprintf("\n# all\nwell %[1]s/bi/{name}\nmuted %[1]s/bi/muted\nlate %[1]s/bi/late?secret\n lab6 %[1]s/bi/pi6\ndead %[1]s/bi/dead\ncut off ", r.URL()))
	if code, out, complaint := fleets(t.Context(), "--agents", list); code != cli.Usage || out != "" || !strings.Contains(complaint, "line 8: ") {
		t.Fatalf("code %d, %s%s", code, out, complaint)
	}
	list = write(t, "fleet.txt", fmt.Sprintf("\n# all\nwell %[1]s/bi/{name}\nmuted %[1]s/bi/muted\nlate %[1]s/bi/late?secret\n lab6 %[1]s/bi/pi6\ndead %[1]s/bi/dead\ncut ws://127.0.0.1:1/bi/cut\n", r.URL()))
	rules := write(t, "none.json", `{"rules":{"streams":{},"destinations":{}},"hash":"of the agent that it was listed of"}`)
	code, out, complaint := fleets(t.Context(), "status", "--agents", list, "--timeout", "3s", "--rules", rules)
	if code != cli.Failed || complaint != "" || !strings.HasPrefix(out, "3 of 6 agents are there; 2 have something wrong; 2 have other rules than the wanted\n\nAGENT ") || strings.Contains(out, "secret") {
		t.Errorf("code %d, %s%s", code, out, complaint)
	}
	for name, want := range map[string]string{
		"well":  `for \d+ s +[0-9a-f]{12} wanted +unknown +no rule sends anything`,
		"muted": `for \d+ s +[0-9a-f]{12} OTHER, locked +unknown +0 of 1 on air; 0 \(mic\) muted by the owner`,
		"late":  `for \d+ s +[0-9a-f]{12} OTHER +unknown +0 of 1 on air; 0 \(mic\) NOT ON AIR: .*mic`,
		"lab6":  `NEVER SEEN +no answer within 3s, but the agent "pi6" answers there`,
		"dead":  `NEVER SEEN +no answer within 3s: the link is up, but no agent of this name answers on it`,
		"cut":   `NEVER SEEN +no link to 127.0.0.1:1: .*refused`,
	} {
		if !regexp.MustCompile(`(?m)^` + name + ` +` + want).MatchString(out) {
			t.Errorf("%s is not told as %s:\n%s", name, want, out)
		}
	}
	code, out, _ = fleets(t.Context(), "--agents", list, "--timeout", "3s", "--json")
	var rows []fleet.Row
	if err := json.Unmarshal([]byte(out), &rows); err != nil || code != cli.Failed || len(rows) != 6 {
		t.Fatalf("%v, code %d\n%s", err, code, out)
	}
	if r := rows[2]; r.Agent != "late" || !r.There || r.Seen == nil || len(r.Rules) != 64 || r.Wanted != nil || len(r.NotOnAir) != 1 || r.NotOnAir[0].Condition != "missing" {
		t.Errorf("%+v", r)
	}
	if r := rows[4]; r.There || r.Seen != nil || r.Why == "" || r.Since.IsZero() {
		t.Errorf("%+v", r)
	}
	list = listOf(t, r, "well")
	if code, out, complaint := fleets(t.Context(), "--agents", list); code != cli.OK || !strings.HasPrefix(out, "1 of 1 agents are there; 0 have something wrong\n") {
		t.Errorf("code %d, %s%s", code, out, complaint)
	}
}

// watch runs vw fleet until the test ends. What it prints is to be read from there.
func watch(t *testing.T, args ...string) *listing {
	t.Helper()
	out, stdout := io.Pipe()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan int, 1)
	go func() {
		ended <- run(ctx, append([]string{"fleet"}, args...), nil, untouched{}, stdout, stdout)
		stdout.Close()
	}()
	l := listen(out)
	t.Cleanup(func() {
		cancel()
		for range l.chunks {
		}
		if code := <-ended; code != cli.OK {
			t.Errorf("it ended with code %d", code)
		}
	})
	return l
}

// A listing is what a program prints, from where somebody has read it on.
type listing struct {
	chunks chan string // closed at the end
	unread string
}

func listen(out io.Reader) *listing {
	l := &listing{chunks: make(chan string)}
	go func() {
		defer close(l.chunks)
		some := make([]byte, 4096)
		for {
			n, err := out.Read(some)
			if err != nil {
				return
			}
			l.chunks <- string(some[:n])
		}
	}()
	return l
}

// until reads on up to the end of what matches, which has to come.
func (l *listing) until(t *testing.T, pattern string) string {
	t.Helper()
	expr := regexp.MustCompile(pattern)
	late := time.After(20 * time.Second)
	for {
		if at := expr.FindStringIndex(l.unread); at != nil {
			found := l.unread[at[0]:at[1]]
			l.unread = l.unread[at[1]:]
			return found
		}
		select {
		case some, more := <-l.chunks:
			if l.unread += some; !more {
				t.Fatalf("%q does not come, but\n%s", pattern, l.unread)
			}
		case <-late:
			t.Fatalf("%q does not come, but\n%s", pattern, l.unread)
		}
	}
}

// Elsewhere than in a terminal each change is a line, the moment that it comes: the
// agents tell it, and are asked once a minute alone.
func TestFleetPrintsALineForEachChange(t *testing.T) {
	t.Parallel()
	r := relay(t, testrelay.Config{})
	a, end := listener(t, r, "/bi/lab1", "lab1")
	l := watch(t, "--agents", listOf(t, r, "lab1"), "--watch", "--every", "60s", "--timeout", "2s")
	l.until(t, `(?m)^\d{4}-\d\d-\d\dT\S+Z lab1: there; rules [0-9a-f]{12}; no rule sends anything$`)
	rest(t, a, http.MethodPost, "/api/destinations", `{"id":"0","stream":"mic","destination":"`+r.URL()+`/in/x"}`)
	l.until(t, `lab1: there; rules \w+; 0 of 1 on air; 0 \(mic\) NOT ON AIR: .*`)
	rest(t, a, http.MethodPut, "/api/mutes/mic", "")
	l.until(t, `0 \(mic\) muted by the owner`)
	lockRules(t, a, true)
	l.until(t, `, locked; `)
	r.Drop("/")
	r.Close()
	l.until(t, `lab1: NOT there; rules \w+, locked; no link to 127.0.0.1:\d+: `)
	if err := r.Reopen(); err != nil {
		t.Fatal(err)
	}
	l.until(t, `lab1: there; rules `)
	end()
	r.Drop("/bi/lab1")
	l.until(t, `lab1: NOT there; rules \w+, locked; no answer within 2s: `)
}

// An agent that is stopped says so, and is asked the moment that it is back.
func TestFleetHearsAnAgentComeAndGo(t *testing.T) {
	t.Parallel()
	r := relay(t, testrelay.Config{})
	begin := func() (end func()) {
		_, end = running(t, agent.Config{API: r.URL() + "/bi/lab1", Name: "lab1", Heartbeat: time.Minute})
		return end
	}
	end := begin()
	l := watch(t, "--agents", listOf(t, r, "lab1"), "--watch", "--every", "1h")
	l.until(t, `lab1: there; `)
	end()
	l.until(t, `lab1: NOT there; rules \w+; it was stopped on its machine`)
	begin()
	l.until(t, `lab1: there; `)
}

// The token of each agent is in a file, which is read again when the link is dialled
// again.
func TestFleetShowsEachRelayTheTokenOfItsFile(t *testing.T) {
	t.Parallel()
	r := relay(t, testrelay.Config{Auth: testrelay.BearerAuth, Token: "canary1"})
	dir := t.TempDir()
	file := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	file("lab1.token", "canary1\n")
	file("fleet.txt", "lab1 "+r.URL()+"/bi/lab1 {name}.token\n")
	l := watch(t, "--agents", filepath.Join(dir, "fleet.txt"), "--watch", "--timeout", "1s", "--every", "1s")
	l.until(t, `lab1: NOT there; no answer within 1s: the link is up`)
	r.SetToken("canary2")
	r.Drop("/")
	said := l.until(t, `lab1: NOT there; no link to \S+: the relay refused the token.*`)
	if strings.Contains(said, "canary") {
		t.Error(said)
	}
	file("lab1.token", "canary2\n")
	l.until(t, `lab1: NOT there; no answer within 1s: the link is up`)
}

func TestFleetRefusesWhatMakesNoSense(t *testing.T) {
	list := write(t, "fleet.txt", "lab1 ws://localhost:1/bi/lab1\n")
	rules := write(t, "rules.json", `{"streams":{},"destinations":{}}`)
	keeps := write(t, "keeps.json", `{"streams":{},"destinations":{"0":{"stream":"a","destination":"https://relay.example/in","tokenSet":true}}}`)
	bad := func(text string) string { return write(t, "bad", text) }
	for name, c := range map[string]struct {
		args []string
		why  string
	}{
		"no list":         {nil, "which agents?"},
		"no such list":    {[]string{"--agents", list + "x"}, "no such file"},
		"empty list":      {[]string{"--agents", bad("#\n\n")}, "names no agent"},
		"no name":         {[]string{"--agents", bad("ws://localhost/bi/x")}, "line 1: it begins with a URL: write the agent's name before it"},
		"no URL":          {[]string{"--agents", bad("\nlab1")}, "line 2: the URL of its command channel is missing"},
		"too much":        {[]string{"--agents", bad("lab1 ws://localhost/ a b")}, `line 1: "b" is one word too many`},
		"bad URL":         {[]string{"--agents", bad("lab1 ftp://localhost/")}, "line 1: destination must begin with ws://"},
		"plaintext":       {[]string{"--agents", bad("lab1 ws://relay.example/")}, "line 1: ws:// to another machine"},
		"twice":           {[]string{"--agents", bad("lab1 ws://localhost/\nlab1 ws://localhost/x")}, `line 2: "lab1" is in line 1 already`},
		"no token":        {[]string{"--agents", bad("lab1 ws://localhost/ no.token")}, "line 1: no.token: the token's file is not there"},
		"frob":            {[]string{"--agents", list, "frob"}, `"frob" is not what a fleet can do`},
		"status frob":     {[]string{"--agents", list, "status", "frob"}, `"frob" is one word too many`},
		"every":           {[]string{"--agents", list, "--every", "1ms"}, "every 1ms is below 1s"},
		"port":            {[]string{"--agents", list, "--metrics-port", "70000"}, "metrics port 70000"},
		"json and watch":  {[]string{"--agents", list, "--json", "--watch"}, "json is printed once"},
		"rules":           {[]string{"--agents", list, "--rules", list}, "it is no JSON"},
		"rules keep":      {[]string{"--agents", list, "--rules", keeps}, `give "token" or "credential"`},
		"no rules":        {[]string{"--agents", list, "apply"}, "which rules?"},
		"bad rules":       {[]string{"--agents", list, "apply", bad(`{"streams":{"a/":[]},"destinations":{}}`)}, `stream "a/"`},
		"half a table":    {[]string{"--agents", list, "apply", bad(`{"streams":{}}`)}, "destinations is missing"},
		"apply and rules": {[]string{"--agents", list, "apply", "--rules", rules, rules}, "not for apply"},
		"wave":            {[]string{"--agents", list, "apply", "--wave", "0", rules}, "at least one agent"},
		"confirm":         {[]string{"--agents", list, "apply", "--confirm", "2h", rules}, "not within 1s and 1h"},
		"settle":          {[]string{"--agents", list, "apply", "--settle", "20s", rules}, "half of confirm"},
	} {
		code, out, complaint := fleets(t.Context(), c.args...)
		if code != cli.Usage || out != "" || !strings.Contains(complaint, c.why) || strings.Count(complaint, "\n") != 1 {
			t.Errorf("%s: code %d, %s%s", name, code, out, complaint)
		}
	}
}

// scrape reads /metrics.
func scrape(t *testing.T, port string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://localhost:"+port+"/metrics", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatal(resp.Status, err)
	}
	return string(text)
}

func TestFleetsMetricsArePrometheusAndInTheManual(t *testing.T) {
	t.Parallel()
	r := relay(t, testrelay.Config{})
	crew := crew(t, []string{"lab1"}, func(int) *testrelay.Server { return r })
	rest(t, crew[0], http.MethodPost, "/api/destinations", `{"id":"0","stream":"mic","destination":"`+r.URL()+`/in/x"}`)
	rules := write(t, "none.json", `{"streams":{},"destinations":{}}`)
	port := unusedPort(t)
	l := watch(t, "--agents", listOf(t, r, "lab1", "dead"), "--metrics-port", port, "--timeout", "2s", "--rules", rules)
	l.until(t, "dead: NOT there")
	text := scrape(t, port)
	problems, err := promlint.New(strings.NewReader(text)).Lint()
	if err != nil || len(problems) > 0 {
		t.Errorf("%v: %v", err, problems)
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	manual, err := os.ReadFile("../../agent/README.md")
	if err != nil {
		t.Fatal(err)
	}
	for name, family := range families {
		if !strings.Contains(string(manual), "`"+name+"`") {
			t.Errorf("%s is not in the manual", name)
		}
		for _, m := range family.Metric {
			agent := ""
			for _, l := range m.Label {
				if l.GetName() == "agent" {
					agent = l.GetValue()
				}
			}
			if agent != "lab1" && (agent != "dead" || !strings.HasPrefix(name, "vw_fleet_")) {
				t.Errorf("%s is told of %q", name, agent)
			}
		}
	}
	for _, want := range []string{`vw_fleet_agent_up{agent="lab1"} 1`, `vw_fleet_agent_up{agent="dead"} 0`, `vw_fleet_link_up{agent="dead"} 1`,
		`vw_fleet_rules_wanted{agent="lab1"} 0`, `vw_destination_condition{agent="lab1",condition="missing",id="0"} 1`,
		`vw_destination_dropped_packets_total{agent="lab1",id="0"} 0`, `vw_info{agent="lab1",instance="`, `vw_fleet_agent_seen_timestamp_seconds{agent="lab1"} `} {
		if !strings.Contains(text, "\n"+want) {
			t.Errorf("there is no %s in\n%s", want, text)
		}
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://127.0.0.1:"+port+"/metrics", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Host = "rebound.example"
	if resp, err := http.DefaultClient.Do(req); err != nil || resp.StatusCode != http.StatusMisdirectedRequest {
		t.Errorf("a web page of another name is answered: %v, %v", resp, err)
	}
	if code, _, complaint := fleets(t.Context(), "--agents", listOf(t, r, "lab1"), "--metrics-port", port); code != cli.Failed || !strings.Contains(complaint, "choose another --metrics-port") {
		t.Errorf("the port is taken: code %d, %s", code, complaint)
	}
}
