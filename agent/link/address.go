package link

import (
	"net/netip"
	"net/url"
	"strings"
)

// never are the addresses that no relay can have, and that a name which whoever
// writes the rules controls must not lead to.
var never = prefixes(
	"0.0.0.0/8", "::/128", // this network, unspecified (RFC 1122)
	"169.254.0.0/16", "fe80::/10", "fec0::/10", // link-local, with most clouds' metadata; site-local (RFC 3879)
	"224.0.0.0/4", "ff00::/8", // multicast
	"240.0.0.0/4",                                   // reserved, and broadcast
	"100.100.100.200/32",                            // metadata of Alibaba Cloud
	"168.63.129.16/32",                              // of Azure
	"192.0.0.0/24",                                  // protocol assignments (RFC 6890), with Oracle Cloud's metadata
	"fd00:ec2::/32", "fd20:ce::/32", "fd00:42::/32", // of AWS, Google Cloud, Scaleway
	"2001::/32", "2002::/16", // Teredo and 6to4, which hold an IPv4 address and are out of use (RFC 7526)
)

// Where an IPv6 address holds an IPv4 address that a gateway would dial: the
// index of its four bytes (RFC 6052, 2.2). RFC 8215 leaves open where.
var embedded = []struct {
	in netip.Prefix
	at [][4]int
}{
	{netip.MustParsePrefix("64:ff9b::/96"), [][4]int{{12, 13, 14, 15}}},
	{netip.MustParsePrefix("64:ff9b:1::/48"), [][4]int{{6, 7, 9, 10}, {7, 9, 10, 11}, {9, 10, 11, 12}, {12, 13, 14, 15}}},
	{netip.MustParsePrefix("::ffff:0:0:0/96"), [][4]int{{12, 13, 14, 15}}}, // RFC 2765
	{netip.MustParsePrefix("::/96"), [][4]int{{12, 13, 14, 15}}},           // RFC 4291, 2.5.5.1
}

func prefixes(all ...string) (list []netip.Prefix) {
	for _, p := range all {
		list = append(list, netip.MustParsePrefix(p))
	}
	return list
}

// Refused returns why an address is never dialled, nil if it may be. A loopback
// address may be, as far as it is concerned.
func Refused(addr netip.Addr) error {
	addr = addr.WithZone("").Unmap()
	if addr.IsLoopback() {
		return nil
	}
	for _, p := range never {
		if p.Contains(addr) {
			return errAddress
		}
	}
	for _, e := range embedded {
		if !e.in.Contains(addr) {
			continue
		}
		b := addr.As16()
		for _, at := range e.at {
			if len(e.at) > 1 && b[at[0]] == 0 {
				continue // it stands elsewhere
			}
			inner := netip.AddrFrom4([4]byte{b[at[0]], b[at[1]], b[at[2]], b[at[3]]})
			if inner.IsLoopback() || Refused(inner) != nil {
				return errAddress
			}
		}
	}
	return nil
}

var errAddress = newError(CodeAddress, "a link-local, multicast, reserved or cloud metadata address is never dialled")

// Secure reports whether a URL's scheme is one with TLS.
func Secure(u *url.URL) bool { return u.Scheme == "wss" || u.Scheme == "https" }

// Port returns the port that a URL leads to, its scheme's where it names none.
func Port(u *url.URL) string {
	switch {
	case u.Port() != "":
		return u.Port()
	case Secure(u):
		return "443"
	}
	return "80"
}

// normalHost is a host as it is compared.
func normalHost(host string) string {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if addr, err := netip.ParseAddr(host); err == nil {
		return addr.Unmap().String()
	}
	return host
}

// notInHost is true of what is in no name or address; of a zone's percent sign
// too.
func notInHost(char rune) bool {
	return (char < 'a' || char > 'z') && (char < '0' || char > '9') && !strings.ContainsRune("-._:", char)
}

func isLoopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.IsLoopback()
}
