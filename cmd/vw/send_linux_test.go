package main

import (
	"bufio"
	"bytes"
	"os"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"github.com/gorilla/websocket"

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

func TestSendConversesOnATerminal(t *testing.T) {
	r := relay(t, testrelay.Config{})
	listener(t, r, "/bi/lab", "pi")
	keys, tty := terminal(t)
	out, screen, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	var complaint bytes.Buffer
	code := make(chan int, 1)
	go func() {
		defer screen.Close()
		code <- run(t.Context(), []string{"send", "--to", r.URL() + "/bi/lab?x", "--timeout", "2s"}, nil, tty, screen, &complaint)
	}()
	lines := bufio.NewScanner(out)
	for _, step := range []struct{ typed, want string }{
		{"", r.URL() + "/bi/lab is there."},
		{"healthcheck\n", "> not sent: it is no JSON object"},
		{"\n" + healthcheck + "\n", `pi: {"healthcheck":"ok"}`},
		{`{"verb":"list","what":"stream","which":"a"}` + "\n" + `{"verb":"frob"}` + "\n", `pi: {"feeds":null}`},
		{"", `pi: {"error":"Unrecognised Command",`},
		{`{"verb":"healthcheck","to":"nobody"}` + "\n" + healthcheck + "\n", "> no answer within 2s"},
		{"", `pi: {"healthcheck":"ok"}`},
		{"\x04", "> "}, // Ctrl-D
	} {
		r.Send("/bi/lab", websocket.TextMessage, []byte(`{"ref":"r","from":"stranger","reply":{}}`))
		if _, err := keys.WriteString(step.typed); err != nil {
			t.Fatal(err)
		}
		if !lines.Scan() || !strings.Contains(lines.Text(), step.want) {
			t.Fatalf("%q brought %q, not %q", step.typed, lines.Text(), step.want)
		}
	}
	if c := <-code; c != cli.OK || complaint.Len() > 0 {
		t.Errorf("code %d, %s", c, complaint.String())
	}
}

func TestSendConversesWithOneURLAsLongAsItIsThere(t *testing.T) {
	r := relay(t, testrelay.Config{})
	_, tty := terminal(t)
	for _, args := range [][]string{{"--to", r.URL() + "/bi/other"}, {"--json"}} {
		code, _, complaint := sent(t.Context(), tty, append(args, "--to", r.URL()+"/bi/lab")...)
		if code != cli.Usage || !strings.Contains(complaint, "a conversation is with one URL") {
			t.Errorf("%q: code %d, %s", args, code, complaint)
		}
	}
	go func() {
		if err := r.AwaitClient(t.Context(), "/bi/lab"); err != nil {
			t.Error(err)
		}
		r.Drop("/bi/lab")
	}()
	if code, _, complaint := sent(t.Context(), tty, "--to", r.URL()+"/bi/lab"); code != cli.Failed || !strings.Contains(complaint, "/bi/lab: the link was lost: ") {
		t.Errorf("code %d, %s", code, complaint)
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
