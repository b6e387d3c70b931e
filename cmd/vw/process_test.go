//go:build unix

package main_test

import (
	"bytes"
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience bounds every wait for something that must happen.
const patience = 20 * time.Second

// prompt is how long the program may take to end when it is told to.
const prompt = 2 * time.Second

// programDir makes a folder with the program in it.
func programDir(t *testing.T) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.Symlink(self, filepath.Join(dir, "vw")); err != nil {
		t.Fatal(err)
	}
	return dir
}

// A transcript keeps what a process prints, for whoever waits for a line.
type transcript struct {
	mu      sync.Mutex
	text    bytes.Buffer
	changed chan struct{} // closed and replaced at every write
}

func (l *transcript) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.changed != nil {
		close(l.changed)
	}
	l.changed = make(chan struct{})
	return l.text.Write(b)
}

func (l *transcript) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// A process is one that the tests have started, and end.
type process struct {
	*exec.Cmd
	out, err transcript
	gone     chan struct{}
}

// begin starts a process with these variables besides those of the tests, none
// of which begins with VW_. Of a name the last counts.
func begin(t *testing.T, dir string, environ []string, name string, args ...string) *process {
	t.Helper()
	p := &process{Cmd: exec.Command(name, args...), gone: make(chan struct{})}
	p.Dir, p.Stdout, p.Stderr = dir, &p.out, &p.err
	p.WaitDelay = time.Second
	own := slices.DeleteFunc(os.Environ(), func(line string) bool { return strings.HasPrefix(line, "VW_") })
	// a program with the race detector in it would wait for a second at its end
	p.Env = append(append(own, "GORACE=atexit_sleep_ms=0"), environ...)
	// so that what a shell has started can be told to end with it
	p.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = p.Wait() // ProcessState tells
		close(p.gone)
	}()
	t.Cleanup(func() {
		p.signal(syscall.SIGKILL)
		<-p.gone
	})
	return p
}

// vw starts the program.
func vw(t *testing.T, environ []string, args ...string) *process {
	t.Helper()
	return begin(t, t.TempDir(), environ, filepath.Join(programDir(t), "vw"), args...)
}

func (p *process) signal(s syscall.Signal) {
	select {
	case <-p.gone:
	default:
		_ = syscall.Kill(-p.Process.Pid, s)
	}
}

// ended is the exit code, which has to come within d.
func (p *process) ended(t *testing.T, d time.Duration) int {
	t.Helper()
	select {
	case <-p.gone:
		return p.ProcessState.ExitCode()
	case <-time.After(d):
		t.Fatalf("it did not end within %v:\n%s%s", d, &p.out, &p.err)
		return -1
	}
}

// says waits until the process has printed a text.
func (p *process) says(t *testing.T, l *transcript, text string) {
	t.Helper()
	late := time.After(patience)
	for {
		l.mu.Lock()
		said, changed := strings.Contains(l.text.String(), text), l.changed
		if changed == nil {
			l.changed = make(chan struct{})
			changed = l.changed
		}
		l.mu.Unlock()
		if said {
			return
		}
		select {
		case <-changed:
		case <-p.gone:
			if !strings.Contains(l.String(), text) {
				t.Fatalf("it ended without saying %q:\n%s%s", text, &p.out, &p.err)
			}
		case <-late:
			t.Fatalf("it did not say %q:\n%s%s", text, &p.out, &p.err)
		}
	}
}

// freePort is one that nobody has on 127.0.0.1 and ::1 now.
func freePort(t *testing.T) string {
	t.Helper()
	for {
		four, err := net.Listen("tcp4", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		_, port, _ := net.SplitHostPort(four.Addr().String())
		six, err := net.Listen("tcp6", "[::1]:"+port)
		four.Close()
		if err == nil {
			six.Close()
		}
		if err == nil || !strings.Contains(err.Error(), "in use") {
			return port
		}
	}
}

// eventually waits for what shows nowhere but in a state that has to be asked for.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-ctx.Done():
			t.Fatalf("it did not come to this: %s", what)
		case <-tick.C:
		}
	}
}

// oneLine holds a complaint to one line that begins with the command's name
// and holds the words.
func oneLine(t *testing.T, complaint, command string, words ...string) {
	t.Helper()
	if !strings.HasPrefix(complaint, command+": ") || strings.Count(complaint, "\n") != 1 {
		t.Errorf("the complaint is not one line of %s:\n%s", command, complaint)
	}
	if strings.Contains(complaint, "strconv") {
		t.Errorf("this speaks of the program's inside: %s", complaint)
	}
	for _, word := range words {
		if !strings.Contains(complaint, word) {
			t.Errorf("%q is not in the complaint: %s", word, complaint)
		}
	}
}

// noPath is an environment in which no other program is found.
func noPath(t *testing.T) []string { return []string{"PATH=" + t.TempDir()} }
