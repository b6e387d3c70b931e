package agent

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"path"
	"strings"
)

// A policy is the owner's word on what may be dialled at all.
type policy struct {
	hosts     []string // globs; none: every host
	plaintext bool     // ws:// and http:// to other machines
}

// check says in words why a URL, which is valid, may not be dialled; the token
// is what would be sent there.
func (p policy) check(u *url.URL, token string) error {
	host := strings.ToLower(strings.TrimSuffix(u.Hostname(), "."))
	if !p.allows(host) {
		return fmt.Errorf("host %s is not one of those that VW_ALLOW_DESTINATIONS allows", host)
	}
	if u.Scheme == "wss" || u.Scheme == "https" || isLoopback(host) {
		return nil
	}
	if !p.plaintext {
		return fmt.Errorf("%s:// to another machine can be read on the way: use %ss://, or set VW_ALLOW_PLAINTEXT=true to allow it", u.Scheme, u.Scheme)
	}
	if token != "" {
		return fmt.Errorf("a token is not sent over %s:// to another machine, where it could be read on the way: use %ss://", u.Scheme, u.Scheme)
	}
	return nil
}

func (p policy) allows(host string) bool {
	for _, glob := range p.hosts {
		if ok, _ := path.Match(strings.ToLower(glob), host); ok {
			return true
		}
	}
	return len(p.hosts) == 0
}

func isLoopback(host string) bool {
	if host == "localhost" {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.Unmap().IsLoopback()
}

var errAddress = errors.New("a link-local, multicast or unspecified address is never dialled")

// checkAddress refuses an address that no relay can have, and that a name
// which whoever writes the rules controls must not lead to: a cloud's metadata
// service, for one. It is asked when a socket is dialled, after the name has
// been resolved.
func checkAddress(address string) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return err
	}
	addr, err := netip.ParseAddr(host)
	if err != nil {
		return err
	}
	addr = addr.Unmap()
	if addr.IsLinkLocalUnicast() || addr.IsMulticast() || addr.IsUnspecified() {
		return errAddress
	}
	return nil
}

var errNotLoopback = errors.New("localhost leads to another machine")
