package link

import (
	"net/netip"
	"net/url"
	"path"
	"strconv"
	"strings"
)

// A Policy is the owner's word on what may be dialled at all.
type Policy struct {
	Hosts     []string // globs; none: every host
	Plaintext bool     // ws:// and http:// to other machines
	Loopback  bool     // this machine, for whoever writes the rules
	OwnPort   uint16   // of the agent's own listeners on loopback, 0 for none: never dialled
}

// Check says in words why a target may not be dialled.
func (p Policy) Check(t Target) error {
	_, err := p.URL(t)
	return err
}

// URL returns a target's URL, if it may be dialled: of a broker's that of the
// websocket. Its host is the one that is checked, compared and dialled: LOCALHOST
// and localhost. are localhost.
func (p Policy) URL(t Target) (*url.URL, error) {
	u, err := url.Parse(t.URL)
	if err != nil {
		return nil, errNoURL
	}
	host := normalHost(u.Hostname())
	if strings.ContainsFunc(host, notInHost) || host == "" {
		return nil, newError(CodePolicy, "the destination names no host: write a name in ASCII letters, or an address without a zone")
	}
	if addr, err := netip.ParseAddr(host); err == nil && Refused(addr) != nil {
		return nil, errAddress
	}
	suffix := ""
	if t.MQTT() {
		suffix, u.User = mqttSuffix, nil // that is told in MQTT
		u.Scheme = strings.TrimSuffix(u.Scheme, suffix)
	}
	port := u.Port()
	if u.Host = host; strings.Contains(host, ":") {
		u.Host = "[" + host + "]"
	}
	if port != "" {
		u.Host += ":" + port
	}
	switch {
	case !p.allows(host):
		return nil, newError(CodePolicy, "host %s is not one of those that VW_ALLOW_DESTINATIONS allows", host)
	case isLoopback(host):
		return u, p.checkLoopback(t, host, Port(u))
	case Secure(u):
	case t.Token != "" || t.Credential != "":
		return nil, newError(CodePolicy, "a token is not sent over %s%s:// to another machine, where it could be read on the way: use %[1]ss%[2]s://", u.Scheme, suffix)
	case !p.Plaintext:
		return nil, newError(CodePolicy, "%s%s:// to another machine can be read on the way: use %[1]ss%[2]s://, or set VW_ALLOW_PLAINTEXT=true to allow it", u.Scheme, suffix)
	}
	return u, nil
}

// checkLoopback says why this machine is not dialled for a target that named
// host.
func (p Policy) checkLoopback(t Target, host, port string) error {
	switch {
	case p.OwnPort != 0 && port == strconv.Itoa(int(p.OwnPort)):
		return errOwnListener
	case t.Local || p.Loopback || len(p.Hosts) > 0 && p.allows(host):
		return nil
	}
	return errLoopback
}

// checkSocket says why an address is not dialled that a target's host was
// resolved to, or the proxy before it.
func (p Policy) checkSocket(t Target, host, resolved string) error {
	to, err := netip.ParseAddrPort(resolved)
	if err != nil {
		return err
	}
	if err := Refused(to.Addr()); err != nil {
		return err
	}
	if to.Addr().Unmap().IsLoopback() {
		return p.checkLoopback(t, host, strconv.Itoa(int(to.Port())))
	}
	if isLoopback(host) {
		return errNotLoopback
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

var (
	errNotLoopback = newError(CodeNotLoopback, "localhost leads to another machine")
	errOwnListener = newError(CodeOwnListener, "this is the agent's own port, which it never dials: its feeds and commands there are for this machine alone")
	errLoopback    = newError(CodeLoopback, "this machine itself is dialled only for rules that were added on it, or where VW_ALLOW_DESTINATIONS names the host: add the rule there")
)
