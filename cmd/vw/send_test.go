package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"vw/agent"
	"vw/agent/client"
	"vw/cmd/vw/cli"
	"vw/cmd/vw/send"
	"vw/testrelay"
)

const healthcheck = `{"verb":"healthcheck"}`

// untouched is a standard input that is somebody else's, such as a shell loop's.
type untouched struct{}

func (untouched) Read([]byte) (int, error) { panic("standard input was read") }

// sent is vw send's code and what it printed.
func sent(ctx context.Context, stdin io.Reader, args ...string) (code int, out, complaint string) {
	var stdout, stderr bytes.Buffer
	if stdin == nil {
		stdin = untouched{}
	}
	code = run(ctx, append([]string{"send"}, args...), nil, stdin, &stdout, &stderr)
	return code, stdout.String(), stderr.String()
}

func relay(t *testing.T, c testrelay.Config) *testrelay.Server {
	t.Helper()
	r, err := testrelay.Listen(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

// listener is an agent that listens on a topic of a relay, until the test ends
// or it is told to.
func listener(t *testing.T, r *testrelay.Server, path, name string) (a *agent.Agent, end func()) {
	t.Helper()
	before := testrelay.Up(r.Visits(path))
	a, end = running(t, agent.Config{API: r.URL() + path, Name: name})
	await(t, r, path, func(v []testrelay.Visit) bool { return testrelay.Up(v) > before })
	return a, end
}

// running is an agent that runs until the test ends or it is told to.
func running(t *testing.T, c agent.Config) (a *agent.Agent, end func()) {
	t.Helper()
	c.RecordDir = t.TempDir()
	a, err := agent.New(c)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }()
	end = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("%s: %v", c.Name, err)
		}
	})
	t.Cleanup(end)
	return a, end
}

func await(t *testing.T, r *testrelay.Server, path string, ok func([]testrelay.Visit) bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if v, err := r.Await(ctx, path, ok); err != nil {
		t.Fatalf("%s: %v: %+v", path, err, v)
	}
}

