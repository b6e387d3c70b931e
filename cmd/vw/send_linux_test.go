package main

import (
	"bufio"
	"bytes"
	"os"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"vw/cmd/vw/cli"
	"vw/testrelay"
)

// terminal is a pseudo-terminal: what is typed, and where it arrives.
func terminal(t *testing.T) (keys, tty *os.File) {
	t.Helper()
	keys, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	unlocked := int32(0)
	if _, _, e := syscall.Syscall(syscall.SYS_IOCTL, keys.Fd(), syscall.TIOCSPTLCK, uintptr(unsafe.Pointer(&unlocked))); e != 0 {
		t.Fatal(e)
	}
	const getPeer = 0x5441 // TIOCGPTPEER of Linux 4.13
	fd, _, e := syscall.Syscall(syscall.SYS_IOCTL, keys.Fd(), getPeer, syscall.O_RDWR|syscall.O_NOCTTY)
	if e != 0 {
		t.Fatal(e)
	}
	tty = os.NewFile(fd, "tty")
	t.Cleanup(func() {
		keys.Close()
		tty.Close()
	})
	return keys, tty
}

func TestSendSendsWhatIsTypedWhenItIsTyped(t *testing.T) {
	r := relay(t, testrelay.Config{})
	listener(t, r, "/bi/lab", "pi")
	keys, tty := terminal(t)
	out, stdout, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	code := make(chan int, 1)
	var prompts bytes.Buffer
	go func() {
		defer stdout.Close()
		code <- run(t.Context(), []string{"send", "--to", r.URL() + "/bi/lab?x", "--timeout", "2s"}, nil, tty, stdout, &prompts)
	}()
	lines := bufio.NewScanner(out)
	for _, step := range []struct{ typed, want string }{
		{healthcheck + "\n", `{"healthcheck":"ok"}`},
		{`{"verb":"list","what":"stream","which":"a"}` + "\n" + `{"verb":"frob"}` + "\n", `{"feeds":null}`},
		{"", `{"error":"Unrecognised Command",`},
		{"healthcheck\n" + `{"verb":"healthcheck","to":"nobody"}` + "\n\n" + healthcheck + "\n", `{"healthcheck":"ok"}`},
	} {
		if _, err := keys.WriteString(step.typed); err != nil {
			t.Fatal(err)
		}
		if !lines.Scan() || !strings.HasPrefix(lines.Text(), step.want) {
			t.Fatalf("%q brought %q, not %q", step.typed, lines.Text(), step.want)
		}
	}
	if _, err := keys.WriteString("\x04"); err != nil { // Ctrl-D
		t.Fatal(err)
	}
	if c := <-code; c != cli.Failed { // two were not acknowledged, and one not sent
		t.Errorf("code %d", c)
	}
	for _, said := range []string{"Ctrl-D ends.\n> > > > not sent: it is no JSON object", "/bi/lab: no answer within 2s: the link is up, but no agent answers on it\n"} {
		if !strings.Contains(prompts.String(), said) {
			t.Errorf("%q is not said:\n%s", said, &prompts)
		}
	}
}

func TestSendGoesOnAfterARelayThatIsNotThere(t *testing.T) {
	keys, tty := terminal(t)
	if _, err := keys.WriteString(healthcheck + "\n" + healthcheck + "\n\x04"); err != nil {
		t.Fatal(err)
	}
	code, out, complaint := sent(t.Context(), tty, "--json", "--to", "ws://127.0.0.1:1/bi/a", "--to", "ws://127.0.0.1:1/bi/b")
	if code != cli.Failed || strings.Count(out, "connection refused") != 4 || !strings.HasSuffix(complaint, "> > > \n") {
		t.Errorf("code %d, %s%s", code, out, complaint)
	}
}

func TestSendTakesNoDeviceForATerminal(t *testing.T) {
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	if code, _, complaint := sent(t.Context(), null, "--to", "ws://localhost:1/bi/lab"); code != cli.Usage || !strings.Contains(complaint, "which command?") {
		t.Errorf("code %d, %s", code, complaint)
	}
}
