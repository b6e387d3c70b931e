package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"vw/agent"
)

// broker is Debian's mosquitto on loopback, by websocket, until the test ends.
func broker(t *testing.T) (url string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	l.Close()
	dir := t.TempDir()
	conf := filepath.Join(dir, "mosquitto.conf")
	_, port, _ := net.SplitHostPort(addr)
	lines := "user root\nallow_anonymous true\n" +
		"listener 0 " + filepath.Join(dir, "socket") + "\n" + // websockets alone are no listeners to it
		"listener " + port + " 127.0.0.1\nprotocol websockets\n"
	if err := os.WriteFile(conf, []byte(lines), 0o600); err != nil {
		t.Fatal(err)
	}
	path, err := exec.LookPath("mosquitto")
	if err != nil {
		path = "/usr/sbin/mosquitto"
	}
	process := exec.Command(path, "-c", conf)
	if err := process.Start(); err != nil {
		t.Fatalf("start mosquitto: %v", err)
	}
	t.Cleanup(func() {
		_ = process.Process.Kill()
		_ = process.Wait()
	})
	for deadline := time.Now().Add(20 * time.Second); ; {
		c, err := net.Dial("tcp", addr)
		if err == nil {
			c.Close()
			return "ws+mqtt://" + addr + "/mqtt"
		}
		if time.Now().After(deadline) {
			t.Fatalf("mosquitto does not listen: %v", err)
		}
	}
}

// answers waits until agents of a broker do.
func answers(t *testing.T, url string, names ...string) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for _, name := range names {
		for code, why := 1, ""; code != 0; code, _, why = sent(t.Context(), nil, "--to", url+"#"+name, "--timeout", "1s", healthcheck) {
			if time.Now().After(deadline) {
				t.Fatalf("%s does not answer: %s", name, why)
			}
		}
	}
}

func TestSendCommandsAgentsOfABroker(t *testing.T) {
	t.Parallel()
	url := broker(t)
	for _, name := range []string{"lab1", "lab2"} {
		running(t, agent.Config{API: url, Name: name})
	}
	answers(t, url, "lab1", "lab2")
	code, out, complaint := sent(t.Context(), nil, "--to", url+"#lab1", healthcheck)
	if code != 0 || strings.TrimSpace(out) != `{"healthcheck":"ok"}` {
		t.Errorf("code %d, %s%s", code, out, complaint)
	}
	code, out, complaint = sent(t.Context(), nil, "--to", url+"#all", "--expect", "2", healthcheck)
	if code != 0 || !strings.Contains(out, "lab1") || !strings.Contains(out, "lab2") || !strings.Contains(out, "2 of 2 acknowledged") {
		t.Errorf("code %d, %s%s", code, out, complaint)
	}
	if code, out, complaint = sent(t.Context(), nil, "--to", url+"#nobody", "--timeout", "1s", healthcheck); code != 1 || !strings.Contains(complaint, "no answer") {
		t.Errorf("code %d, %s%s", code, out, complaint)
	}
	if code, _, complaint = sent(t.Context(), nil, "--to", url, healthcheck); code != 2 || !strings.Contains(complaint, "which agent") {
		t.Errorf("code %d, %s", code, complaint)
	}
}

// The program that the manual shows for brokers, as it stands but for where the
// broker is, and TLS.
func TestThePythonProgramForABrokerIsAnswered(t *testing.T) {
	t.Parallel()
	url := broker(t)
	running(t, agent.Config{API: url, Name: "lab1"})
	answers(t, url, "lab1")
	host, port, _ := net.SplitHostPort(strings.TrimSuffix(strings.TrimPrefix(url, "ws+mqtt://"), "/mqtt"))
	page, err := os.ReadFile("../../command/README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, program, _ := strings.Cut(string(page), "```py\n")
	program, _, _ = strings.Cut(program, "```\n")
	program = strings.NewReplacer(`"broker.example", 443`, fmt.Sprintf("%q, %s", host, port), "client.tls_set()", "").Replace(program)
	out, err := exec.CommandContext(t.Context(), "/usr/bin/python3", "-c", program).CombinedOutput()
	if err != nil || !strings.HasPrefix(string(out), "lab1 runs ") {
		t.Errorf("%v: %s", err, out)
	}
}
