package attack_test

import (
	"context"
	"encoding/binary"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"vw/testrelay"
)

// relayAt runs a relay at an address, until it is closed or the test ends.
func relayAt(t testing.TB, address string) (relay *testrelay.Relay, bound string, end func()) {
	t.Helper()
	relay, err := testrelay.New(testrelay.Config{})
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", address)
	if errors.Is(err, syscall.EADDRNOTAVAIL) {
		t.Skipf("this machine has no address for %s", address)
	} else if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- relay.Serve(ctx, ln) }()
	end = sync.OnceFunc(func() {
		cancel()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(end)
	return relay, ln.Addr().String(), end
}

// arrives waits for what is sent to a topic from now on.
func arrives(t testing.TB, relay *testrelay.Relay, topic string) {
	t.Helper()
	if _, err := relay.Subscribe(topic).Next(patient(t)); err != nil {
		t.Fatalf("nothing arrives at %s", topic)
	}
}

func TestOverIPv6AloneAnAgentIsFedCommandedAndForwards(t *testing.T) {
	t.Parallel()
	relay, at, end := relayAt(t, "[::1]:0")
	v, _, _ := launchTo(t, "ws://"+at)
	v.listens()
	v.url = strings.Replace(v.url, "127.0.0.1", "[::1]", 1)
	v.owner(http.MethodPost, "/api/destinations", jsonOf(rule{ID: "0", Stream: "cam", Destination: "ws://" + at + "/in/cam"}))
	v.flow("cam")
	for range 2 {
		commands(t, "ws://"+at+"/bi/victim")
		arrives(t, relay, "cam")
		end()
		relay, _, end = relayAt(t, at)
	}
	if _, _, err := v.local("/ws/cam").ReadMessage(); err != nil {
		t.Errorf("a local client gets nothing: %v", err)
	}
	v.owner(http.MethodPut, "/api/mutes/cam", "")
}

// A nameServer answers for the names that it is told.
type nameServer struct {
	mu    sync.Mutex
	names map[string]nameEntry
}

// A nameEntry is when the answer comes, and what is in it; without an address it never does.
type nameEntry struct {
	after time.Duration
	addrs []netip.Addr
}

func (s *nameServer) set(name string, after time.Duration, addrs ...string) {
	entry := nameEntry{after: after}
	for _, addr := range addrs {
		entry.addrs = append(entry.addrs, netip.MustParseAddr(addr))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.names[name] = entry
}

// serveNames is the only name server that processes of the tests know from now on.
func serveNames(t testing.TB) *nameServer {
	t.Helper()
	if !isolated {
		t.Skip("this system gives a process no network and no files of its own (user namespaces)")
	}
	conn, err := net.ListenPacket("udp", "127.0.0.1:53")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conf := filepath.Join(t.TempDir(), "resolv.conf")
	if err := os.WriteFile(conf, []byte("nameserver 127.0.0.1\nsearch .\noptions timeout:30\n"), 0o600); err != nil { // longer than a dial may take
		t.Fatal(err)
	}
	const system = "/etc/resolv.conf"
	if err := syscall.Mount(conf, system, "", syscall.MS_BIND, ""); err != nil {
		t.Skipf("%s cannot be another here: %v", system, err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(system, syscall.MNT_DETACH) })
	s := &nameServer{names: map[string]nameEntry{}}
	go func() {
		for b := make([]byte, 1500); ; {
			n, from, err := conn.ReadFrom(b)
			if err != nil {
				return // the test has ended
			}
			if after, answer := s.answer(b[:n]); answer != nil {
				time.AfterFunc(after, func() { _, _ = conn.WriteTo(answer, from) })
			}
		}
	}()
	return s
}

// answer is that to a question (RFC 1035, 4.1), nil for none.
func (s *nameServer) answer(question []byte) (after time.Duration, answer []byte) {
	const header = 12
	size := map[uint16]int{1: 4, 28: 16} // of an address, by the type that is asked for
	var labels []string
	at := header
	for at < len(question) && question[at] != 0 {
		next := at + 1 + int(question[at])
		if next >= len(question)-4 {
			return 0, nil
		}
		labels = append(labels, string(question[at+1:next]))
		at = next
	}
	end := at + 5 // the type and the class
	if len(question) < end {
		return 0, nil
	}
	s.mu.Lock()
	entry, known := s.names[strings.ToLower(strings.Join(labels, "."))]
	s.mu.Unlock()
	if known && entry.addrs == nil {
		return 0, nil
	}
	answer = append([]byte{question[0], question[1], 0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0}, question[header:end]...)
	kind := binary.BigEndian.Uint16(question[at+1:])
	if !known {
		answer[3] |= 3 // no such name
	}
	for _, addr := range entry.addrs {
		if raw := addr.AsSlice(); len(raw) == size[kind] {
			answer[7]++
			answer = append(answer, 0xc0, header, 0, byte(kind), 0, 1, 0, 0, 0, 0, 0, byte(len(raw)))
			answer = append(answer, raw...)
		}
	}
	return entry.after, answer
}

// A name that has addresses of both kinds leads to where a relay listens.
func TestRelayIsFoundAtWhicheverAddressOfItsNameItListens(t *testing.T) {
	names := serveNames(t)
	names.set("both.test", 0, "127.0.0.1", "::1")
	names.set("six.test", 0, "::1")
	relay, at, _ := relayAt(t, "[::1]:0")
	_, port, _ := net.SplitHostPort(at)
	v, _, _ := launchTo(t, "ws://"+at, "GODEBUG=netdns=go", "VW_ALLOW_PLAINTEXT=true")
	v.listens()
	for _, name := range []string{"both", "six"} {
		v.owner(http.MethodPost, "/api/destinations", jsonOf(rule{ID: name, Stream: "cam", Destination: "ws://" + name + ".test:" + port + "/in/" + name}))
	}
	v.flow("cam")
	arrives(t, relay, "both")
	arrives(t, relay, "six")
}

// A name server that is slow or dead is the trouble of the links alone that ask it.
func TestNameServerThatIsSlowOrSilentHoldsNothingElseUp(t *testing.T) {
	t.Parallel()
	names := serveNames(t)
	names.set("silent.test", 0)
	names.set("late.test", 8*time.Second, "127.0.0.1")
	names.set("moves.test", 0, "127.0.0.1")
	relay := listen(t, testrelay.Config{})
	v, _, _ := launchTo(t, relay.URL(), "GODEBUG=netdns=go", "VW_ALLOW_PLAINTEXT=true")
	v.relay = relay
	v.listens()
	v.join()
	_, port, _ := net.SplitHostPort(strings.TrimPrefix(relay.URL(), "ws://"))
	first, at, end := relayAt(t, "127.0.0.1:0")
	_, movingPort, _ := net.SplitHostPort(at)
	begun := time.Now()
	for _, r := range []rule{
		{ID: "cam", Stream: "cam", Destination: relay.URL() + "/in/cam"},
		{ID: "silent", Stream: "cam", Destination: "ws://silent.test:" + port + "/in/silent"},
		{ID: "access", Stream: "cam", Destination: "https://silent.test:" + port + "/session", Token: canary("silent")},
		{ID: "deleted", Stream: "cam", Destination: "ws://silent.test:" + port + "/in/deleted"},
		{ID: "unknown", Stream: "cam", Destination: "ws://unknown.test:" + port + "/in/unknown"},
		{ID: "late", Stream: "cam", Destination: "ws://late.test:" + port + "/in/late"},
		{ID: "moves", Stream: "cam", Destination: "ws://moves.test:" + movingPort + "/in/moves"},
	} {
		if reply := v.add(r); refused(reply) {
			t.Fatal(reply)
		}
	}
	v.ask(`{"verb":"delete","what":"destination","which":"deleted"}`)
	within(t, "seven rules and a deletion", time.Since(begun), time.Second)
	v.flow("cam")
	silence := v.longestSilence("cam")
	arrives(t, first, "moves")
	second, _, _ := relayAt(t, "127.0.0.2:"+movingPort)
	names.set("moves.test", 0, "127.0.0.2")
	end()
	arrives(t, second, "moves")
	eventually(t, "the name that is not known is told of", func() bool {
		return v.status().Destinations["unknown"].LastErrorCode == "no_such_host"
	})
	for _, id := range []string{"silent", "access"} {
		eventually(t, "the dial of "+id+" is given up", func() bool { return v.status().Destinations[id].LastError != "" })
		if d := v.status().Destinations[id]; d.LastErrorCode != "no_name_server" || !strings.Contains(d.LastError, "silent.test") {
			t.Errorf("of %s is told %s: %s", id, d.LastErrorCode, d.LastError)
		}
	}
	within(t, "to give a dial up", time.Since(begun), 11*time.Second)
	arrives(t, relay.Relay, "late")
	within(t, "the longest silence of another link", silence(), 500*time.Millisecond)
}

// longestSilence looks at what arrives at a topic, until it is asked how long nothing did.
func (v *victim) longestSilence(topic string) func() time.Duration {
	sub, ctx := v.relay.Subscribe(topic), v.t.Context()
	ctx, cancel := context.WithCancel(ctx)
	longest := make(chan time.Duration, 1)
	go func() {
		var most time.Duration
		for last, err := sub.Next(ctx); err == nil; {
			var m testrelay.Message
			if m, err = sub.Next(ctx); err == nil {
				most, last = max(most, m.At.Sub(last.At)), m
			}
		}
		longest <- most
	}()
	return func() time.Duration {
		cancel()
		return <-longest
	}
}
