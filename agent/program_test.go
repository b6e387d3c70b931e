package agent_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// program builds the real one, once.
var program = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "vw-program")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "vw")
	if out, err := exec.Command("go", "build", "-o", path, "vw/cmd/vw").CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return path, nil
})

// A process is vw stream.
type process struct {
	cmd  *exec.Cmd
	log  *logbook
	url  string
	once sync.Once
}

// launch starts vw stream on a free port and waits until it answers.
func launch(t testing.TB, environ ...string) *process {
	t.Helper()
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := ln.Addr().(*net.TCPAddr).Port
	ln.Close()
	p := &process{cmd: exec.Command(path, "stream"), log: &logbook{}, url: fmt.Sprintf("http://127.0.0.1:%d", port)}
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "VW_") {
			p.cmd.Env = append(p.cmd.Env, v)
		}
	}
	p.cmd.Env = append(append(p.cmd.Env, fmt.Sprintf("VW_PORT=%d", port), "VW_NAME=agent1"), environ...)
	p.cmd.Stdout, p.cmd.Stderr = p.log, p.log
	p.cmd.Dir = t.TempDir()
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.kill(t) })
	p.log.await(t, `"started"`)
	return p
}

// kill ends it as nothing can be ended more rudely.
func (p *process) kill(t testing.TB) {
	p.once.Do(func() {
		if err := p.cmd.Process.Kill(); err != nil {
			t.Error(err)
		}
		_ = p.cmd.Wait() // it was killed
	})
}

// call is one of curl's.
func (p *process) call(ctx context.Context, method, path, body string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, method, p.url+path, strings.NewReader(body))
	if err != nil {
		return "", err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("HTTP %d: %s", resp.StatusCode, text)
	}
	return strings.TrimSpace(string(text)), err
}
