// Package attack_test attacks a whole agent from outside: over its relays, its
// command channel and its port, with what an attacker can send there. Every
// attack is bounded in count and time, and stays on loopback. The short form
// runs with the other tests; the long one with the flag -long (make attack).
package attack_test

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"vw/agent"
	"vw/testrelay"
)

var long = flag.Bool("long", false, "the long form of every attack, and its bounds without a margin")

// patience bounds every wait for something that must happen.
const patience = 30 * time.Second

func TestMain(m *testing.M) {
	flag.Parse()
	if code, done := isolate(); done {
		os.Exit(code)
	}
	var err error
	if temp, err = os.MkdirTemp("", "vw-attack"); err != nil {
		panic(err)
	}
	code := m.Run()
	_ = os.RemoveAll(temp)
	os.Exit(code)
}

// count is how many of something an attack uses.
func count(short, inLong int) int {
	if *long {
		return inLong
	}
	return short
}

// within holds that something took no longer than the contract allows. The
// short form leaves a margin for a machine that is busy with other tests.
func within(t testing.TB, what string, took, bound time.Duration) {
	t.Helper()
	margin := time.Duration(1)
	if !*long || raceDetector {
		margin = 6
	}
	t.Logf("%s: %v (bound %v, margin %d)", what, took.Round(time.Millisecond), bound, margin)
	if took > bound*margin {
		t.Errorf("%s took %v, and may take %v", what, took, bound)
	}
}

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
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-ctx.Done():
			t.Fatalf("it did not come to this: %s", what)
		case <-tick.C:
		}
	}
}

