package client

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/user"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"vw/agent/owner"
)

func TestListenersAreThoseThatLoopbackReaches(t *testing.T) {
	const head = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
	row := func(address string, state string, uid int) string {
		return fmt.Sprintf("   0: %s 00000000:0000 %s 00000000:00000000 00:00000000 00000000  %d        0 1 1 0 100 0 0 10 0\n", address, state, uid)
	}
	table := head +
		row("0100007F:22B8", "0A", 1) + row("00000000:22B8", "0A", 2) +
		row("00000000000000000000000000000000:22B8", "0A", 3) + row("0000000000000000FFFF00000100007F:22B8", "0A", 4) +
		row("00000000000000000000000001000000:22B8", "0A", 5) + // ::1 is not asked
		row("0100007F:22B9", "0A", 6) + row("0100007F:22B8", "01", 7) + row("0200007F:22B8", "0A", 8) + "nonsense\n"
	if got := listeners(table, 0x22b8); !slices.Equal(got, []string{"1", "2", "3", "4"}) {
		t.Errorf("got %q", got)
	}
	if got := listeners(table, 1); len(got) > 0 {
		t.Errorf("got %q", got)
	}
}

// ofNobody serves on a port that is the user nobody's, as a program of theirs
// would. Only root can do that.
func ofNobody(t *testing.T, handle http.HandlerFunc) (port string) {
	t.Helper()
	const nobody = 65534
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := syscall.Setfsuid(nobody); err != nil { // a socket is its maker's
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err := errors.Join(err, syscall.Setfsuid(os.Getuid())); err != nil {
		t.Fatal(err)
	}
	server := &httptest.Server{Listener: ln, Config: &http.Server{Handler: handle}}
	server.Start()
	t.Cleanup(server.Close)
	return strconv.Itoa(ln.Addr().(*net.TCPAddr).Port)
}

func TestStrangerWhoHasTakenThePortIsNotBelieved(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can make another user's socket")
	}
	nobody, err := user.Lookup("nobody")
	if err != nil {
		t.Fatal(err)
	}
	asked := false
	url := "http://127.0.0.1:" + ofNobody(t, func(w http.ResponseWriter, _ *http.Request) {
		asked = true
		fmt.Fprintln(w, `{"mutes":["mic"],"locked":true,"kept":true,"instance":"x"}`)
	})
	stranger := New(Config{URL: url, User: "vw"})
	for name, ask := range map[string]func() error{
		"status": func() error { _, _, err := stranger.Status(t.Context()); return err },
		"feeds":  func() error { _, err := stranger.Feeds(t.Context()); return err },
		"mute":   func() error { _, err := stranger.Mute(t.Context(), "mic", owner.When{}); return err },
		"unmute": func() error { _, err := stranger.Unmute(t.Context(), "mic"); return err },
		"lock":   func() error { _, err := stranger.Lock(t.Context(), true); return err },
		"post":   func() error { return stranger.Post(t.Context(), "mic", strings.NewReader("x")) },
	} {
		if err := ask(); err == nil || asked || !strings.Contains(err.Error(), "is nobody's, who is neither you nor root nor vw") {
			t.Errorf("%s: asked %v, %v", name, asked, err)
		}
	}
	if _, _, err := New(Config{URL: url, User: "nobody"}).Status(t.Context()); err != nil || !asked {
		t.Errorf("one that was named: %v", err)
	}
	t.Setenv("SUDO_UID", nobody.Uid)
	if _, _, err := stranger.Status(t.Context()); err != nil {
		t.Errorf("that of the user who called sudo: %v", err)
	}
}
