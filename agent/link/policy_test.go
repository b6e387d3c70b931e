package link_test

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"
	"testing"

	"vw/agent/link"
)

// refused are addresses that are never dialled, and spellings of them.
var refused = []string{
	"0.0.0.0", "0.1.2.3", "::", "169.254.0.1", "169.254.169.254", "fe80::1", "febf::1", "fec0::1",
	"224.0.0.1", "239.255.255.250", "ff02::1", "240.0.0.1", "255.255.255.255",
	"100.100.100.200", "168.63.129.16", "192.0.0.192", "fd00:ec2::254", "fd20:ce::254",
	"::ffff:169.254.169.254", "::a9fe:a9fe", "::ffff:0:169.254.169.254",
	"64:ff9b::a9fe:a9fe", "64:ff9b::7f00:1", "64:ff9b::", "64:ff9b::6464:64c8",
	"64:ff9b:1:a9fe:a9:fe00::", "64:ff9b:1::a9fe:a9fe", "64:ff9b:1::a9:fea9:fe00:0", "64:ff9b:1:a9:fe:a9fe::",
	"2002:a9fe:a9fe::1", "2002:808:808::1", "2001::1",
}

var allowed = []string{
	"127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1", "8.8.8.8", "10.0.0.1", "192.168.1.1", "100.64.0.1", "172.16.0.1",
	"2606:4700::1111", "fd12:3456::1", "64:ff9b::808:808", "64:ff9b:1::808:808", "192.0.1.1",
}

func TestAddressesThatAreNeverDialledAreTheseInEveryForm(t *testing.T) {
	t.Parallel()
	for _, a := range refused {
		if link.Refused(netip.MustParseAddr(a)) == nil {
			t.Errorf("%s may be dialled", a)
		}
	}
	for _, a := range allowed {
		if err := link.Refused(netip.MustParseAddr(a)); err != nil {
			t.Errorf("%s: %v", a, err)
		}
	}
	if link.Refused(netip.MustParseAddr("fe80::1%lo")) == nil {
		t.Error("a zone lets a link-local address through")
	}
}

// recording dials nothing, and tells what it was asked for.
func recording(p link.Policy) (d *link.Dialer, dialled *[]string) {
	dialled = new([]string)
	return link.New(link.Config{Policy: p, Dial: func(_ context.Context, _, address string) (net.Conn, error) {
		*dialled = append(*dialled, address)
		return nil, errors.New("nothing is dialled here")
	}}), dialled
}

func TestOneSpellingOfAHostIsCheckedAndDialled(t *testing.T) {
	t.Parallel()
	plain := link.Policy{Hosts: []string{"*.relay.example", "LOCALHOST", "::1"}, Plaintext: true}
	for _, c := range []struct{ url, dialled string }{
		{"ws://A.Relay.Example./x", "a.relay.example:80"},
		{"wss://a.relay.example:8443/x", "a.relay.example:8443"},
		{"https://a.RELAY.example./x", "a.relay.example:443"},
		{"ws://localhost./x", "localhost:80"},
		{"ws://LocalHost:1/x", "localhost:1"},
		{"ws://[0::0001]:1/x", "[::1]:1"},
		{"ws://[::1%25x.relay.example]/x", ""},
		{"ws://[::%25lo.relay.example]/x", ""},
		{"ws://<some.relay.example>/x", ""},
		{"wss://ⓛⓞⓒⓐⓛhost/x", ""},
		{"ws://relay.example/x", ""},
	} {
		d, dialled := recording(plain)
		_, err := d.Open(t.Context(), link.Target{URL: c.url})
		if got := strings.Join(*dialled, " "); got != c.dialled || err == nil {
			t.Errorf("%s: dialled %q, %v", c.url, got, err)
		}
		if c.dialled == "" && link.CodeOf(err) != link.CodePolicy {
			t.Errorf("%s: %v", c.url, err)
		}
	}
}

func TestRefusedAddressesAreNotEvenAskedFor(t *testing.T) {
	t.Parallel()
	for _, a := range refused {
		for _, scheme := range []string{"ws://", "https://"} {
			host := a
			if strings.Contains(a, ":") {
				host = "[" + a + "]"
			}
			d, dialled := recording(link.Policy{Plaintext: true})
			_, err := d.Open(t.Context(), link.Target{URL: scheme + host + "/x", Local: true})
			if len(*dialled) > 0 || link.CodeOf(err) != link.CodeAddress {
				t.Errorf("%s%s: dialled %v, %v", scheme, host, *dialled, err)
			}
		}
	}
}

func TestThisMachineIsDialledOnlyForItsOwner(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		url    string
		local  bool
		policy link.Policy
		want   link.Code
	}{
		{"ws://localhost:1/x", true, link.Policy{}, ""},
		{"ws://localhost:1/x", false, link.Policy{}, link.CodeLoopback},
		{"wss://127.9.9.9/x", false, link.Policy{}, link.CodeLoopback},
		{"http://[::1]:1/x", false, link.Policy{Plaintext: true}, link.CodeLoopback},
		{"ws://[::ffff:127.0.0.1]:1/x", false, link.Policy{}, link.CodeLoopback},
		{"ws://localhost:1/x", false, link.Policy{Hosts: []string{"localhost"}}, ""},
		{"ws://127.0.0.1:1/x", true, link.Policy{Hosts: []string{"localhost"}}, link.CodePolicy},
		{"ws://localhost:1/x", false, link.Policy{Loopback: true}, ""},
		{"ws://localhost:8888/ws/api", true, link.Policy{Loopback: true, OwnPort: 8888}, link.CodeOwnListener},
		{"ws://127.77.0.1:8888/ws/api", true, link.Policy{Hosts: []string{"*"}, OwnPort: 8888}, link.CodeOwnListener},
		{"ws://[::1]/ws/api", true, link.Policy{OwnPort: 80}, link.CodeOwnListener},
		{"wss://localhost./ws/api", true, link.Policy{OwnPort: 443}, link.CodeOwnListener},
		{"ws://relay.example:8888/x", false, link.Policy{Plaintext: true, OwnPort: 8888}, ""},
	} {
		if err := c.policy.Check(link.Target{URL: c.url, Local: c.local}); link.CodeOf(err) != c.want {
			t.Errorf("%s, local %v, %+v: %v", c.url, c.local, c.policy, err)
		}
	}
}
