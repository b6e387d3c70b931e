package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// start runs the command and returns the lines it begins with; it ends with
// the test, which fails unless the end is a clean one.
func start(t *testing.T, args ...string) []string {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	out, stdout := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		err := run(ctx, append([]string{"--listen", "127.0.0.1:0"}, args...), stdout, io.Discard)
		stdout.CloseWithError(err)
		ended <- err
	}()
	t.Cleanup(func() {
		cancel()
		select {
		case err := <-ended:
			if err != nil {
				t.Errorf("run: %v", err)
			}
		case <-time.After(10 * time.Second):
			t.Error("the command did not end with its context")
		}
	})
	var lines []string
	for s := bufio.NewScanner(out); len(lines) < 5; {
		if !s.Scan() {
			t.Fatalf("after %q: %v", lines, s.Err())
		}
		lines = append(lines, s.Text())
	}
	return lines
}

// topic is the line of a way with a topic's name put in.
func topic(t *testing.T, line, name string) string {
	t.Helper()
	url, ok := strings.CutSuffix(line, "<topic>")
	if !ok {
		t.Fatalf("no URL: %q", line)
	}
	return url + name
}

func TestCommandRelaysAtTheAddressesItPrints(t *testing.T) {
	ca := filepath.Join(t.TempDir(), "ca.pem")
	lines := start(t, "--tls", "--ca-out", ca, "--token", "t0ken")
	pem, err := os.ReadFile(ca)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem)
	dialer := websocket.Dialer{TLSClientConfig: &tls.Config{RootCAs: pool}}
	header := http.Header{"Authorization": {"Bearer t0ken"}}
	var links []*websocket.Conn
	for _, line := range lines[:3] {
		if ws, _, err := dialer.Dial(topic(t, line, "video0"), nil); err == nil {
			ws.Close()
			t.Errorf("%s: let in without a token", line)
		}
		ws, _, err := dialer.Dial(topic(t, line, "video0"), header)
		if err != nil {
			t.Fatal(err)
		}
		defer ws.Close()
		links = append(links, ws)
	}
	// A pong from /out says that it can be given to from now on.
	out := links[1]
	ponged := make(chan struct{})
	out.SetPongHandler(func(string) error { close(ponged); return nil })
	got := make(chan []byte, 1)
	go func() {
		_, data, _ := out.ReadMessage()
		got <- data
	}()
	if err := out.WriteMessage(websocket.PingMessage, nil); err != nil {
		t.Fatal(err)
	}
	<-ponged
	if err := links[0].WriteMessage(websocket.BinaryMessage, []byte("packet")); err != nil {
		t.Fatal(err)
	}
	if data := <-got; string(data) != "packet" {
		t.Errorf("/out gave %q", data)
	}
}

func TestProgramEndsCleanlyOnSIGTERM(t *testing.T) {
	program := filepath.Join(t.TempDir(), "testrelay")
	if out, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, "--listen", "127.0.0.1:0")
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	out := bufio.NewScanner(stdout)
	if !out.Scan() {
		t.Fatalf("no address: %v", out.Err())
	}
	ws, _, err := websocket.DefaultDialer.Dial(topic(t, out.Text(), "a"), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer ws.Close()
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if _, _, err := ws.ReadMessage(); !websocket.IsCloseError(err, websocket.CloseGoingAway) {
		t.Errorf("client saw %v", err)
	}
	for out.Scan() {
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("exit: %v", err)
	}
}

