package agent

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/gorilla/websocket"

	"vw/media"
)

const (
	// dialWithin bounds TCP, TLS and websocket handshakes together, and each
	// step of the authentication.
	dialWithin = 10 * time.Second
	// maxAnswer bounds what is read of an answer to a request for access, in bytes.
	maxAnswer = 64 << 10
	// maxRetryAfter bounds how long a relay can put the agent off.
	maxRetryAfter = 60 * time.Second
)

// A target is where a link leads, and how it shows who it is.
type target struct {
	url   string
	token string
	auth  string // "", "bearer", "message" or "access"
}

// host is what may be shown of a target in a log: its query may be a secret.
func (t target) host() string {
	u, err := url.Parse(t.url)
	if err != nil {
		return "?"
	}
	return u.Host
}

// conceal takes the token out of what a relay said.
func (t target) conceal(text string) string {
	if t.token == "" {
		return text
	}
	return strings.ReplaceAll(text, t.token, "(the token)")
}

// A dialer dials every link of the agent. It follows no redirects, and asks
// checkAddress of every socket.
type dialer struct {
	policy policy
	ping   time.Duration
	ws     websocket.Dialer
	http   http.Client
}

// A refusal is a relay's no to the token: trying again at once is no use.
type refusal struct{ why string }

func (r *refusal) Error() string { return "the relay refused the token: " + r.why }

// An answer is a relay's other than a websocket.
type answer struct {
	status int
	retry  time.Duration
}

func (a *answer) Error() string {
	switch a.status / 100 {
	case 3:
		return fmt.Sprintf("the relay answered with a redirect (HTTP %d), which is not followed: write the address it really has", a.status)
	case 2:
		return fmt.Sprintf("no websocket there: the server answered with HTTP %d", a.status)
	}
	return fmt.Sprintf("the relay answered with HTTP %d %s", a.status, http.StatusText(a.status))
}

func newDialer(p policy, t *tls.Config, ping time.Duration) *dialer {
	d := &dialer{policy: p, ping: ping}
	d.ws = websocket.Dialer{
		Proxy:            proxy,
		NetDialContext:   d.dial,
		TLSClientConfig:  t,
		HandshakeTimeout: dialWithin,
		ReadBufferSize:   4096,
		WriteBufferSize:  media.MaxMessage, // one system call a message
		WriteBufferPool:  &sync.Pool{},
	}
	d.http = http.Client{
		Timeout:       dialWithin,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			Proxy: proxy, DialContext: d.dial, TLSClientConfig: t, DisableKeepAlives: true,
			TLSHandshakeTimeout: dialWithin, MaxResponseHeaderBytes: maxAnswer,
		},
	}
	return d
}

// proxy is the environment's. Its own error would show a proxy's password.
func proxy(r *http.Request) (*url.URL, error) {
	u, err := http.ProxyFromEnvironment(r)
	if err != nil {
		return nil, errors.New("HTTPS_PROXY or HTTP_PROXY is not a URL")
	}
	return u, nil
}

func (d *dialer) dial(ctx context.Context, network, address string) (net.Conn, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	nd := net.Dialer{Control: func(_, resolved string, raw syscall.RawConn) error {
		if err := checkAddress(resolved); err != nil {
			return err
		}
		if ip, _, _ := net.SplitHostPort(resolved); isLoopback(host) && !isLoopback(ip) {
			return errNotLoopback
		}
		return boundUnsent(raw)
	}}
	return nd.DialContext(ctx, network, address)
}

