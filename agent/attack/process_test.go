package attack_test

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"vw/testrelay"
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

// launch runs vw stream as a process of its own until the test ends: for what
// only a process shows. Its log is a file. An attacker holds its command channel.
func launch(t testing.TB, environ ...string) (v *victim, pid int, logFile string) {
	t.Helper()
	relay := listen(t, testrelay.Config{})
	v, pid, logFile = launchTo(t, relay.URL(), environ...)
	v.relay = relay
	v.join()
	return v, pid, logFile
}

// launchTo runs one whose command channel is at a relay that nobody has joined.
func launchTo(t testing.TB, relay string, environ ...string) (v *victim, pid int, logFile string) {
	t.Helper()
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	return launchAs(t, path, relay, environ...)
}

// launchAs runs the program of a file.
func launchAs(t testing.TB, path, relay string, environ ...string) (v *victim, pid int, logFile string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(ln.Addr().String())
	ln.Close()
	v = &victim{t: t, log: &logbook{}, url: "http://127.0.0.1:" + port}
	cmd := exec.Command(path, "stream")
	for _, e := range os.Environ() {
		if !strings.HasPrefix(e, "VW_") {
			cmd.Env = append(cmd.Env, e)
		}
	}
	cmd.Env = append(cmd.Env, "VW_PORT="+port, "VW_NAME=victim", "VW_API="+relay+"/bi/victim")
	cmd.Env = append(cmd.Env, environ...)
	cmd.Dir = t.TempDir()
	logFile = filepath.Join(cmd.Dir, "log")
	log, err := os.Create(logFile)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	v.end = sync.OnceFunc(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // it was killed
	})
	t.Cleanup(func() {
		v.end()
		if text, err := os.ReadFile(logFile); t.Failed() && err == nil {
			t.Logf("log:\n%.1000s", text)
		}
	})
	return v, cmd.Process.Pid, logFile
}
