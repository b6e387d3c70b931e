package agent_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"vw/agent"
	"vw/agent/status"
	"vw/testrelay"
)

// patience bounds every wait for something that must happen.
const patience = 20 * time.Second

func patient(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

// eventually waits for what shows nowhere but in a state that has to be asked for.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	ctx := patient(t)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-ctx.Done():
			t.Fatalf("it did not come to this: %s", what)
		case <-tick.C:
		}
	}
}

// A logbook keeps what is logged, for whoever waits for a line.
type logbook struct {
	mu      sync.Mutex
	text    bytes.Buffer
	changed chan struct{}
}

func (l *logbook) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.changed != nil {
		close(l.changed)
		l.changed = nil
	}
	return l.text.Write(b)
}

func (l *logbook) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// lines returns those that hold all of the words.
func (l *logbook) lines(words ...string) (found []string) {
next:
	for line := range strings.Lines(l.String()) {
		for _, w := range words {
			if !strings.Contains(line, w) {
				continue next
			}
		}
		found = append(found, line)
	}
	return found
}

// await returns the first line that holds all of the words.
func (l *logbook) await(t testing.TB, words ...string) string {
	t.Helper()
	ctx := patient(t)
	for {
		l.mu.Lock()
		if l.changed == nil {
			l.changed = make(chan struct{})
		}
		changed := l.changed
		l.mu.Unlock()
		if found := l.lines(words...); len(found) > 0 {
			return found[0]
		}
		select {
		case <-ctx.Done():
			t.Fatalf("nothing with %q was logged, but:\n%s", words, l)
		case <-changed:
		}
	}
}

// secretive holds that no token is shown, whatever it is that every test sees
// of an agent: all tokens in these tests hold the word canary.
func secretive(t testing.TB, what, text string) {
	t.Helper()
	if at := strings.Index(text, "canary"); at >= 0 {
		t.Errorf("a token is in %s: …%.200s", what, text[max(0, at-100):])
	}
}

// A running agent, and what it logs.
type running struct {
	*agent.Agent
	log *logbook
	end func() error // ends it, at most once, and says what Run returned
}

