package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"vw/agent/link"
	"vw/agent/status"
	"vw/cmd/vw/cli"
	"vw/cmd/vw/doctor"
	"vw/testrelay"
)

// The agent, vw status, vw doctor and vw send dial with one dialer, and say the
// same of where it leads.

// rule adds a destination rule, and waits until it is decided on.
func rule(t *testing.T, base, id, to, token string, decided func(status.Destination) bool) (d status.Destination) {
	t.Helper()
	body := fmt.Sprintf(`{"id":%q,"stream":"x","destination":%q,"token":%q}`, id, to, token)
	resp, err := http.Post(base+"/api/destinations", "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	awaitStatus(t, base, func(s status.Status) bool {
		d = s.Destinations[id]
		return decided(d)
	})
	return d
}

// awaitStatus waits until the agent's status is as wanted.
func awaitStatus(t *testing.T, base string, wanted func(status.Status) bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		code, out := vw(t, nil, "status", "--json", "--port", portOf(base))
		var s status.Status
		if err := json.Unmarshal([]byte(out), &s); err != nil {
			t.Fatalf("code %d, %v: %s", code, err, out)
		}
		if wanted(s) {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("it does not come to what is wanted: %s", out)
		case <-tick.C:
		}
	}
}

// vw runs one command.
func vw(t *testing.T, environ []string, args ...string) (code int, out string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code = run(t.Context(), args, environ, nil, &stdout, &stderr)
	return code, stdout.String() + stderr.String()
}

func portOf(base string) string { return base[strings.LastIndexByte(base, ':')+1:] }

func TestAnAccessRelayThatAnswers404IsNotFoundForAll(t *testing.T) {
	t.Parallel()
	nothing := httptest.NewServer(http.NotFoundHandler())
	defer nothing.Close()
	a, _ := listener(t, relay(t, testrelay.Config{}), "/bi/api", "lab7")
	d := rule(t, a.URL(), "0", nothing.URL+"/session/x", "canary", func(d status.Destination) bool { return d.Dials > 1 && d.RetryAt != nil })
	if d.ErrorCode != link.CodeNotFound || d.Condition != status.Unreachable || d.Problem.Code != link.CodeNotFound || time.Until(*d.RetryAt) > link.MaxWait {
		t.Errorf("the agent: %+v, %+v", d, d.Problem)
	}
	advice := status.Advice(link.CodeNotFound)
	code, out := vw(t, nil, "status", "--port", portOf(a.URL()))
	if code != cli.Failed || !strings.Contains(out, "HTTP 404 Not Found ("+advice+")") || strings.Contains(out, "ask ") {
		t.Errorf("vw status: code %d, %s", code, out)
	}
	expired := "e30." + "eyJleHAiOjF9" + ".x" // {"exp":1}
	for _, token := range []string{"canary", expired} {
		report, _, _ := examined(t, nil, "--token", token, nothing.URL+"/session/x")
		if s := result(t, report, "token"); s.State != doctor.Failed || !strings.Contains(s.Found, "HTTP 404") || s.Do != advice {
			t.Errorf("vw doctor: %+v", s)
		}
	}
}

func TestLocalhostIsThisMachineForAllInEverySpelling(t *testing.T) {
	t.Parallel()
	r := relay(t, testrelay.Config{})
	a, _ := listener(t, r, "/bi/api", "lab7")
	port := portOf(r.URL())
	for _, host := range []string{"localhost", "localhost.", "LOCALHOST", "LocalHost."} {
		to := "ws://" + host + ":" + port
		if d := rule(t, a.URL(), "0", to+"/in/"+strings.ToLower(host), "", func(d status.Destination) bool { return d.State == link.Up }); d.Condition == status.Unreachable {
			t.Errorf("%s: the agent is not linked: %+v", host, d)
		}
		if report, code, out := examined(t, nil, "--no-load", to+"/in/x"); code != cli.OK || !report.OK {
			t.Errorf("%s: vw doctor: code %d, %s", host, code, out)
		}
		if code, out := vw(t, nil, "send", "--to", to+"/bi/api", `{"verb":"healthcheck"}`); code != cli.OK || !strings.Contains(out, "ok") {
			t.Errorf("%s: vw send: code %d, %s", host, code, out)
		}
	}
}

