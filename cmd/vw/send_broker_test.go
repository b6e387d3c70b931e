package main

import (
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

func TestSendCommandsAgentsOfABroker(t *testing.T) {
	t.Parallel()
	url := broker(t)
	for _, name := range []string{"lab1", "lab2"} {
		running(t, agent.Config{API: url, Name: name})
	}
	deadline := time.Now().Add(20 * time.Second)
	for _, name := range []string{"lab1", "lab2"} { // they are there when they answer
		for code, why := 1, ""; code != 0; code, _, why = sent(t.Context(), nil, "--to", url+"#"+name, "--timeout", "1s", healthcheck) {
			if time.Now().After(deadline) {
				t.Fatalf("%s does not answer: %s", name, why)
			}
		}
	}
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