// impostor is somebody on a topic who says what answer makes of each command.
func impostor(t *testing.T, r *testrelay.Server, path string, answer func(ref, text string) string) {
	t.Helper()
	ws, _, err := websocket.DefaultDialer.DialContext(t.Context(), r.URL()+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	t.Cleanup(func() {
		ws.Close()
		<-ended
	})
	await(t, r, path, func(v []testrelay.Visit) bool { return testrelay.Up(v) == 1 })
	go func() {
		defer close(ended)
		for {
			_, text, err := ws.ReadMessage()
			if err != nil {
				return
			}
			var command struct{ Ref string }
			_ = json.Unmarshal(text, &command)                                                    // a token is no command
			_ = ws.WriteMessage(websocket.TextMessage, []byte(answer(command.Ref, string(text)))) // the test may be over
		}
	}()
}

func compact(t *testing.T, value json.RawMessage) string {
	t.Helper()
	var b bytes.Buffer
	if err := json.Compact(&b, value); len(value) > 0 && err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// row is the line of a table that begins with a URL.
func row(t *testing.T, table, to string) string {
	t.Helper()
	for line := range strings.Lines(table) {
		if strings.HasPrefix(line, to+" ") {
			return strings.TrimSpace(line)
		}
	}
	t.Fatalf("no line begins with %s:\n%s", to, table)
	return ""
}

// The line in the help leaves the sound of a room out: one command, twenty agents,
// and proof.
func TestSendLeavesTheSoundOfARoomOut(t *testing.T) {
	t.Parallel()
	r := relay(t, testrelay.Config{})
	agents := map[string]*agent.Agent{}
	ends := map[string]func(){}
	room := "# the room\n\n"
	for i := range 20 {
		path := fmt.Sprintf("/bi/lab%d", i)
		a, end := listener(t, r, path, fmt.Sprintf("pi%d", i))
		agents[r.URL()+path], ends[r.URL()+path] = a, end
		room += r.URL() + path + "\r\n"
	}
	file := filepath.Join(t.TempDir(), "room.txt")
	if err := os.WriteFile(file, []byte(room), 0o600); err != nil {
		t.Fatal(err)
	}
	_, help, _ := sent(t.Context(), nil, "--help")
	line := regexp.MustCompile(`vw send --to-file room\.txt '(.*)'`).FindStringSubmatch(help)
	if line == nil {
		t.Fatalf("the help shows no room without sound:\n%s", help)
	}
	loud := strings.Replace(line[1], `["video0"]`, `["video0","audio0"]`, 1)
	for step, command := range []string{loud, line[1]} {
		code, out, complaint := sent(t.Context(), nil, "--to-file", file, command)
		if code != cli.OK || !strings.HasSuffix(out, "\n20 of 20 acknowledged\n") || complaint != "" {
			t.Fatalf("step %d: code %d\n%s%s", step, code, out, complaint)
		}
		for to, a := range agents {
			if got := row(t, out, to); !strings.Contains(got, "  pi"+strings.TrimPrefix(to, r.URL()+"/bi/lab")+"  ") {
				t.Errorf("step %d: another agent's name in %q", step, got)
			}
			got, _, err := client.New(client.Config{URL: a.URL(), Own: true}).Status(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if want := []string{"video0", "audio0"}[:2-step]; !slices.Equal(got.Streams["lab"].Feeds, want) {
				t.Errorf("step %d: the stream of %s is %q", step, to, got.Streams["lab"].Feeds)
			}
		}
	}
	down := r.URL() + "/bi/lab7"
	ends[down]()
	code, out, _ := sent(t.Context(), nil, "--to-file", file, "--timeout", "5s", line[1])
	if code != cli.Failed || !strings.HasSuffix(out, "\n19 of 20 acknowledged\n") || strings.Count(out, "error:") != 1 ||
		!strings.Contains(row(t, out, down), "error: no answer within 5s: the link is up, but no agent answers on it") {
		t.Errorf("one down: code %d\n%s", code, out)
	}
}

func TestSendPrintsOneReplyAsItCame(t *testing.T) {
	r := relay(t, testrelay.Config{})
	a, _ := listener(t, r, "/bi/lab", "pi")
	for _, to := range []string{r.URL() + "/bi/lab", strings.Replace(a.URL(), "http://", "ws://", 1) + "/ws/api"} {
		for command, want := range map[string]string{
			healthcheck:                         `{"healthcheck":"ok"}`,
			`{"verb":"healthcheck","ref":"r1"}`: `{"ref":"r1","from":"pi","reply":{"healthcheck":"ok"}}`,
			`{"VERB":"add","what":"stream","rule":{"stream":"a","feeds":["b:c"]}}`: "error",
		} {
			code, out, complaint := sent(t.Context(), nil, "--to", to, command)
			if wantCode := map[bool]int{true: cli.Failed}[want == "error"]; code != wantCode || complaint != "" {
				t.Errorf("%s: code %d, %s", command, code, complaint)
			}
			if out != want+"\n" && (want != "error" || !strings.HasPrefix(out, `{"error":"`)) {
				t.Errorf("%s: %s", command, out)
			}
		}
		code, out, _ := sent(t.Context(), nil, "--to", to, `{"verb":"healthcheck","to":"p*"}`)
		if code != cli.OK || !strings.Contains(out, `"from":"pi","reply":{"healthcheck":"ok"}}`) {
			t.Errorf("to: code %d, %s", code, out)
		}
	}
}

func TestSendSendsLinesInOrder(t *testing.T) {
	r := relay(t, testrelay.Config{})
	listener(t, r, "/bi/lab", "pi")
	lines := `{"verb":"add","what":"stream","rule":{"stream":"error","feeds":["b"]}}

{"verb":"list","what":"stream","which":"all"}
{"verb":"list","what":"destination","which":"nobody"}
{"verb":"delete","what":"stream","which":"error"}
  {"verb":"list","what":"stream","which":"error"}`
	code, out, complaint := sent(t.Context(), strings.NewReader(lines), "--to", r.URL()+"/bi/lab?code=secret", "--json")
	var got []send.Outcome
	if err := json.Unmarshal([]byte(out), &got); err != nil || len(got) != 5 || code != cli.Failed || complaint != "" {
		t.Fatalf("%v, code %d\n%s%s", err, code, out, complaint)
	}
	for i, want := range []string{`{"stream":"error","feeds":["b"]}`, `{"error":["b"]}`, "", `{"deleted":"error"}`, `{"feeds":null}`} {
		g := got[i]
		if want != "" && compact(t, g.Reply) != want || g.Command != i+1 || g.From != "pi" || (g.Error != "") != (want == "") || g.To != r.URL()+"/bi/lab" {
			t.Errorf("%d: %+v %s", i+1, g, g.Reply)
		}
	}
	code, out, _ = sent(t.Context(), strings.NewReader(lines), "--to", r.URL()+"/bi/lab")
	if code != cli.Failed || !strings.HasSuffix(out, "\n4 of 5 acknowledged\n") || !strings.HasPrefix(out, "TO ") || strings.Count(out, "error: ") != 1 {
		t.Errorf("code %d\n%s", code, out)
	}
}

func TestSendTellsTheHintOfARefusal(t *testing.T) {
	r := relay(t, testrelay.Config{})
	listener(t, r, "/bi/lab", "pi")
	code, out, _ := sent(t.Context(), nil, "--to", r.URL()+"/bi/lab", healthcheck, `{"verb":"heathcheck"}`)
	if code != cli.Failed || !strings.Contains(out, `error: Unrecognised Command: verb "heathcheck" is unknown`) {
		t.Errorf("code %d\n%s", code, out)
	}
}

func TestSendSendsNothingAfterSilence(t *testing.T) {
	r := relay(t, testrelay.Config{Keep: true})
	code, out, _ := sent(t.Context(), nil, "--to", r.URL()+"/bi/lab", "--timeout", "300ms", healthcheck, healthcheck)
	if code != cli.Failed || !strings.Contains(out, "no agent answers") || !strings.Contains(out, "not sent") || !strings.Contains(out, "0 of 2") {
		t.Errorf("code %d\n%s", code, out)
	}
	s := r.Subscribe("lab")
	defer s.Close()
	if got := s.Drain(); len(got) != 1 {
		t.Errorf("%d commands were sent", len(got))
	}
}

func TestSendKnowsItsAnswersAmongOthers(t *testing.T) {
	r := relay(t, testrelay.Config{})
	impostor(t, r, "/bi/lab", func(ref, text string) string {
		return text + `{"error":"of somebody else"}[1]"x"{"ref":"another","from":"b","reply":{"error":"of another"}}
			{"ref":7}{"ref":"` + ref + `"}{"ref":"` + ref + `","from":"c"}` +
			"\n" + `{"ref":"` + ref + `","from":"\u009b2J` + "\u009b" + `","reply":{"text": "` + "\u009b" + `é"}}{"ref":"` + ref + `","from":"late","reply":{"error":"late"}}{"ref":"` + ref + `","from":"later","reply":{"error":""}}`
	})
	code, out, complaint := sent(t.Context(), nil, "--to", r.URL()+"/bi/lab", "--expect", "3", "--timeout", "5s", healthcheck)
	if code != cli.Failed || complaint != "" || strings.Contains(out, "\u009b") || !strings.HasSuffix(out, "\n1 of 3 acknowledged\n") ||
		!strings.Contains(out, "error: an error without words") ||
		!strings.Contains(out, `  \u009b2J\u009b  {"text":"\u009bé"}  `) || !strings.Contains(out, "  late  ") || !strings.Contains(out, "error: late") {
		t.Errorf("code %d\n%s%s", code, out, complaint)
	}
}

// Under load relays join messages: the answers of several agents are one.
func TestSendCollectsTheAnswersOfAllAgentsOnATopic(t *testing.T) {
	t.Parallel()
	r := relay(t, testrelay.Config{})
	r.SetFaults("/bi/lab", testrelay.Faults{Glue: true})
	for _, name := range []string{"pi1", "pi2", "mac"} {
		listener(t, r, "/bi/lab", name)
	}
	for _, c := range []struct {
		command string
		flags   []string
		code    int
		want    []string
	}{
		{healthcheck, []string{"--expect", "3"}, cli.OK, []string{"pi1 ", "pi2 ", "mac ", "3 of 3"}},
		{healthcheck, []string{"--all", "--timeout", "3s"}, cli.OK, []string{"pi1 ", "pi2 ", "mac ", "3 of 3"}},
		{`{"verb":"healthcheck","to":"pi*"}`, []string{"--expect", "2"}, cli.OK, []string{"pi1 ", "pi2 ", "2 of 2"}},
		{`{"verb":"healthcheck","to":"pi*"}`, []string{"--expect", "3", "--timeout", "3s"}, cli.Failed, []string{"pi1 ", "pi2 ", "2 of 3 answers within 3s"}},
		{`{"verb":"healthcheck","to":"nobody"}`, []string{"--all", "--timeout", "300ms"}, cli.Failed, []string{"no answer within 300ms", "0 of 1"}},
		{healthcheck, nil, cli.OK, []string{`{"healthcheck":"ok"}`}},
	} {
		code, out, complaint := sent(t.Context(), nil, append(c.flags, "--to", r.URL()+"/bi/lab", c.command)...)
		if code != c.code || complaint != "" {
			t.Errorf("%s %q: code %d\n%s%s", c.command, c.flags, code, out, complaint)
		}
		for _, word := range c.want {
			if !strings.Contains(out, word) {
				t.Errorf("%s %q: no %q in\n%s", c.command, c.flags, word, out)
			}
		}
	}
}

func TestSendRefusesBeforeAnythingIsSent(t *testing.T) {
	r := relay(t, testrelay.Config{})
	for _, c := range []struct{ command, why string }{
		{`healthcheck`, "no JSON object"},
		{`["verb"]`, "no JSON object"},
		{healthcheck + healthcheck, "no JSON object on one line"},
		{`{"verb":"healthcheck"`, "no JSON object"},
		{`{"what":"canary"}`, `no "verb"`},
		{`{"verb":7}`, `no "verb"`},
		{`{}`, `no "verb"`},
		{`{"verb":"list","Verb":"canary"}`, "given twice"},
		{`{"verb":"list","ref":7}`, "ref is not a string"},
		{`{"verb":"list","ref":null}`, "ref is not a string"},
		{`{"verb":"list","ref":"` + strings.Repeat("x", 129) + `"}`, "ref is not a string"},
		{`{"verb":"list","x":"` + strings.Repeat("x", 1<<20-80) + `"}`, "longer than"},
		{`{"verb":"list","x":"` + strings.Repeat("x", 1<<20) + `"}`, "longer than"},
		{"{\"verb\":\"\xff\"}", "UTF-8"},
	} {
		for _, asLine := range []bool{false, true} {
			to := []string{"--to", r.URL() + "/bi/lab"}
			var stdin io.Reader
			if asLine {
				stdin = strings.NewReader(healthcheck + "\n" + c.command + "\n")
			} else {
				to = append(to, healthcheck, c.command)
			}
			code, out, complaint := sent(t.Context(), stdin, to...)
			if code != cli.Usage || out != "" || !strings.Contains(complaint, c.why) || !strings.Contains(complaint, " 2: ") ||
				!strings.HasSuffix(complaint, "; nothing was sent\n") || strings.Contains(complaint, "canary") {
				t.Errorf("%.60s: code %d, %s%s", c.command, code, out, complaint)
			}
		}
	}
	if n := r.Accepted(); n != 0 {
		t.Errorf("the relay was dialled %d times", n)
	}
}

func TestSendRefusesWhatMakesNoSense(t *testing.T) {
	file := filepath.Join(t.TempDir(), "room.txt")
	if err := os.WriteFile(file, []byte("ws://localhost/bi/a\nhttp//x\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	here := "ws://127.0.0.1:1/bi/lab"
	for name, c := range map[string]struct {
		args []string
		why  string
	}{
		"no URL":             {[]string{healthcheck}, "to whom?"},
		"no command":         {[]string{"--to", here}, "which command?"},
		"unknown flag":       {[]string{"--frob", "--to", here, healthcheck}, "frob"},
		"no file":            {[]string{"--to-file", file + ".no", healthcheck}, "no such file"},
		"bad line":           {[]string{"--to-file", file, healthcheck}, "line 2: "},
		"bad URL":            {[]string{"--to", here, "--to", "ftp://x/", healthcheck}, "URL 2: "},
		"plaintext":          {[]string{"--to", "ws://relay.example/bi/lab", healthcheck}, "use wss://"},
		"token in plaintext": {[]string{"--to", "ws://relay.example/bi/lab", "--allow-plaintext", "--token", "canary", healthcheck}, "a token is not sent over ws://"},
		"auth and URL":       {[]string{"--to", here, "--auth", "access", "--token", "canary", healthcheck}, "access"},
		"auth alone":         {[]string{"--to", here, "--auth", "message", healthcheck}, "needs a token"},
		"no auth":            {[]string{"--to", here, "--auth", "frob", "--token", "canary", healthcheck}, "auth must be"},
		"all and expect":     {[]string{"--to", here, "--all", "--expect", "2", healthcheck}, "choose one"},
		"expect none":        {[]string{"--to", here, "--expect", "0", healthcheck}, "at least one"},
		"no time":            {[]string{"--to", here, "--timeout", "0", healthcheck}, "not above zero"},
		"no CA":              {[]string{"--to", here, "--ca-file", file, healthcheck}, "no certificate"},
	} {
		code, out, complaint := sent(t.Context(), strings.NewReader("\n"), c.args...)
		if code != cli.Usage || out != "" || !strings.Contains(complaint, c.why) || strings.Contains(complaint, "canary") {
			t.Errorf("%s: code %d, %s%s", name, code, out, complaint)
		}
	}
}

func TestSendEndsWhenInterrupted(t *testing.T) {
	r := relay(t, testrelay.Config{})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		defer cancel()
		if err := r.AwaitClient(ctx, "/bi/lab"); err != nil {
			t.Error(err)
		}
	}()
	code, _, complaint := sent(ctx, nil, "--to", r.URL()+"/bi/lab", "--timeout", "1h", healthcheck)
	if code != cli.Failed || !strings.Contains(complaint, "interrupted") {
		t.Errorf("code %d, %s", code, complaint)
	}
	in, typist := io.Pipe()
	defer typist.Close()
	if code, _, complaint = sent(ctx, in, "--to", r.URL()+"/bi/lab"); code != cli.Usage || !strings.Contains(complaint, "interrupted") {
		t.Errorf("reading: code %d, %s", code, complaint)
	}
}
