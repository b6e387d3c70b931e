package main

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode"

	"vw/agent/status"
	"vw/cmd/vw/cli"
	"vw/cmd/vw/statustext"
)

var rewrite = flag.Bool("rewrite", false, "write what vw status says now to testdata")

// recorded is what an agent answered to GET /api/stats, or would.
func recorded(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestStatusTellsInWords(t *testing.T) {
	for name, wrong := range map[string]bool{"status_onair": false, "status_silent": false, "status_trouble": true} {
		v := statustext.View{URL: "http://127.0.0.1:8888"}
		if err := json.Unmarshal(recorded(t, name), &v.Status); err != nil {
			t.Fatal(err)
		}
		v.Now = v.Started.Add(time.Duration(v.Uptime * float64(time.Second)))
		r := v.Report()
		text := r.Text(false)
		golden := filepath.Join("testdata", name+".txt")
		if *rewrite {
			if err := os.WriteFile(golden, text, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(text, want) || r.Wrong() != wrong {
			t.Errorf("%s: wrong is %v\n%s\nwant\n%s", name, r.Wrong(), text, want)
		}
		if bytes.Contains(text, []byte("secret")) || bytes.ContainsAny(text, "\x1b\a\u202e") {
			t.Errorf("%s: a query or a control character is in\n%s", name, text)
		}
	}
}

// A relay's words, or a device's, neither steer the terminal nor turn what is read.
func TestStatusEscapesWhatCannotBeSeen(t *testing.T) {
	const hostile = "\x1b[2J\u009b31m\x7f\u202egpj"
	v := statustext.View{URL: "http://127.0.0.1:8888"}
	v.Name, v.StateError, v.Instance = hostile, hostile, "x"
	v.Feeds = map[string]status.Feed{hostile: {}}
	v.Destinations = map[string]status.Destination{hostile: {Stream: hostile}}
	raw, err := json.Marshal(v.Status)
	if err != nil {
		t.Fatal(err)
	}
	answer := func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(raw) }
	for _, args := range [][]string{nil, {"--json"}} {
		_, out, _ := statusOf(t, answer, args...)
		for _, char := range out {
			if char != '\n' && !unicode.IsPrint(char) {
				t.Errorf("vw status %v: %U is in\n%q", args, char, out)
				break
			}
		}
		if !strings.Contains(out, `\u009b31m`) {
			t.Errorf("vw status %v does not show them:\n%s", args, out)
		}
	}
}

// statusOf runs vw status against a server.
func statusOf(t *testing.T, handle http.HandlerFunc, args ...string) (code int, out, complaint string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code = run(t.Context(), append([]string{"status"}, args...), []string{"VW_PORT=" + listening(t, handle)}, nil, &stdout, &stderr)
	return code, stdout.String(), stderr.String()
}

func answering(b []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet || r.URL.Path != "/api/stats" {
			w.WriteHeader(http.StatusNotFound)
		}
		_, _ = w.Write(b)
	}
}

func TestStatusTellsScriptsByItsCode(t *testing.T) {
	refusal := func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, `{"error":"not now"}`, http.StatusForbidden)
	}
	for name, c := range map[string]struct {
		handle         http.HandlerFunc
		args           []string
		code           int
		out, complaint string
	}{
		"on air":      {answering(recorded(t, "status_onair")), nil, cli.OK, "lab ON AIR to relay.example", ""},
		"trouble":     {answering(recorded(t, "status_trouble")), nil, cli.Failed, "NOT ON AIR", ""},
		"as JSON":     {answering([]byte(`{"instance":"x", "new":[1], "problems":[]}`)), []string{"--json"}, cli.OK, `{"instance":"x", "new":[1], "problems":[]}` + "\n", ""},
		"old agent":   {answering([]byte(`{"instance":"x"}`)), nil, cli.Failed, "! have to start the agent again", ""},
		"no agent":    {answering([]byte(`{"hello":1}`)), nil, exitNoAgent, "", "no agent"},
		"no JSON":     {answering([]byte(`hello`)), nil, exitNoAgent, "", "no agent"},
		"refusal":     {refusal, nil, exitNoAgent, "", "not now"},
		"nobody":      {nil, []string{"--port", gonePort()}, exitNoAgent, "", "is vw stream running"},
		"flag":        {nil, []string{"--frob"}, cli.Usage, "", "--frob"},
		"word":        {nil, []string{"all"}, cli.Usage, "", `"all"`},
		"port":        {nil, []string{"--port", "0"}, cli.Usage, "", "port 0"},
		"help":        {nil, []string{"--help"}, cli.OK, "usage: vw status", ""},
		"bad as JSON": {answering(recorded(t, "status_trouble")), []string{"--json"}, cli.Failed, `"lastError"`, ""},
	} {
		code, out, complaint := statusOf(t, c.handle, c.args...)
		if code != c.code || !strings.Contains(out, c.out) || !strings.Contains(complaint, c.complaint) || (c.complaint == "") != (complaint == "") {
			t.Errorf("%s: code %d, want %d\n%s%s", name, code, c.code, out, complaint)
		}
		if strings.HasPrefix(c.out, "{") && out != c.out {
			t.Errorf("%s: %s is not as it came", name, out)
		}
		if c.complaint != "" && (strings.Count(complaint, "\n") != 1 || !strings.HasPrefix(complaint, "vw status: ")) {
			t.Errorf("%s: the complaint is not one line of vw status: %s", name, complaint)
		}
	}
}

// gonePort is one where nobody listens.
func gonePort() string {
	gone := httptest.NewServer(nil)
	defer gone.Close()
	return gone.URL[strings.LastIndex(gone.URL, ":")+1:]
}

func TestStatusWatchesUntilItIsInterrupted(t *testing.T) {
	for name, c := range map[string]struct {
		flag string
		want []string
	}{
		"words": {"--watch", []string{"lab ON AIR", "the agent answered with HTTP 500", "lab NOT ON AIR"}},
		"JSON":  {"--watch=true", []string{`"lab7"`, `{"error":"the agent answered with HTTP 500`, `"lastError"`}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, interrupt := context.WithCancel(t.Context())
			looks := 0
			port := listening(t, func(w http.ResponseWriter, r *http.Request) {
				switch looks++; looks {
				case 1:
					_, _ = w.Write(recorded(t, "status_onair"))
				case 2:
					w.WriteHeader(http.StatusInternalServerError)
				case 3:
					_, _ = w.Write(recorded(t, "status_trouble"))
				default:
					interrupt()
				}
			})
			var stdout, stderr bytes.Buffer
			args := []string{c.flag, "--port", port}
			if name == "JSON" {
				args = append(args, "--json")
			}
			code := run(ctx, append([]string{"status"}, args...), nil, nil, &stdout, &stderr)
			if code != cli.Failed || stderr.Len() > 0 || strings.Contains(stdout.String(), "\x1b") {
				t.Errorf("code %d, %s\n%s", code, stdout.String(), stderr.String())
			}
			rest := stdout.String()
			for _, want := range c.want {
				var found bool
				if _, rest, found = strings.Cut(rest, want); !found {
					t.Errorf("%q is not there, or not in its turn:\n%s", want, stdout.String())
				}
			}
		})
	}
}
