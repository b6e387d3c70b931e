package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/gorilla/websocket"

	"vw/command"
)

// A caller opens links to command channels. It follows no redirects.
type caller struct {
	token, auth string
	plaintext   bool          // ws:// to other machines is allowed, without a token
	within      time.Duration // bounds each dial, and the wait for answers
	tls         *tls.Config
}

// trusting is TLS 1.2 at least that trusts the certificates of a file too.
func trusting(file string) (*tls.Config, error) {
	t := &tls.Config{MinVersion: tls.VersionTLS12}
	if file == "" {
		return t, nil
	}
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read the CA file: %w", err)
	}
	if t.RootCAs, err = x509.SystemCertPool(); err != nil {
		t.RootCAs = x509.NewCertPool()
	}
	if !t.RootCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("the CA file %s holds no certificate in PEM form", file)
	}
	return t, nil
}

// check says in words why a URL cannot be dialled. An agent's rules for the
// URL of its command channel hold.
func (c *caller) check(to string) error {
	rule := command.Destination{ID: "apiRule", Stream: "api", Destination: to, Token: c.token, Auth: c.auth}
	if err := rule.Check(); err != nil {
		return err
	}
	u, err := url.Parse(to)
	if err != nil {
		return errors.New("it is no URL")
	}
	return c.guard(u)
}

// guard keeps tokens, and commands that may hold some, from plaintext.
func (c *caller) guard(u *url.URL) error {
	switch {
	case u.Scheme == "wss" || u.Scheme == "https" || isLoopback(u.Hostname()):
		return nil
	case c.token != "":
		return fmt.Errorf("a token is not sent over %s:// to another machine, where it could be read on the way: use %[1]ss://", u.Scheme)
	case !c.plaintext:
		return fmt.Errorf("%s:// to another machine can be read on the way: use %[1]ss://, or give --allow-plaintext", u.Scheme)
	}
	return nil
}

func isLoopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return strings.EqualFold(host, "localhost") || err == nil && addr.Unmap().IsLoopback()
}

// dial opens a link, which is known to be there but not yet to be answered.
func (c *caller) dial(ctx context.Context, to string) (*link, error) {
	ctx, cancel := context.WithTimeout(ctx, c.within)
	defer cancel()
	header := http.Header{}
	u, err := url.Parse(to)
	switch {
	case err != nil:
		return nil, errors.New("it is no URL")
	case u.Scheme == "http" || u.Scheme == "https":
		if u, err = c.access(ctx, u); err != nil {
			return nil, err
		}
	case c.token != "" && c.auth != "message":
		header.Set("Authorization", "Bearer "+c.token)
	}
	d := websocket.Dialer{Proxy: proxy, NetDialContext: dialSocket, TLSClientConfig: c.tls}
	ws, resp, err := d.DialContext(ctx, u.String(), header)
	if err != nil {
		return nil, c.why(ctx, err, resp)
	}
	ws.SetReadLimit(maxReply)
	if c.auth == "message" {
		if err := c.present(ctx, ws); err != nil {
			ws.Close()
			return nil, err
		}
	}
	return newLink(ws, c.within), nil
}

// why says what a failed dial means, without the URL.
func (c *caller) why(ctx context.Context, err error, resp *http.Response) error {
	var ue *url.Error
	if errors.As(err, &ue) {
		err = ue.Err
	}
	timeout := net.Error(nil)
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		return errInterrupted
	case ctx.Err() != nil || errors.As(err, &timeout) && timeout.Timeout():
		return fmt.Errorf("no link within %v", c.within)
	case resp == nil:
		return err
	case resp.StatusCode == http.StatusUnauthorized || resp.StatusCode == http.StatusForbidden:
		if c.token == "" {
			return fmt.Errorf("the relay wants a token (HTTP %d)", resp.StatusCode)
		}
		return fmt.Errorf("the relay refused the token (HTTP %d)", resp.StatusCode)
	case resp.StatusCode/100 == 3:
		return fmt.Errorf("the relay answered with a redirect (HTTP %d), which is not followed: write the address it really has", resp.StatusCode)
	case resp.StatusCode/100 == 2:
		return fmt.Errorf("no websocket there: the server answered with HTTP %d", resp.StatusCode)
	}
	return fmt.Errorf("the relay answered with HTTP %d %s", resp.StatusCode, http.StatusText(resp.StatusCode))
}

// proxy is the environment's. Its own error would show a proxy's password.
func proxy(r *http.Request) (*url.URL, error) {
	u, err := http.ProxyFromEnvironment(r)
	if err != nil {
		return nil, errors.New("HTTPS_PROXY or HTTP_PROXY is not a URL")
	}
	return u, nil
}

// dialSocket sees to it that what is let through as loopback is loopback.
func dialSocket(ctx context.Context, network, address string) (net.Conn, error) {
	d := net.Dialer{Control: func(_, resolved string, _ syscall.RawConn) error {
		host, _, _ := net.SplitHostPort(address)
		ip, _, _ := net.SplitHostPort(resolved)
		if isLoopback(host) && !isLoopback(ip) {
			return errors.New("localhost leads to another machine")
		}
		return nil
	}}
	return d.DialContext(ctx, network, address)
}
