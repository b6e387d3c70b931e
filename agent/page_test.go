package agent_test

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"vw/agent"
	"vw/agent/status"
	"vw/testrelay"
)

// Tests that need a browser do not run beside others: how long a picture stands
// still would say how busy the machine is.

// browserPatience bounds a whole script.
const browserPatience = 90 * time.Second

// chromium is the browser's path. Without all that a script needs the test fails.
func chromium(t testing.TB) string {
	t.Helper()
	_, err := os.Stat("testdata/browser/node_modules/playwright-core/package.json")
	if err == nil {
		_, err = exec.LookPath("node")
	}
	path, none := exec.LookPath("chromium")
	if err != nil || none != nil {
		t.Fatal("the browser tests need Chromium, node and the packages of agent/testdata/browser: make test installs them")
	}
	return path
}

// browse runs a script of testdata/browser. It tells what it finds, and asks
// the test to do what does names.
func browse(t *testing.T, name string, setting map[string]any, does map[string]func(value string) any) {
	t.Helper()
	setting["chromium"] = chromium(t)
	ctx, cancel := context.WithTimeout(context.Background(), browserPatience)
	defer cancel()
	cmd := exec.CommandContext(ctx, "node", name)
	cmd.Dir = "testdata/browser"
	cmd.Env = append(os.Environ(), "BROWSER_TEST="+jsonOf(setting))
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cmd.Wait() }() // what it has to say it has said
	defer cancel()
	held, done := 0, false
	for lines := bufio.NewReader(stdout); ; {
		line, err := lines.ReadString('\n')
		if err != nil {
			break
		}
		var told struct {
			Held, Failed, Ask, Value string
			Found                    json.RawMessage
			Done                     bool
		}
		decode(t, line, &told)
		switch {
		case told.Failed != "":
			t.Errorf("%s: this does not hold: %s; found %s", name, told.Failed, told.Found)
		case told.Ask != "":
			if _, err := io.WriteString(stdin, jsonOf(does[told.Ask](told.Value))+"\n"); err != nil {
				t.Fatal(err)
			}
		case told.Done:
			done = true
		default:
			held++
			t.Log(told.Held)
		}
	}
	if !done && !t.Failed() || held == 0 {
		t.Errorf("%s did not come to its end", name)
	}
}

// source has ffmpeg feed a moving picture and a tone, as a viewer's player
// knows them, until the test ends.
func source(t testing.TB, video, audio string) {
	t.Helper()
	args := []string{"-re", "-f", "lavfi", "-i", "testsrc2=size=320x240:rate=25",
		"-re", "-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000"}
	picture := strings.Fields("-map 0:v -c:v mpeg1video -b:v 600k -g 12 -bf 0")
	sound := strings.Fields("-map 1:a -c:a mp2 -b:a 96k")
	mux := strings.Fields("-muxpreload 0 -muxdelay 0.1 -pes_payload_size 0 -f mpegts")
	args = append(args, picture...)
	if video != audio {
		args = append(append(args, mux...), video)
	}
	args = append(append(append(args, sound...), mux...), audio)
	ffmpegPosts(t, strings.Join(args, " "))
}

// ffmpegPosts runs it until the test ends.
func ffmpegPosts(t testing.TB, args string) {
	t.Helper()
	cmd := exec.Command("ffmpeg", strings.Fields("-nostdin -v error "+args)...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // it was killed
	})
}

// artefacts is where pictures are kept: in $ARTIFACTS, if that is set.
func artefacts(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("ARTIFACTS")
	if dir == "" {
		return t.ArtifactDir()
	}
	dir, err := filepath.Abs(dir)
	if err == nil {
		err = os.MkdirAll(dir, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestBrowserShowsAndCommandsTheAgent(t *testing.T) {
	relay := listen(t, testrelay.Config{})
	a := start(t, nil, agent.Config{})
	own, err := url.Parse(a.URL())
	if err != nil {
		t.Fatal(err)
	}
	sub := relay.Subscribe("front")
	defer sub.Close()
	arrives := func(string) any {
		sub.Drain()
		if _, err := sub.Next(patient(t)); err != nil {
			t.Error("nothing arrives at the relay")
		}
		return true
	}
	browse(t, "page.mjs", map[string]any{"url": a.URL(), "relay": relay.URL()}, map[string]func(string) any{
		"status": func(string) any {
			_, text := a.request(t, "GET", "/api/stats", "")
			return json.RawMessage(text)
		},
		"source":  func(string) any { source(t, a.URL()+"/ts/cam", a.URL()+"/ts/cam"); return true },
		"arrives": arrives,
		"silent": func(string) any {
			taken := func() uint64 { return feedBytes(t, a, "cam") }
			begun := taken()
			sub.Drain() // what the kernel held
			eventually(t, "the source goes on", func() bool { return taken() > begun+100_000 })
			filler := 0
			for _, m := range sub.Drain() {
				filler += len(m.Data)
			}
			if filler > 20_000 {
				t.Errorf("%d bytes arrive at the relay of a muted feed", filler)
			}
			return true
		},
		"break": func(string) any {
			relay.SetFaults("/in/front", testrelay.Faults{Refuse: http.StatusServiceUnavailable, RefuseText: "<img src=x onerror=alert(1)>"})
			return relay.Drop("/in/front")
		},
		"mend": func(string) any { relay.SetFaults("/in/front", testrelay.Faults{}); return true },
		"stop": func(string) any { return a.end() == nil },
		"start": func(string) any {
			start(t, nil, agent.Config{Port: port(t, own)})
			return true
		},
	})
}

func feedBytes(t testing.TB, a *running, feed string) uint64 {
	t.Helper()
	var s status.Status
	_, text := a.request(t, "GET", "/api/stats", "")
	decode(t, text, &s)
	return s.Feeds[feed].Bytes
}

func port(t testing.TB, u *url.URL) (n int) {
	t.Helper()
	decode(t, u.Port(), &n)
	return n
}

// hangUp is a relay that closes every link with words of its own.
func hangUp(t testing.TB, words string) (address string) {
	t.Helper()
	upgrader := websocket.Upgrader{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ws, err := upgrader.Upgrade(w, r, nil)
		if err != nil {
			return
		}
		defer ws.Close()
		_ = ws.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(4001, words), time.Now().Add(patience))
		for err == nil { // until the close is answered
			_, _, err = ws.NextReader()
		}
	}))
	t.Cleanup(server.Close)
	return "ws" + strings.TrimPrefix(server.URL, "http")
}
