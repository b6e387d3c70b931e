package agent_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"

	"vw/agent"
	"vw/agent/link"
	"vw/testrelay"
)

// nameServer answers every question for an address with the one that it holds.
func nameServer(t *testing.T, holds *atomic.Pointer[netip.Addr]) string {
	t.Helper()
	conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	go func() {
		b := make([]byte, 512)
		for {
			n, from, err := conn.ReadFrom(b)
			if err != nil {
				return
			}
			end := 12 // RFC 1035, 4.1: after the header one name, its type and class
			for end < n && b[end] != 0 {
				end += 1 + int(b[end])
			}
			end += 5
			if end > n {
				continue
			}
			reply := append([]byte(nil), b[:end]...)
			binary.BigEndian.PutUint16(reply[2:], 0x8180)
			copy(reply[4:12], []byte{0, 1, 0, 0, 0, 0, 0, 0})
			if binary.BigEndian.Uint16(b[end-4:]) == 1 { // A
				reply[7] = 1
				reply = append(reply, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4)
				reply = append(reply, holds.Load().AsSlice()...)
			}
			_, _ = conn.WriteTo(reply, from)
		}
	}()
	return conn.LocalAddr().String()
}

// named makes every name lead to the address that holds.
func named(t *testing.T, address string) (holds func(address string)) {
	t.Helper()
	var at atomic.Pointer[netip.Addr]
	holds = func(s string) { a := netip.MustParseAddr(s); at.Store(&a) }
	holds(address)
	server := nameServer(t, &at)
	before := net.DefaultResolver
	t.Cleanup(func() { net.DefaultResolver = before })
	net.DefaultResolver = &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "udp4", server)
	}}
	return holds
}

// TestNameThatComesToLeadToMetadataIsNotDialled: a relay's name leads to the
// relay, and when the agent comes back to an address that is not dialled.
func TestNameThatComesToLeadToMetadataIsNotDialled(t *testing.T) {
	holds := named(t, "127.0.0.1")
	relay := listen(t, testrelay.Config{})
	a := start(t, nil, agent.Config{AllowPlaintext: true})
	url := strings.Replace(relay.URL(), "127.0.0.1", "relay.test", 1) + "/in/v"
	a.request(t, "POST", "/api/destinations", `{"id":"0","stream":"v","destination":"`+url+`"}`)
	if err := relay.AwaitClient(patient(t), "/in/v"); err != nil {
		t.Fatal(err)
	}
	holds("0.0.0.0") // refused as metadata is, and harmless if it were not
	relay.Drop("/in")
	eventually(t, "it is refused", func() bool { return a.destination(t, "0").ErrorCode == link.CodeAddress })
	holds("127.0.0.1") // and it is not given up
	awaitVisits(t, relay, "/in/v", func(v []testrelay.Visit) bool { return testrelay.Up(v) == 1 })
}

// The command channel is not on this machine here, as far as its name tells.
func TestRulesFromAfarLeadNotToThisMachine(t *testing.T) {
	named(t, "127.0.0.1")
	relay := listen(t, testrelay.Config{})
	_, port, _ := net.SplitHostPort(strings.TrimPrefix(relay.URL(), "ws://"))
	api := "ws://relay.test:" + port
	a := start(t, relay, agent.Config{API: api + "/bi/agent1", AllowPlaintext: true})
	channel := orchestrate(t, relay, "agent1")
	for _, host := range []string{"127.0.0.1", "localhost", "LOCALHOST.", "127.1.2.3", "[::1]", "[::ffff:127.0.0.1]"} {
		rule := `{"id":"0","stream":"v","destination":"ws://` + host + `:` + port + `/in/afar"}`
		if reply := channel.ask(`{"verb":"add","what":"destination","rule":` + rule + `}`); !strings.Contains(reply, "this machine itself is dialled only") {
			t.Errorf("%s: %s", host, reply)
		}
	}
	channel.route("0", "v", api+"/in/afar") // a name that leads here
	eventually(t, "it is refused", func() bool { return a.destination(t, "0").ErrorCode == link.CodeLoopback })
	a.request(t, "POST", "/api/destinations", `{"id":"1","stream":"v","destination":"`+relay.URL()+`/in/own"}`)
	a.request(t, "POST", "/api/destinations", `{"id":"2","stream":"v","destination":"`+api+`/in/name"}`)
	for _, path := range []string{"/in/own", "/in/name"} {
		if err := relay.AwaitClient(patient(t), path); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
	if v := relay.Visits("/in/afar"); len(v) > 0 {
		t.Errorf("the channel's rule was dialled: %+v", v)
	}
}

// An agent is its own local client if it dials itself, and those are trusted.
func TestAnAgentNeverDialsItself(t *testing.T) {
	named(t, "127.0.0.1")
	relay := listen(t, testrelay.Config{})
	a := start(t, relay, agent.Config{AllowPlaintext: true, AllowDestinations: []string{"*"}})
	channel := orchestrate(t, relay, "agent1")
	port := a.URL()[strings.LastIndex(a.URL(), ":")+1:]
	for _, host := range []string{"127.0.0.1", "localhost", "LocalHost.", "127.1.2.3", "[::1]", "[::ffff:127.0.0.1]"} {
		for _, rule := range []string{
			`{"id":"0","stream":"v","destination":"ws://` + host + `:` + port + `/ws/api"}`,
			`{"id":"0","stream":"v","destination":"http://` + host + `:` + port + `/ts/v","token":"x"}`,
			`{"id":"apiRule","stream":"api","destination":"ws://` + host + `:` + port + `/ws/api"}`,
		} {
			remote := channel.ask(`{"verb":"add","what":"destination","rule":` + rule + `}`)
			_, local := a.request(t, "POST", "/api/destinations", rule)
			if !strings.Contains(remote, "never dials") || !strings.Contains(local, "never dials") {
				t.Errorf("%s: %s, %s", rule, remote, local)
			}
		}
	}
	access := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, `{"uri":"ws://127.0.0.1:%s/ws/api"}`, port)
	}))
	defer access.Close()
	for id, to := range map[string]string{"name": "ws://a.test:" + port + "/ws/api", "post": "http://a.test:" + port + "/ts/v", "access": access.URL} {
		rule := `{"id":"` + id + `","stream":"v","destination":"` + to + `","token":"x"}`
		if strings.HasPrefix(to, "http://a.") || id == "name" {
			rule = strings.Replace(strings.Replace(rule, "http://", "https://", 1), "ws://", "wss://", 1) // a token stays out of plaintext
		}
		a.request(t, "POST", "/api/destinations", rule)
		eventually(t, id+" is refused", func() bool { return a.destination(t, id).ErrorCode == link.CodeOwnListener })
	}
}
