package main_test

import (
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"vw/testrelay"
)

// notifications is a service manager's socket.
func notifications(t *testing.T) (path string, next func() string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "vw") // short: a socket's path is at most 107 bytes
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	path = filepath.Join(dir, "notify")
	socket, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { socket.Close() })
	return path, func() string {
		t.Helper()
		b := make([]byte, 4096)
		_ = socket.SetReadDeadline(time.Now().Add(patience))
		n, err := socket.Read(b)
		if err != nil {
			t.Fatalf("the manager is told nothing: %v", err)
		}
		return string(b[:n])
	}
}

func TestServiceManagerIsToldHowTheAgentIs(t *testing.T) {
	path, next := notifications(t)
	p, url := stream(t, []string{"NOTIFY_SOCKET=" + path, "WATCHDOG_USEC=300000"})
	const ready = "READY=1\nWATCHDOG=1\nSTATUS="
	if got, want := next(), ready+"All is as the rules, and you, want it: nothing: there is no destination rule"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	resp, err := http.Post(url+"/api/destinations", "", strings.NewReader(`{"id":"0","stream":"cam","destination":"ws://127.0.0.1:1/in/cam"}`))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	for got := ""; !strings.HasPrefix(got, ready+"Something is wrong: "); {
		if got = next(); !strings.HasPrefix(got, ready) {
			t.Fatalf("%q", got)
		}
	}
	p.signal(syscall.SIGTERM)
	for got := ""; got != "STOPPING=1"; {
		got = next()
	}
	if code := p.ended(t, patience); code != 0 {
		t.Errorf("code %d", code)
	}
}

func TestTokenIsReadFromTheServiceManagersCredentials(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "vw.api-token"), []byte(secret+"\n"), 0o400); err != nil {
		t.Fatal(err)
	}
	relay := listenRelay(t, testrelay.Config{Auth: testrelay.BearerAuth, Token: secret})
	p, base := stream(t, []string{"CREDENTIALS_DIRECTORY=" + dir, "VW_API=" + relay.URL() + "/bi/lab1"})
	p.says(t, &p.err, `"msg":"link up"`)
	if strings.Contains(p.err.String(), secret) {
		t.Errorf("the token is in the log: %s", &p.err)
	}
	// it is the folder of the rules' credentials too, but not for vw's own
	for name, want := range map[string]string{"vw.api-token": "vw's own", "relay1": `"credential":"relay1"`} {
		rule := `{"id":"0","stream":"v","destination":"` + relay.URL() + `/in/v","credential":"` + name + `"}`
		resp, err := http.Post(base+"/api/destinations", "application/json", strings.NewReader(rule))
		if err != nil {
			t.Fatal(err)
		}
		got, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if !strings.Contains(string(got), want) {
			t.Errorf("%s: %s", name, got)
		}
	}
	bad := t.TempDir()
	if err := os.Mkdir(filepath.Join(bad, "vw.api-token"), 0o700); err != nil {
		t.Fatal(err)
	}
	q := vw(t, []string{"CREDENTIALS_DIRECTORY=" + bad}, "stream")
	if code := q.ended(t, patience); code != 2 {
		t.Errorf("code %d", code)
	}
	oneLine(t, q.err.String(), "vw stream", "vw.api-token")
}

func TestUnitOfThePackageStartsTheAgent(t *testing.T) {
	unit := document(t, "dist/vw.service")
	line := func(key string) string {
		t.Helper()
		_, rest, found := strings.Cut(unit, "\n"+key+"=")
		if !found {
			t.Fatalf("the unit has no %s", key)
		}
		value, _, _ := strings.Cut(rest, "\n")
		return value
	}
	state := t.TempDir()
	environ := strings.Fields(strings.ReplaceAll(line("Environment"), "/var/lib/vw", state))
	command := strings.Fields(line("ExecStart"))
	if command[0] != "/usr/bin/vw" || line("WorkingDirectory") != "/var/lib/"+line("StateDirectory") {
		t.Errorf("%s in %s", command, line("WorkingDirectory"))
	}
	path, next := notifications(t)
	port := freePort(t)
	p := vw(t, append(environ, "NOTIFY_SOCKET="+path, "VW_PORT="+port), command[1:]...)
	if got := next(); !strings.HasPrefix(got, "READY=1\n") {
		t.Errorf("%q", got)
	}
	if mute := vw(t, nil, "mute", "--port", port, "cam"); mute.ended(t, patience) != 0 || !strings.Contains(mute.out.String(), "outlives a restart") {
		t.Errorf("%s%s", &mute.out, &mute.err)
	}
	p.signal(syscall.SIGTERM)
	if code := p.ended(t, patience); code != 0 || !strings.Contains(p.err.String(), "msg=started") || strings.Contains(p.err.String(), "no meaning") {
		t.Errorf("code %d\n%s", code, &p.err)
	}
	if files, _ := filepath.Glob(filepath.Join(state, "state.json*")); len(files) == 0 {
		t.Error("no state was saved where the unit says")
	}
}
