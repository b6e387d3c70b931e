package soak_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// temp is a folder that is there until the tests have ended.
var temp string

// program builds the real one, once and without the race detector.
var program = sync.OnceValues(func() (string, error) {
	path := filepath.Join(temp, "vw")
	if out, err := exec.Command("go", "build", "-o", path, "vw/cmd/vw").CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return path, nil
})

// pingEvery is the time between the agent's pings: a link is dead after three.
const pingEvery = time.Second

// replyBound is how long a reply may take: a change of feeds is answered when
// what was removed has stopped, in 2 s at most.
const replyBound = 5 * time.Second

// An agent is vw stream, as a process.
type agent struct {
	t       testing.TB
	url     string // http://127.0.0.1:port
	dir     string
	logFile string
	cmd     *exec.Cmd
	http    http.Client
	ended   bool
}

// launch starts one, with a state file and a journal. Its channel is at the URL, none for "".
func launch(t testing.TB, api string) *agent {
	t.Helper()
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	port := freePort(t)
	a := &agent{t: t, url: "http://127.0.0.1:" + port, dir: t.TempDir()}
	a.http.Timeout = 30 * time.Second
	a.http.Transport = &http.Transport{DisableKeepAlives: true} // it shall hold none of ours
	a.logFile = filepath.Join(a.dir, "log")
	log, err := os.Create(a.logFile)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	a.cmd = exec.Command(path, "stream")
	a.cmd.Env = append(otherVariables(), "VW_PORT="+port, "VW_NAME=soak", "VW_API="+api, "VW_STATE=state", "VW_JOURNAL=journal",
		"VW_ALLOW_PLAINTEXT=true", fmt.Sprint("VW_PING_INTERVAL=", pingEvery))
	a.cmd.Dir, a.cmd.Stdout, a.cmd.Stderr = a.dir, log, log
	if err := a.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		a.kill()
		if text, err := os.ReadFile(a.logFile); t.Failed() && err == nil {
			t.Logf("the end of the log:\n%s", text[max(0, len(text)-8000):])
		}
	})
	return a
}

// freePort returns one of this machine that nobody listens at.
func freePort(t testing.TB) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	_, port, _ := net.SplitHostPort(ln.Addr().String())
	return port
}

// otherVariables are those of the environment that are not vw's.
func otherVariables() (all []string) {
	for _, e := range os.Environ() {
		if !strings.HasPrefix(e, "VW_") {
			all = append(all, e)
		}
	}
	return all
}

func (a *agent) kill() {
	if !a.ended {
		a.ended = true
		_ = a.cmd.Process.Kill()
		_ = a.cmd.Wait() // it was killed
	}
}

// stop ends it as systemd does, and holds that it ends well and has said nothing bad.
func (a *agent) stop() {
	a.t.Helper()
	begun := time.Now()
	a.ended = true
	if err := a.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		a.t.Fatal(err)
	}
	late := time.AfterFunc(30*time.Second, func() { _ = a.cmd.Process.Kill() })
	defer late.Stop()
	if err := a.cmd.Wait(); err != nil {
		a.t.Errorf("the agent ended with %v after %v", err, time.Since(begun))
	}
	text, err := os.ReadFile(a.logFile)
	if err != nil {
		a.t.Fatal(err)
	}
	for line := range bytes.Lines(text) {
		if bytes.Contains(line, []byte(`"level":"ERROR"`)) || bytes.Contains(line, []byte("panic")) {
			a.t.Errorf("the log says %s", line)
		}
	}
	a.t.Logf("it ended %v after it was asked to", time.Since(begun).Round(time.Millisecond))
}

// dump has the Go runtime write every goroutine to the log, which ends the agent.
func (a *agent) dump() {
	a.ended = true
	_ = a.cmd.Process.Signal(syscall.SIGQUIT)
	_ = a.cmd.Wait()
	text, _ := os.ReadFile(a.logFile)
	if at := bytes.Index(text, []byte("SIGQUIT")); at >= 0 {
		a.t.Logf("its goroutines:\n%.60000s", text[at:])
	}
	a.t.FailNow()
}

// request is one of curl's. The reply is that of a command: REST says of what it deleted but the name.
func (a *agent) request(method, path, body string) (string, error) {
	req, err := http.NewRequest(method, a.url+path, strings.NewReader(body))
	if err != nil {
		return "", err
	}
	resp, err := a.http.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if method == http.MethodDelete && strings.HasPrefix(string(text), `"`) {
		return `{"deleted":` + strings.TrimSpace(string(text)) + `}`, err
	}
	return strings.TrimSpace(string(text)), err
}

// here asks over the command channel of the agent's machine.
func (a *agent) here(command string) (string, error) {
	ws, _, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(a.url, "http")+"/ws/api", nil)
	if err != nil {
		return "", err
	}
	defer ws.Close()
	return ask(ws, command, "")
}

// ask sends a command, and returns the reply to it: that with the ref, unless that is "".
func ask(ws *websocket.Conn, command, ref string) (string, error) {
	if err := ws.WriteMessage(websocket.TextMessage, []byte(command)); err != nil {
		return "", err
	}
	_ = ws.SetReadDeadline(time.Now().Add(30 * time.Second))
	for {
		_, data, err := ws.ReadMessage()
		if err != nil || ref == "" {
			return string(data), err
		}
		var r struct {
			Ref   string
			Reply json.RawMessage
		}
		if json.Unmarshal(data, &r) == nil && r.Ref == ref && r.Reply != nil {
			return string(r.Reply), nil
		}
	}
}

// status is what the tests look at of the agent's status.
type status struct {
	Control      struct{ State string }
	Problems     []json.RawMessage
	Feeds        map[string]struct{ Condition string }
	Destinations map[string]struct {
		State string
		Queue struct{ Dropped uint64 }
	}
}

func (a *agent) status() (s status, err error) {
	text, err := a.request(http.MethodGet, "/api/stats", "")
	if err == nil {
		err = json.Unmarshal([]byte(text), &s)
	}
	return s, err
}