func TestTryLineFitsTheOptions(t *testing.T) {
	for _, c := range []struct {
		args []string
		want []string
	}{
		{nil, []string{"try: websocat ws://127.0.0.1:"}},
		{[]string{"--tls"}, []string{"--insecure", "wss://"}},
		{[]string{"--token", "secret"}, []string{`-H "Authorization: Bearer $TOKEN"`}},
		{[]string{"--token", "secret", "--auth", "message"}, []string{"websocat ws://"}},
		{[]string{"--token", "secret", "--auth", "access"}, []string{"curl -s -X POST", " http://127.0.0.1:"}},
	} {
		line := start(t, c.args...)[4]
		for _, want := range c.want {
			if !strings.Contains(line, want) {
				t.Errorf("%q: %q lacks %q", c.args, line, want)
			}
		}
		if strings.Contains(line, "secret") {
			t.Errorf("%q: %q shows the token", c.args, line)
		}
	}
}

func TestSenselessCommandLinesAreUsageErrors(t *testing.T) {
	for _, args := range [][]string{
		{"--nonsense"}, {"word"}, {"--auth", "bearer"}, {"--auth", "magic", "--token", "t"}, {"--ca-out", "x"}, {"--listen"},
		{"--cert", "x"}, {"--token", "t", "--tokens", "x"}, {"--queue", "0"}, {"--ping", "1ms"}, {"--log-format", "xml"},
	} {
		if err := run(t.Context(), args, io.Discard, io.Discard); !errors.Is(err, errUsage) {
			t.Errorf("%q: %v", args, err)
		}
	}
}

func TestHelpNamesEveryFlagAndIsNoError(t *testing.T) {
	var out bytes.Buffer
	if err := run(t.Context(), []string{"--help"}, &out, io.Discard); err != nil {
		t.Fatal(err)
	}
	for _, flag := range []string{"--listen", "--tokens", "--cert", "--key", "--max-clients", "--max-topics", "--max-message", "--queue", "--ping",
		"--log-format", "--tls", "--ca-out", "--token", "--auth", "--glue"} {
		if !strings.Contains(out.String(), flag) {
			t.Errorf("help lacks %s", flag)
		}
	}
}

func TestAddressInUseIsAnErrorNotAUsageError(t *testing.T) {
	addr := strings.TrimPrefix(strings.TrimSuffix(start(t)[0], "/in/<topic>"), "ws://")
	err := run(t.Context(), []string{"--listen", addr}, io.Discard, io.Discard)
	if err == nil || errors.Is(err, errUsage) {
		t.Errorf("second listener on %s: %v", addr, err)
	}
}

func TestNobodyIsLetInFromBeyondThisMachineWithoutTokens(t *testing.T) {
	for _, addr := range []string{":0", "0.0.0.0:0", "[::]:0"} {
		err := run(t.Context(), []string{"--listen", addr}, io.Discard, io.Discard)
		if !errors.Is(err, errUsage) || !strings.Contains(err.Error(), "--tokens") || !strings.Contains(err.Error(), "127.0.0.1") {
			t.Errorf("%s: %v", addr, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	tokens := filepath.Join(t.TempDir(), "tokens")
	for text, words := range map[string]string{
		"0123456789abcdef bi *\n":               "",
		"# one\n0123456789abcdef bi\n":          "line 2: it has 2 words",
		"0123456789abcdef out lab 2027-13-01\n": "line 1: ",
	} {
		if err := os.WriteFile(tokens, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		err := run(ctx, []string{"--listen", ":0", "--tokens", tokens}, io.Discard, io.Discard)
		if (err == nil) != (words == "") || err != nil && !strings.Contains(err.Error(), words) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestTokensOfAFileLetIn(t *testing.T) {
	tokens := filepath.Join(t.TempDir(), "tokens")
	if err := os.WriteFile(tokens, []byte("0123456789abcdef bi chat\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	url := topic(t, start(t, "--tokens", tokens)[2], "chat")
	if _, _, err := websocket.DefaultDialer.Dial(url, http.Header{"Authorization": {"Bearer wrong"}}); err == nil {
		t.Error("a wrong token is let in")
	}
	ws, _, err := websocket.DefaultDialer.Dial(url, http.Header{"Authorization": {"Bearer 0123456789abcdef"}})
	if err != nil {
		t.Fatal(err)
	}
	ws.Close()
}
