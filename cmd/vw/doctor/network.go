package doctor

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"vw/agent/link"
	"vw/agent/status"
	"vw/command/printable"
)

func (c *checkup) checkURL(to string) Result {
	if err := c.Check(to); err != nil {
		return failed(err)
	}
	if err := c.lead(c.Target(to)); err != nil {
		return failed(err)
	}
	return fine("one that an agent takes")
}

// shownURL is what may be printed of a URL: neither its query nor who is to log in.
func shownURL(to string) string {
	u, err := url.Parse(to)
	if err != nil {
		return "(no URL)"
	}
	return printable.Text((&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String())
}

func (c *checkup) checkProxy(context.Context) Result {
	const write = "write it like http://proxy.example:3128, or leave it out"
	name := "HTTP_PROXY"
	if link.Secure(c.url) {
		name = "HTTPS_PROXY"
	}
	u := *c.url
	u.Scheme = strings.Replace(u.Scheme, "ws", "http", 1)
	at, err := link.Proxy(&http.Request{URL: &u})
	value := c.variable(name)
	_, malformed := url.Parse("http://" + value)
	switch {
	case err != nil:
		return Result{State: Failed, Found: err.Error(), Do: write}
	case at == nil && value == "":
		return fine("none: %s is not set", name)
	case at == nil && malformed != nil:
		return Result{State: Failed, Found: name + " is no URL, and is passed over", Do: write}
	case at == nil:
		return fine("not used: %s is set, but not for this host (NO_PROXY, or it is this machine)", name)
	case at.Scheme != "http" && at.Scheme != "socks5":
		return Result{State: Failed, Found: fmt.Sprintf("%s begins with %s://", name, at.Scheme),
			Do: "an agent reaches proxies by http:// and socks5:// alone"}
	}
	c.proxy = at
	return fine("%s, as %s says: names are resolved there, and what addresses they have is not known here", at.Host, name)
}

// variable is the value of one in the environment, in capitals or not.
func (c *checkup) variable(name string) (value string) {
	for _, line := range c.Environ {
		if key, v, _ := strings.Cut(line, "="); strings.EqualFold(key, name) && value == "" {
			value = v
		}
	}
	return value
}

func (c *checkup) checkName(ctx context.Context) Result {
	host := c.url.Hostname()
	if c.proxy != nil {
		return skipped("%s is resolved at the proxy", host)
	}
	if addr, err := netip.ParseAddr(host); err == nil {
		if err := link.Refused(addr); err != nil {
			return failed(err)
		}
		return fine("none: %s is an address", host)
	}
	ctx, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	addrs, err := resolve(ctx, host)
	if err != nil {
		return failed(err)
	}
	var open, not []string
	var why error
	for _, a := range addrs {
		if err := link.Refused(a); err != nil {
			why, not = err, append(not, a.String())
		} else {
			open = append(open, a.String())
		}
	}
	if len(open) == 0 {
		return failed(fmt.Errorf("%s is %s: %w", host, strings.Join(not, ", "), why))
	}
	s := fine("%s is %s", host, strings.Join(open, ", "))
	if len(not) > 0 {
		s.Found += "; and " + strings.Join(not, ", ") + ", which an agent never dials"
	}
	return s
}

// resolve asks for a name's addresses, or reads the one that it is.
func resolve(ctx context.Context, host string) (addrs []netip.Addr, err error) {
	addrs, err = net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	for i := range addrs {
		addrs[i] = addrs[i].Unmap()
	}
	return addrs, err
}

// checkConnect dials every address at once.
func (c *checkup) checkConnect(ctx context.Context) Result {
	ctx, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	to, targets := c.url, []string(nil)
	if c.proxy != nil {
		to = c.proxy
	} else if addrs, err := resolve(ctx, to.Hostname()); err == nil {
		for _, a := range addrs {
			if link.Refused(a) == nil {
				targets = append(targets, a.String())
			}
		}
	}
	if targets == nil {
		targets = []string{to.Hostname()}
	}
	found := make([]string, len(targets))
	errs := make([]error, len(targets))
	var wg sync.WaitGroup
	for i, target := range targets {
		wg.Go(func() { found[i], errs[i] = c.connect(ctx, net.JoinHostPort(target, link.Port(to))) })
	}
	wg.Wait()
	s := fine("%s", strings.Join(found, "; "))
	if !slices.Contains(errs, nil) {
		s.State = Failed
		s.Do = status.Advice(link.CodeOf(errors.Join(errs...)))
	}
	return s
}

// connect returns how long a connection took, or why there is none.
func (c *checkup) connect(ctx context.Context, address string) (string, error) {
	begun := time.Now()
	conn, err := c.Dialer.DialSocket(ctx, c.Target(""), address)
	if err == nil {
		took := time.Since(begun)
		return fmt.Sprintf("%s in %s", address, milliseconds(took)), conn.Close()
	}
	why := err
	if op := (*net.OpError)(nil); errors.As(err, &op) {
		why = op.Err
	}
	return fmt.Sprintf("%s: %v", address, why), err
}

func milliseconds(d time.Duration) string {
	return fmt.Sprintf("%.1f ms", float64(d)/float64(time.Millisecond))
}
