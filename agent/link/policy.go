package link

import (
	"net/netip"
	"net/url"
	"path"
	"strings"
)

// A Policy is the owner's word on what may be dialled at all.
type Policy struct {
	Hosts     []string // globs; none: every host
	Plaintext bool     // ws:// and http:// to other machines
}

// Check says in words why a target, whose URL is valid, may not be dialled.
func (p Policy) Check(t Target) error {
	u, err := url.Parse(t.URL)
	if err != nil {
		return errNoURL
	}
	host := strings.ToLower(strings.TrimSuffix(u.Hostname(), "."))
	if !p.allows(host) {
		return newError(CodePolicy, "host %s is not one of those that VW_ALLOW_DESTINATIONS allows", host)
	}
	if u.Scheme == "wss" || u.Scheme == "https" || isLoopback(host) {
		return nil
	}
	if t.Token != "" {
		return newError(CodePolicy, "a token is not sent over %s:// to another machine, where it could be read on the way: use %[1]ss://", u.Scheme)
	}
	if !p.Plaintext {
		return newError(CodePolicy, "%s:// to another machine can be read on the way: use %[1]ss://, or set VW_ALLOW_PLAINTEXT=true to allow it", u.Scheme)
	}
	return nil
}

func (p Policy) allows(host string) bool {
	for _, glob := range p.Hosts {
		if ok, _ := path.Match(strings.ToLower(glob), host); ok {
			return true
		}
	}
	return len(p.Hosts) == 0
}

func isLoopback(host string) bool {
	if host == "localhost" {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.Unmap().IsLoopback()
}

// Refused reports why an address is never dialled: no relay can have it, and a
// name which whoever writes the rules controls must not lead to it: a cloud's
// metadata service, for one.
func Refused(addr netip.Addr) error {
	addr = addr.Unmap()
	if addr.IsLinkLocalUnicast() || addr.IsMulticast() || addr.IsUnspecified() {
		return errAddress
	}
	return nil
}

var (
	errAddress     = newError(CodeAddress, "a link-local, multicast or unspecified address is never dialled")
	errNotLoopback = newError(CodeNotLoopback, "localhost leads to another machine")
)

// checkSocket is asked when a socket is dialled, after the name has been
// resolved.
func checkSocket(host, resolved string) error {
	to, err := netip.ParseAddrPort(resolved)
	if err != nil {
		return err
	}
	if err := Refused(to.Addr()); err != nil {
		return err
	}
	if isLoopback(host) && !to.Addr().Unmap().IsLoopback() {
		return errNotLoopback
	}
	return nil
}