// An address that no relay has is refused before anything is dialled, also where
// an access relay names it.
func TestNobodyDialsALinkLocalAddress(t *testing.T) {
	t.Parallel()
	const words = "is never dialled"
	a, _ := listener(t, relay(t, testrelay.Config{}), "/bi/api", "lab7")
	for i, host := range []string{"169.254.169.254", "[fe80::1]", "[::ffff:169.254.1.1]", "[64:ff9b::a9fe:a9fe]"} {
		grants := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprintf(w, `{"uri":"wss://%s/in/x?code=1"}`, host)
		}))
		defer grants.Close()
		d := rule(t, a.URL(), strconv.Itoa(i), grants.URL+"/session/x", "canary", func(d status.Destination) bool { return d.LastError != "" })
		if d.ErrorCode != link.CodeAddress || !strings.Contains(d.LastError, words) {
			t.Errorf("%s: the agent: %+v", host, d)
		}
		resp, err := http.Post(a.URL()+"/api/destinations", "application/json", strings.NewReader(`{"id":"other","stream":"x","destination":"wss://`+host+`/in/x"}`))
		if err != nil || resp.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: a rule: %v %v", host, resp, err)
		}
		for _, to := range []string{"wss://" + host + "/bi/x", grants.URL + "/session/x"} {
			report, code, out := examined(t, nil, "--token", "canary", to)
			if code != cli.Failed || !strings.Contains(out, words) || !slices.ContainsFunc(report.Steps, func(s doctor.Result) bool {
				return s.State == doctor.Failed && s.Do == status.Advice(link.CodeAddress)
			}) {
				t.Errorf("%s: vw doctor: code %d, %s", to, code, out)
			}
			if code, out := vw(t, []string{"VW_TOKEN=canary"}, "send", "--to", to, `{"verb":"healthcheck"}`); code == cli.OK || !strings.Contains(out, words) {
				t.Errorf("%s: vw send: code %d, %s", to, code, out)
			}
		}
	}
}

// What the page shows is the status that GET /api/events sends: the same value.
func TestTheChannelTheMetricsAndStatusAgreeInEverySituation(t *testing.T) {
	t.Parallel()
	r := relay(t, testrelay.Config{})
	a, _ := listener(t, r, "/bi/api", "lab7")
	do := func(method, path, body string) { request(t, a, method, path, body) }
	stop := func() {}
	gone := "ws://127.0.0.1:" + gonePort() + "/in/av"
	for _, c := range []struct {
		name      string
		change    func()
		condition status.Condition
		words     string
	}{
		{"nothing comes in", func() { do("POST", "/api/destinations", `{"id":"0","stream":"av","destination":"`+r.URL()+`/in/av"}`) }, status.Missing, "! av NOT ON AIR (rule 0): "},
		{"on air", func() { stop = play(t, a, "av") }, status.OnAir, "  av ON AIR to "},
		{"muted", func() { do("PUT", "/api/mutes/av", "") }, status.Muted, "  av MUTED by you (rule 0): "},
		{"a part muted", func() { do("DELETE", "/api/mutes/av", ""); do("PUT", "/api/mutes/av:audio", "") }, status.OnAir, "; av:audio MUTED by you"},
		{"silent", func() { do("POST", "/api/streams", `{"stream":"av","feeds":[]}`) }, status.Silent, "  av SILENT (rule 0): "},
		{"without one", func() { do("POST", "/api/streams", `{"stream":"av","feeds":["av","cam9"]}`) }, status.Partial, "without cam9"},
		{"the relay takes nothing", func() { r.SetFaults("/in/av", testrelay.Faults{Stall: true}) }, status.Unreachable, "the relay takes nothing"},
		{"the relay is not there", func() { do("POST", "/api/destinations", `{"id":"0","stream":"av","destination":"`+gone+`"}`) }, status.Unreachable, "connection refused (nothing listens there"},
		{"a file alone", func() { do("POST", "/api/destinations", `{"id":"0","stream":"av","file":"av.ts"}`) }, status.Recording, "! av recording to av.ts"},
	} {
		c.change()
		awaitStatus(t, a.URL(), func(s status.Status) bool { return s.Destinations["0"].Condition == c.condition })
		comes(t, a.URL(), map[bool]int{true: cli.OK, false: cli.Failed}[strings.HasPrefix(c.words, " ") || c.name == "a part muted"], c.words)
		_, text := vw(t, nil, "send", "--to", r.URL()+"/bi/api", `{"verb":"list","what":"status"}`)
		var told status.Status
		if err := json.Unmarshal([]byte(text), &told); err != nil || told.Destinations["0"].Condition != c.condition {
			t.Errorf("%s: the channel is told %v %s", c.name, err, text)
		}
		resp, err := http.Get(a.URL() + "/metrics")
		if err != nil {
			t.Fatal(err)
		}
		metrics, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		sends := map[bool]string{true: "1", false: "0"}[c.condition.Sends()]
		if err != nil || !bytes.Contains(metrics, []byte(`vw_destination_condition{condition="`+string(c.condition)+`",id="0"} 1`)) ||
			!bytes.Contains(metrics, []byte(`vw_destination_on_air{id="0"} `+sends+"\n")) {
			t.Errorf("%s: the metrics do not say %s", c.name, c.condition)
		}
	}
	stop()
}
