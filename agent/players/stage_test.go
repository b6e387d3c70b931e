// Package players_test plays what an agent sends with the players that viewers
// use, in a real browser: real ffmpegs feed the real program, a relay gives what
// it sends to mpegts.js and jsmpeg, and what these show is measured while the
// agent is re-wired, muted and killed.
package players_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"vw/testrelay"
)

// patience bounds every wait for something that must happen.
const patience = 30 * time.Second

const browserFolder = "../testdata/browser"

// A stage is a relay, and a browser with players.
type stage struct {
	testing.TB
	relay   *testrelay.Server
	pages   *httptest.Server
	browser chan map[string]string // what the browser is asked to do

	mu      sync.Mutex
	players map[string]*player
	opened  int
}

func newStage(t testing.TB) *stage {
	t.Helper()
	s := &stage{TB: t, browser: make(chan map[string]string), players: map[string]*player{}}
	var err error
	if s.relay, err = testrelay.Listen(testrelay.Config{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.relay.Close() })
	s.pages = httptest.NewServer(s)
	t.Cleanup(s.pages.Close)
	s.browse()
	return s
}

// ServeHTTP serves a player's page, its library, and takes what it shows.
func (s *stage) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	p := s.players[r.URL.RawQuery]
	s.mu.Unlock()
	switch {
	case strings.HasSuffix(r.URL.Path, ".js"):
		http.ServeFile(w, r, filepath.Join(browserFolder, "node_modules", filepath.FromSlash(r.URL.Path)))
	case r.URL.Path == "/":
		w.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(w, "<!doctype html><title>players</title>")
	case p == nil:
		http.NotFound(w, r)
	case r.URL.Path == "/seen":
		body, err := io.ReadAll(r.Body)
		if err == nil {
			err = p.take(body)
		}
		if err != nil {
			s.Errorf("what %s shows: %v", p.name, err)
		}
	default:
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = io.WriteString(w, p.page)
	}
}

// browse starts the browser. It opens the pages that it is asked to until the
// test ends.
func (s *stage) browse() {
	chromium, err := exec.LookPath("chromium")
	if _, none := os.Stat(filepath.Join(browserFolder, "node_modules/mpegts.js")); err != nil || none != nil {
		s.Fatal("players need Chromium, node and the packages of agent/testdata/browser: make test installs them")
	}
	setting, _ := json.Marshal(map[string]string{"chromium": chromium, "pages": s.pages.URL})
	cmd := exec.Command("node", "players.mjs")
	cmd.Dir = browserFolder
	cmd.Env = append(os.Environ(), "BROWSER_TEST="+string(setting))
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		s.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		s.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		s.Fatal(err)
	}
	var ended sync.WaitGroup
	ended.Go(func() {
		for lines := bufio.NewScanner(stdout); lines.Scan(); {
			var told struct {
				Ask, Failed string
				Found       json.RawMessage
			}
			if err := json.Unmarshal(lines.Bytes(), &told); err != nil || told.Failed != "" {
				s.Errorf("the browser: %s", lines.Text())
			}
			if told.Ask != "" {
				do, _ := json.Marshal(<-s.browser)
				_, _ = fmt.Fprintf(stdin, "%s\n", do)
			}
		}
	})
	s.Cleanup(func() {
		close(s.browser)
		ended.Wait()
		_ = cmd.Wait()
	})
}

// play opens a player's page. What is in it of the manual is there.
func (s *stage) play(key, name, page string) *player {
	s.Helper()
	key = url.QueryEscape(key)
	p := &player{name: name, key: key, page: page}
	s.mu.Lock()
	s.players[key] = p
	s.mu.Unlock()
	s.browser <- map[string]string{"open": s.pages.URL + "/player?" + key}
	return p
}

// close closes a player's page.
func (s *stage) close(p *player) {
	s.browser <- map[string]string{"close": s.pages.URL + "/player?" + p.key}
}

// program builds the real one, once and without the race detector.
var program = sync.OnceValues(func() (string, error) {
	path := filepath.Join(os.TempDir(), fmt.Sprintf("vw-players-%d", os.Getpid()))
	if out, err := exec.Command("go", "build", "-o", path, "vw/cmd/vw").CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return path, nil
})

// An agent is a process of its own, with a state file.
type agent struct {
	t    testing.TB
	url  string
	dir  string
	port string
	log  bytes.Buffer
	cmd  *exec.Cmd
}

func launch(t testing.TB) *agent {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(ln.Addr().String())
	ln.Close()
	a := &agent{t: t, url: "http://127.0.0.1:" + port, port: port, dir: t.TempDir()}
	a.start()
	t.Cleanup(func() {
		a.kill()
		if t.Failed() {
			t.Logf("the agent's log:\n%.5000s", &a.log)
		}
	})
	return a
}

func (a *agent) start() {
	a.t.Helper()
	path, err := program()
	if err != nil {
		a.t.Fatal(err)
	}
	a.cmd = exec.Command(path, "stream", "--port", a.port, "--state", filepath.Join(a.dir, "state.json"))
	for _, e := range os.Environ() {
		if !strings.HasPrefix(e, "VW_") {
			a.cmd.Env = append(a.cmd.Env, e)
		}
	}
	a.cmd.Dir = a.dir
	a.cmd.Stderr = &a.log
	if err := a.cmd.Start(); err != nil {
		a.t.Fatal(err)
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for late := time.Now().Add(patience); ; <-tick.C {
		resp, err := http.Get(a.url + "/healthcheck")
		if err == nil {
			resp.Body.Close()
			return
		}
		if time.Now().After(late) {
			a.t.Fatalf("the agent does not start: %v", err)
		}
	}
}

func (a *agent) kill() {
	_ = a.cmd.Process.Kill()
	_ = a.cmd.Wait() // it was killed
}

// request is one of curl's. It returns when the agent has answered.
func (a *agent) request(method, path string, body any) string {
	a.t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		a.t.Fatal(err)
	}
	req, err := http.NewRequest(method, a.url+path, bytes.NewReader(text))
	if err != nil {
		a.t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		a.t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, _ := io.ReadAll(resp.Body)
	if resp.StatusCode != http.StatusOK {
		a.t.Fatalf("%s %s: %s: %s", method, path, resp.Status, answer)
	}
	return string(answer)
}

func (a *agent) combine(stream string, feeds ...string) {
	a.t.Helper()
	a.request(http.MethodPost, "/api/streams", map[string]any{"stream": stream, "feeds": append([]string{}, feeds...)})
}

func (a *agent) route(stream, to string) {
	a.t.Helper()
	a.request(http.MethodPost, "/api/destinations", map[string]string{"id": stream, "stream": stream, "destination": to})
}

// await waits until feeds come in, and what they are made of is known.
func (a *agent) await(feeds ...string) {
	a.t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for late := time.Now().Add(patience); ; <-tick.C {
		var status struct {
			Feeds map[string]struct {
				Source bool
				Tracks []struct{ Packets uint64 }
			}
		}
		if err := json.Unmarshal([]byte(a.request(http.MethodGet, "/api/stats", nil)), &status); err != nil {
			a.t.Fatal(err)
		}
		if !slices.ContainsFunc(feeds, func(f string) bool {
			feed := status.Feeds[f]
			return !feed.Source || len(feed.Tracks) == 0 || feed.Tracks[0].Packets == 0
		}) {
			return
		}
		if time.Now().After(late) {
			a.t.Fatalf("of the feeds %q not all come in", feeds)
		}
	}
}
