package attack_test

import (
	"context"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"golang.org/x/sys/unix"

	"vw/testrelay"
)

// relayVariable has the test's program be a relay, at the address that it holds.
const relayVariable = "VW_ATTACK_RELAY"

func beRelay() {
	address := os.Getenv(relayVariable)
	if address == "" {
		return
	}
	relay, err := testrelay.New(testrelay.Config{})
	if err != nil {
		panic(err)
	}
	ln, err := net.Listen("tcp", address)
	if err != nil {
		panic(err)
	}
	_ = relay.Serve(context.Background(), ln) // until it is killed
	os.Exit(1)
}

// runRelay runs a relay as a process of its own, until it is killed.
func runRelay(t testing.TB, address string) (kill func()) {
	t.Helper()
	cmd := exec.Command("/proc/self/exe", "-test.run=^$")
	cmd.Env = append(os.Environ(), relayVariable+"="+address)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	kill = func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // it was killed
	}
	t.Cleanup(kill)
	return kill
}

// commands waits until a command on the agent's channel is answered.
func commands(t testing.TB, url string) {
	t.Helper()
	eventually(t, "a command is answered", func() bool {
		ws, _, err := websocket.DefaultDialer.DialContext(patient(t), url, nil)
		if err != nil {
			return false
		}
		defer ws.Close()
		_ = ws.SetReadDeadline(time.Now().Add(time.Second))
		if err := ws.WriteMessage(websocket.TextMessage, []byte(`{"verb":"healthcheck"}`)); err != nil {
			return false
		}
		_, reply, err := ws.ReadMessage()
		return err == nil && strings.Contains(string(reply), `"ok"`)
	})
}

// flow posts to a feed until the test ends.
func (v *victim) flow(feed string) {
	v.t.Helper()
	body := v.post(feed)
	tick := time.NewTicker(20 * time.Millisecond)
	v.t.Cleanup(tick.Stop)
	go func() {
		for n := 0; ; n += 7 {
			if _, err := body.Write(packets(0x100, n, 7)); err != nil {
				return // the test has ended
			}
			<-tick.C
		}
	}()
}

// listens waits until the agent of a process can be asked.
func (v *victim) listens() {
	v.t.Helper()
	eventually(v.t, "the agent listens", func() bool {
		resp, err := http.Get(v.url + "/healthcheck")
		if err == nil {
			resp.Body.Close()
		}
		return err == nil
	})
}

func TestRelayThatIsKilledAndStartedAgainIsCarriedToAsBefore(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := ln.Addr().String()
	ln.Close()
	kill := runRelay(t, address)
	v, _, _ := launchTo(t, "ws://"+address)
	v.listens()
	v.owner(http.MethodPost, "/api/destinations", jsonOf(rule{ID: "0", Stream: "cam", Destination: "ws://" + address + "/in/cam"}))
	v.flow("cam")
	arrives := func() {
		t.Helper()
		eventually(t, "the picture arrives", func() bool {
			ws, _, err := websocket.DefaultDialer.DialContext(patient(t), "ws://"+address+"/out/cam", nil)
			if err != nil {
				return false
			}
			defer ws.Close()
			_ = ws.SetReadDeadline(time.Now().Add(time.Second))
			_, _, err = ws.ReadMessage()
			return err == nil
		})
	}
	for range 2 {
		arrives()
		commands(t, "ws://"+address+"/bi/victim")
		kill()
		kill = runRelay(t, address)
	}
	arrives()
}

// A laptop whose lid is shut, or a machine that is overloaded, stops a process for
// longer than its links last.
func TestAgentThatIsStoppedAndContinuedGoesOn(t *testing.T) {
	relay := listen(t, testrelay.Config{PingInterval: 100 * time.Millisecond}) // three without an answer, and it cuts off
	v, pid, _ := launchTo(t, relay.URL())
	v.relay = relay
	v.listens()
	v.owner(http.MethodPost, "/api/destinations", jsonOf(rule{ID: "0", Stream: "cam", Destination: relay.URL() + "/in/cam"}))
	v.flow("cam")
	sub := relay.Subscribe("cam")
	arrives := func() {
		t.Helper()
		if _, err := sub.Next(patient(t)); err != nil {
			t.Fatal("the picture does not arrive")
		}
	}
	arrives()
	commands(t, relay.URL()+"/bi/victim")
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	_, err := relay.Await(patient(t), "/in/cam", func(all []testrelay.Visit) bool { return testrelay.Up(all) == 0 })
	if e := syscall.Kill(pid, syscall.SIGCONT); err != nil || e != nil {
		t.Fatal("its links outlast it", err, e)
	}
	sub.Drain()
	arrives()
	commands(t, relay.URL()+"/bi/victim")
}

func TestAgentWithoutFileDescriptorsGoesOnAndTellsWhy(t *testing.T) {
	v, pid, _ := launch(t, "VW_STATE=state")
	v.add(rule{ID: "0", Stream: "cam", Destination: v.relay.URL() + "/in/cam"})
	v.flow("cam")
	sub := v.relay.Subscribe("cam")
	arrives := func() {
		t.Helper()
		sub.Drain()
		if _, err := sub.Next(patient(t)); err != nil {
			t.Fatal("the picture does not arrive")
		}
	}
	arrives()
	v.combine("before", "cam")
	var before unix.Rlimit
	if err := unix.Prlimit(pid, unix.RLIMIT_NOFILE, nil, &before); err != nil {
		t.Fatal(err)
	}
	none := unix.Rlimit{Cur: 3, Max: before.Max} // those that are open stay so
	if err := unix.Prlimit(pid, unix.RLIMIT_NOFILE, &none, nil); err != nil {
		t.Fatal(err)
	}
	const word = "too many open files"
	if reply := v.add(rule{ID: "1", Stream: "cam", Destination: v.relay.URL() + "/in/other"}); refused(reply) {
		t.Errorf("a rule is answered %s", reply)
	}
	eventually(t, "status tells why there is no link", func() bool { return strings.Contains(v.status().Destinations["1"].LastError, word) })
	if s := v.status(); !strings.Contains(s.StateError, word) {
		t.Errorf("of the state is told %q", s.StateError)
	}
	arrives()
	if err := unix.Prlimit(pid, unix.RLIMIT_NOFILE, &before, nil); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the link comes up", func() bool { return v.status().Destinations["1"].State == "up" })
	v.combine("after", "cam")
	if s := v.status(); s.StateError != "" {
		t.Errorf("of the state is told %q", s.StateError)
	}
	v.owner(http.MethodGet, "/api/stats", "")
	arrives()
}