// start runs an agent until the test ends. Its command channel is /bi/NAME of
// the relay, nil for none, and up when start returns.
func start(t testing.TB, relay *testrelay.Server, c agent.Config) *running {
	t.Helper()
	log := &logbook{}
	c.Log = slog.New(slog.NewJSONHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	if c.Name == "" {
		c.Name = "agent1"
	}
	if c.RecordDir == "" {
		c.RecordDir = filepath.Join(t.TempDir(), "recordings")
	}
	if relay != nil && c.API == "" {
		c.API = relay.URL() + "/bi/{name}"
	}
	a, err := agent.New(c)
	if err != nil {
		t.Fatalf("new agent: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }()
	r := &running{Agent: a, log: log, end: sync.OnceValue(func() error {
		cancel()
		select {
		case err := <-ended:
			return err
		case <-time.After(patience):
			t.Errorf("the agent did not end; its goroutines:\n%s", stacks())
			return nil
		}
	})}
	t.Cleanup(func() {
		for _, path := range []string{"/api/stats", "/api/destinations/all", "/api/feeds/all", "/metrics"} {
			if resp, err := http.Get(r.URL() + path); err == nil { // else it has ended
				text, _ := io.ReadAll(resp.Body)
				resp.Body.Close()
				secretive(t, path, string(text))
			}
		}
		if err := r.end(); err != nil {
			t.Errorf("run: %v", err)
		}
		secretive(t, "the log", log.String())
		if t.Failed() {
			t.Logf("log of %s:\n%.20000s", c.Name, log)
		}
	})
	if relay != nil {
		log.await(t, `"link up"`, `"apiRule"`)
	}
	return r
}

// goroutineCount includes the tests' own.
func goroutineCount() int { return runtime.NumGoroutine() }

func stacks() string {
	b := make([]byte, 1<<20)
	return string(b[:runtime.Stack(b, true)])
}

func listen(t testing.TB, c testrelay.Config) *testrelay.Server {
	t.Helper()
	s, err := testrelay.Listen(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close the relay: %v", err)
		}
	})
	return s
}

// A peer is an orchestrator's, or a person's, end of a command channel, or
// any other websocket.
type peer struct {
	t  testing.TB
	ws *websocket.Conn
}

func dial(t testing.TB, url string) *peer {
	t.Helper()
	ws, _, err := websocket.DefaultDialer.DialContext(patient(t), url, nil)
	if err != nil {
		t.Fatalf("dial %s: %v", url, err)
	}
	t.Cleanup(func() { ws.Close() })
	return &peer{t, ws}
}

// orchestrate joins the command channel of an agent.
func orchestrate(t testing.TB, relay *testrelay.Server, name string) *peer {
	t.Helper()
	path := "/bi/" + name
	before := testrelay.Up(relay.Visits(path))
	c := dial(t, relay.URL()+path)
	if _, err := relay.Await(patient(t), path, func(v []testrelay.Visit) bool { return testrelay.Up(v) > before }); err != nil {
		t.Fatal("the orchestrator's link did not come up")
	}
	return c
}

func (c *peer) send(kind int, message string) {
	c.t.Helper()
	if err := c.ws.WriteMessage(kind, []byte(message)); err != nil {
		c.t.Fatalf("send: %v", err)
	}
}

func (c *peer) next() (kind int, message string) {
	c.t.Helper()
	_ = c.ws.SetReadDeadline(time.Now().Add(patience))
	kind, data, err := c.ws.ReadMessage()
	if err != nil {
		c.t.Fatalf("no message came: %v", err)
	}
	secretive(c.t, "a message", string(data))
	return kind, string(data)
}

// ask sends a command and returns the next message, which has to be text.
func (c *peer) ask(command string) string {
	c.t.Helper()
	c.send(websocket.TextMessage, command)
	kind, reply := c.next()
	if kind != websocket.TextMessage {
		c.t.Errorf("%.100s: the reply is no text message", command)
	}
	return strings.TrimSpace(reply)
}

// want asks, and compares the reply by JSON value.
func (c *peer) want(command, reply string) {
	c.t.Helper()
	if got := c.ask(command); !sameReply(got, reply) {
		c.t.Fatalf("%.300s\n got %.1000s\nwant %.1000s", command, got, reply)
	}
}

// silent shows that nothing came since the last reply: a command that is sent
// now is answered next.
func (c *peer) silent() {
	c.t.Helper()
	c.want(`{"verb":"list","what":"stream","which":"is-it-silent"}`, `{"feeds":null}`)
}

// route adds a destination rule.
func (c *peer) route(id, stream, url string) {
	c.t.Helper()
	rule := jsonOf(map[string]string{"id": id, "stream": stream, "destination": url})
	c.want(`{"verb":"add","what":"destination","rule":`+rule+`}`, rule)
}

// combine adds a stream rule.
func (c *peer) combine(stream string, feeds ...string) {
	c.t.Helper()
	rule := jsonOf(map[string]any{"stream": stream, "feeds": append([]string{}, feeds...)})
	c.want(`{"verb":"add","what":"stream","rule":`+rule+`}`, rule)
}

func (c *peer) remove(what, which string) {
	c.t.Helper()
	c.want(jsonOf(map[string]string{"verb": "delete", "what": what, "which": which}), jsonOf(map[string]string{"deleted": which}))
}

func (c *peer) status() status.Status {
	c.t.Helper()
	var s status.Status
	decode(c.t, c.ask(`{"verb":"list","what":"status"}`), &s)
	return s
}

func jsonOf(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(b)
}

func decode(t testing.TB, text string, v any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), v); err != nil {
		t.Fatalf("%v in %.500s", err, text)
	}
}

// sameReply compares by JSON value what scripts compare: not what is said for
// people, unless that is asked for.
func sameReply(got, want string) bool {
	var g, w map[string]any
	if json.Unmarshal([]byte(got), &g) != nil || json.Unmarshal([]byte(want), &w) != nil {
		return false
	}
	for _, key := range []string{"hint", "warning", "existed"} {
		if _, asked := w[key]; !asked {
			delete(g, key)
		}
	}
	return jsonOf(g) == jsonOf(w)
}

func sameJSON(a, b string) bool {
	var x, y any
	return json.Unmarshal([]byte(a), &x) == nil && json.Unmarshal([]byte(b), &y) == nil && jsonOf(x) == jsonOf(y)
}

// request is one of curl's to this machine's side of the agent.
func (r *running) request(t testing.TB, method, path, body string, header ...string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(patient(t), method, r.URL()+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
		if header[i] == "Host" {
			req.Host = header[i+1]
		}
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	secretive(t, method+" "+path, string(text))
	return resp, strings.TrimSpace(string(text))
}

func writeFile(t testing.TB, name string, data []byte) string {
	t.Helper()
	name = filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(name, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}
