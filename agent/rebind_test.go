package agent_test

import (
	"context"
	"encoding/binary"
	"net"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"

	"vw/agent"
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

// TestNameThatComesToLeadToMetadataIsNotDialled: a relay's name leads to the
// relay, and when the agent comes back to a cloud's metadata service.
func TestNameThatComesToLeadToMetadataIsNotDialled(t *testing.T) {
	var holds atomic.Pointer[netip.Addr]
	set := func(s string) { a := netip.MustParseAddr(s); holds.Store(&a) }
	set("127.0.0.1")
	server := nameServer(t, &holds)
	before := net.DefaultResolver
	t.Cleanup(func() { net.DefaultResolver = before })
	net.DefaultResolver = &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "udp4", server)
	}}
	relay := listen(t, testrelay.Config{})
	a := start(t, nil, agent.Config{AllowPlaintext: true})
	url := strings.Replace(relay.URL(), "127.0.0.1", "relay.test", 1) + "/in/v"
	a.request(t, "POST", "/api/destinations", `{"id":"0","stream":"v","destination":"`+url+`"}`)
	if err := relay.AwaitClient(patient(t), "/in/v"); err != nil {
		t.Fatal(err)
	}
	set("169.254.169.254")
	relay.Drop("/in")
	eventually(t, "it is refused", func() bool {
		_, stats := a.request(t, "GET", "/api/stats", "")
		var s agent.Status
		decode(t, stats, &s)
		return strings.Contains(s.Destinations["0"].LastError, "never dialled")
	})
	set("127.0.0.1") // and it is not given up
	awaitVisits(t, relay, "/in/v", func(v []testrelay.Visit) bool { return testrelay.Up(v) == 1 })
}