// open dials a target and authenticates. The returned conn is not yet known to
// be answered at its other end: see conn.up.
func (d *dialer) open(ctx context.Context, t target) (*conn, error) {
	ctx, cancel := context.WithTimeout(ctx, 3*dialWithin)
	defer cancel()
	u, err := url.Parse(t.url)
	if err != nil {
		return nil, errors.New("the destination is no URL")
	}
	header := http.Header{}
	switch {
	case u.Scheme == "http" || u.Scheme == "https":
		if u, err = d.access(ctx, u, t.token); err != nil {
			return nil, err
		}
	case t.token != "" && t.auth != "message":
		header.Set("Authorization", "Bearer "+t.token)
	}
	// asked again at every dial, since an access relay names the URL
	if err := d.policy.check(u, t.token); err != nil {
		return nil, err
	}
	ws, resp, err := d.upgrade(ctx, u, header)
	if err != nil {
		return nil, d.why(err, resp)
	}
	c := newConn(ws, d.ping)
	if t.auth == "message" {
		if err := c.authenticate(ctx, t); err != nil {
			c.cut()
			return nil, err
		}
	}
	return c, nil
}

// upgrade dials a websocket. A handshake that is under way ends with ctx, which
// websocket.Dialer looks at only until there is a connection.
func (d *dialer) upgrade(ctx context.Context, u *url.URL, header http.Header) (*websocket.Conn, *http.Response, error) {
	stop := func() bool { return true }
	var h *handshake
	dialer := d.ws
	dialer.NetDialContext = func(c context.Context, network, address string) (net.Conn, error) {
		nc, err := d.ws.NetDialContext(c, network, address)
		if err != nil {
			return nil, err
		}
		stop = context.AfterFunc(ctx, func() { _ = nc.Close() })
		h = newHandshake(nc)
		return h, nil
	}
	ws, resp, err := dialer.DialContext(ctx, u.String(), header)
	if !stop() && err == nil {
		err = ctx.Err()
	}
	if err == nil {
		h.over.Store(true)
	}
	return ws, resp, err
}

// why says what a failed handshake means, without the URL.
func (d *dialer) why(err error, resp *http.Response) error {
	if resp != nil && errors.Is(err, websocket.ErrBadHandshake) {
		if resp.StatusCode == http.StatusUnauthorized || resp.StatusCode == http.StatusForbidden {
			return &refusal{fmt.Sprintf("HTTP %d", resp.StatusCode)}
		}
		return &answer{resp.StatusCode, retryAfter(resp)}
	}
	var ue *url.Error
	if errors.As(err, &ue) {
		err = ue.Err
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("no answer within %v: %w", dialWithin, context.DeadlineExceeded)
	}
	return err
}

func retryAfter(resp *http.Response) time.Duration {
	seconds, err := strconv.Atoi(resp.Header.Get("Retry-After"))
	if err != nil || seconds < 0 {
		return 0
	}
	return min(time.Duration(seconds)*time.Second, maxRetryAfter)
}

// access asks an access relay for the URL to dial, which works once.
func (d *dialer) access(ctx context.Context, u *url.URL, token string) (*url.URL, error) {
	if err := d.policy.check(u, token); err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, u.String(), nil)
	if err != nil {
		return nil, errors.New("the destination is no URL")
	}
	req.Header.Set("Authorization", token)
	resp, err := d.http.Do(req)
	if err != nil {
		return nil, d.why(err, nil)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return nil, fmt.Errorf("read the access relay's answer: %w", err)
	}
	switch {
	case resp.StatusCode/100 == 4 && resp.StatusCode != http.StatusTooManyRequests,
		resp.StatusCode/100 == 5 && strings.Contains(strings.ToLower(string(body)), "token"):
		return nil, &refusal{fmt.Sprintf("HTTP %d", resp.StatusCode)}
	case resp.StatusCode != http.StatusOK:
		return nil, &answer{resp.StatusCode, retryAfter(resp)}
	}
	var grant struct {
		URI string `json:"uri"`
	}
	if err := json.Unmarshal(body, &grant); err != nil || grant.URI == "" {
		return nil, errors.New("the access relay named no URL to dial")
	}
	to, err := url.Parse(grant.URI)
	if err != nil || to.Scheme != "wss" && to.Scheme != "ws" || to.Hostname() == "" || to.User != nil {
		return nil, errors.New("the access relay named something else than a websocket URL")
	}
	return to, nil
}