func listen(t testing.TB, c testrelay.Config) *testrelay.Server {
	t.Helper()
	s, err := testrelay.Listen(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// A victim is a running agent, and its command channel at a relay.
type victim struct {
	t       testing.TB
	url     string // http://127.0.0.1:port
	relay   *testrelay.Server
	channel *websocket.Conn
	log     *logbook
	end     func()
}

// A logbook keeps what is logged.
type logbook struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logbook) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *logbook) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// start runs an agent until the test ends, or it is ended before. An attacker
// holds its command channel, which is /bi/victim of a relay.
func start(t testing.TB, c agent.Config) *victim {
	t.Helper()
	v := &victim{t: t, log: &logbook{}, relay: listen(t, testrelay.Config{Keep: true})}
	c.Log = slog.New(slog.NewTextHandler(v.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	c.Name, c.API = "victim", v.relay.URL()+"/bi/victim"
	if c.RecordDir == "" {
		c.RecordDir = filepath.Join(t.TempDir(), "recordings")
	}
	a, err := agent.New(c)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }()
	v.url = a.URL()
	v.end = sync.OnceFunc(func() {
		cancel()
		select {
		case err := <-ended:
			if err != nil {
				t.Errorf("run: %v", err)
			}
		case <-time.After(patience):
			t.Error("the agent did not end")
		}
	})
	t.Cleanup(func() {
		v.end()
		if t.Failed() {
			t.Logf("log:\n%.5000s", v.log)
		}
	})
	v.join()
	return v
}

// join puts the attacker on the command channel.
func (v *victim) join() {
	v.t.Helper()
	if err := v.relay.AwaitClient(patient(v.t), "/bi/victim"); err != nil {
		v.t.Fatal("the command channel did not come up")
	}
	v.channel = dial(v.t, v.relay.URL()+"/bi/victim")
	_, err := v.relay.Await(patient(v.t), "/bi/victim", func(all []testrelay.Visit) bool { return testrelay.Up(all) == 2 })
	if err != nil {
		v.t.Fatal("the attacker's link did not come up")
	}
}

func (v *victim) port() string {
	u, _ := url.Parse(v.url)
	return u.Port()
}

func dial(t testing.TB, url string) *websocket.Conn {
	t.Helper()
	ws, _, err := websocket.DefaultDialer.DialContext(patient(t), url, nil)
	if err != nil {
		t.Fatalf("dial %s: %v", url, err)
	}
	t.Cleanup(func() { ws.Close() })
	return ws
}

// local is a websocket of a program on the agent's machine.
func (v *victim) local(path string) *websocket.Conn {
	v.t.Helper()
	return dial(v.t, "ws"+strings.TrimPrefix(v.url, "http")+path)
}

// ask sends a command over the channel and returns the next message.
func (v *victim) ask(command string) string {
	v.t.Helper()
	if err := v.channel.WriteMessage(websocket.TextMessage, []byte(command)); err != nil {
		v.t.Fatalf("send: %v", err)
	}
	_ = v.channel.SetReadDeadline(time.Now().Add(patience))
	_, data, err := v.channel.ReadMessage()
	if err != nil {
		v.t.Fatalf("%.200s: no reply: %v", command, err)
	}
	return strings.TrimSpace(string(data))
}

// A rule is one of destinations.
type rule struct {
	ID          string `json:"id"`
	Stream      string `json:"stream"`
	Destination string `json:"destination"`
	Token       string `json:"token,omitempty"`
	Auth        string `json:"auth,omitempty"`
	File        string `json:"file,omitempty"`
}

// add adds a destination over the channel. The reply is what refused reads.
func (v *victim) add(r rule) string {
	v.t.Helper()
	return v.ask(`{"verb":"add","what":"destination","rule":` + jsonOf(r) + `}`)
}

// combine adds a stream over the channel.
func (v *victim) combine(stream string, feeds ...string) string {
	v.t.Helper()
	return v.ask(`{"verb":"add","what":"stream","rule":` + jsonOf(map[string]any{"stream": stream, "feeds": feeds}) + `}`)
}

func refused(reply string) bool { return strings.HasPrefix(reply, `{"error":`) }

// status is what the attacks look at of list status.
type status struct {
	Locked       bool
	Uptime       float64
	Mutes        []string
	StateError   string
	JournalError string
	Destinations map[string]destination
}

type destination struct {
	State, LastError, LastErrorCode string
	Dials                           int
	Queue                           struct{ Bytes, Sent, Dropped uint64 }
	Recording                       *struct{ File, Error string }
}

func (v *victim) status() (s status) {
	v.t.Helper()
	decode(v.t, v.ask(`{"verb":"list","what":"status"}`), &s)
	return s
}

// settled waits until a destination is up, or something came of its dial.
func (v *victim) settled(id string) {
	v.t.Helper()
	eventually(v.t, id+" was dialled", func() bool {
		d := v.status().Destinations[id]
		return d.State == "up" || d.LastError != ""
	})
}

// owner is a request from the agent's machine, which has to succeed.
func (v *victim) owner(method, path, body string) string {
	v.t.Helper()
	status, text := v.request(method, path, body)
	if status/100 != 2 {
		v.t.Fatalf("%s %s: HTTP %d %s", method, path, status, text)
	}
	return text
}

func (v *victim) request(method, path, body string, header ...string) (int, string) {
	v.t.Helper()
	req, err := http.NewRequestWithContext(patient(v.t), method, v.url+path, strings.NewReader(body))
	if err != nil {
		v.t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		v.t.Fatalf("%s %s: %v", method, path, err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 64<<20))
	if err != nil {
		v.t.Fatalf("%s %s: %v", method, path, err)
	}
	return resp.StatusCode, strings.TrimSpace(string(text))
}

// post posts what is written to a feed, until the writer is closed.
func (v *victim) post(feed string) io.WriteCloser {
	v.t.Helper()
	read, write := io.Pipe()
	req, err := http.NewRequest(http.MethodPost, v.url+"/ts/"+feed, read)
	if err != nil {
		v.t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		transport := &http.Transport{DisableKeepAlives: true}
		if resp, err := transport.RoundTrip(req); err == nil {
			_, _ = io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
		}
		_ = read.CloseWithError(io.ErrClosedPipe)
	}()
	v.t.Cleanup(func() { write.Close(); <-ended })
	return write
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

// A canary is a token that no one may see but the place its giver sent it to.
func canary(of string) string { return fmt.Sprintf("canary-%s", of) }
