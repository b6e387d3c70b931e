package link

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/gorilla/websocket"
)

const (
	// dialTimeout bounds TCP, TLS and websocket handshakes together, and each
	// step of the authentication.
	dialTimeout = 10 * time.Second
	// maxAnswer bounds what is read of an answer that comes before there is a
	// link, in bytes.
	maxAnswer = 64 << 10
	// maxRetryAfter bounds how long a relay can put the agent off.
	maxRetryAfter = 60 * time.Second
	// writeBuffer holds a whole message of media: one system call a message.
	writeBuffer = 64 << 10
)

// Config says how links are dialled.
type Config struct {
	Policy Policy
	// TLS is what TLS returned. Defaults to the system's authorities.
	TLS *tls.Config
	// Ping is the time between pings. Defaults to 15 s.
	Ping time.Duration
	// Timeout bounds each step of a dial. Defaults to 10 s.
	Timeout time.Duration
	// Dial opens sockets. Defaults to DialContext.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// A Dialer dials links. It follows no redirects, and checks the address of
// every socket.
type Dialer struct {
	Config
	ws   websocket.Dialer
	http *http.Client
}

// New returns a dialer.
func New(c Config) *Dialer {
	if c.Ping == 0 {
		c.Ping = 15 * time.Second
	}
	if c.Timeout == 0 {
		c.Timeout = dialTimeout
	}
	d := &Dialer{Config: c}
	if c.Dial == nil {
		d.Dial = d.DialContext
	}
	d.ws = websocket.Dialer{
		Proxy:            Proxy,
		NetDialContext:   d.Dial,
		TLSClientConfig:  c.TLS,
		HandshakeTimeout: c.Timeout,
		ReadBufferSize:   4096,
		WriteBufferSize:  writeBuffer,
		WriteBufferPool:  &sync.Pool{},
	}
	d.http = d.Client(c.TLS)
	return d
}

// Client returns a client for one request that follows no redirects.
func (d *Dialer) Client(t *tls.Config) *http.Client {
	return &http.Client{
		Timeout:       d.Timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			Proxy: Proxy, DialContext: d.Dial, TLSClientConfig: t, DisableKeepAlives: true,
			TLSHandshakeTimeout: d.Timeout, MaxResponseHeaderBytes: maxAnswer,
			OnProxyConnectResponse: func(_ context.Context, _ *url.URL, _ *http.Request, resp *http.Response) error {
				if resp.StatusCode != http.StatusOK {
					return proxyRefusal(resp.StatusCode)
				}
				return nil
			},
		},
	}
}

// Proxy returns the environment's proxy for a request, nil for none. The error
// of http.ProxyFromEnvironment would show a proxy's password.
func Proxy(r *http.Request) (*url.URL, error) {
	u, err := http.ProxyFromEnvironment(r)
	if err != nil {
		return nil, newError(CodeOther, "HTTPS_PROXY or HTTP_PROXY is not a URL")
	}
	return u, nil
}

// DialContext opens one socket, as a link does.
func (d *Dialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	nd := net.Dialer{Control: func(_, resolved string, raw syscall.RawConn) error {
		if err := checkSocket(host, resolved); err != nil {
			return err
		}
		return boundUnsent(raw)
	}}
	return nd.DialContext(ctx, network, address)
}

// Open dials a target and authenticates. The returned Conn is not yet known to
// be answered at its other end: see AwaitPong.
func (d *Dialer) Open(ctx context.Context, t Target) (*Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, 3*d.Timeout)
	defer cancel()
	t, err := d.Access(ctx, t)
	if err != nil {
		return nil, err
	}
	c, err := d.Upgrade(ctx, t)
	if err != nil {
		return nil, err
	}
	if err := c.Authenticate(ctx, t); err != nil {
		c.Abort()
		return nil, err
	}
	return c, nil
}

// Upgrade dials a websocket.
func (d *Dialer) Upgrade(ctx context.Context, t Target) (*Conn, error) {
	if err := d.Policy.Check(t); err != nil {
		return nil, err
	}
	header := http.Header{}
	if t.Token != "" && (t.Auth == "" || t.Auth == "bearer") {
		header.Set("Authorization", "Bearer "+t.Token)
	}
	ws, resp, err := d.handshake(ctx, t.URL, header)
	switch {
	case errors.Is(err, websocket.ErrBadHandshake) && resp != nil:
		return nil, t.statusError(resp)
	case err != nil:
		return nil, d.Describe(err)
	}
	return newConn(ws, d.Ping, d.Timeout), nil
}

// handshake ends with ctx, which websocket.Dialer looks at only until there is
// a connection.
func (d *Dialer) handshake(ctx context.Context, to string, header http.Header) (*websocket.Conn, *http.Response, error) {
	stop := func() bool { return true }
	var h *handshake
	var proxy *url.URL
	dialer := d.ws
	dialer.Proxy = func(r *http.Request) (u *url.URL, err error) {
		proxy, err = Proxy(r)
		return proxy, err
	}
	dialer.NetDialContext = func(c context.Context, network, address string) (net.Conn, error) {
		nc, err := d.ws.NetDialContext(c, network, address)
		if err != nil {
			return nil, err
		}
		stop = context.AfterFunc(ctx, func() { _ = nc.Close() })
		h = newHandshake(nc)
		return h, nil
	}
	ws, resp, err := dialer.DialContext(ctx, to, header)
	if !stop() {
		err = ctx.Err()
	}
	switch {
	case err == nil:
		h.over.Store(true)
	case proxy != nil && h == nil:
		err = &net.OpError{Op: "proxyconnect", Err: err}
	case proxy != nil && h.status() != 0 && h.status() != http.StatusOK:
		err = proxyRefusal(h.status())
	}
	return ws, resp, err
}

// Describe puts the error of a dial in words, without the URL.
func (d *Dialer) Describe(err error) *Error {
	var ue *url.Error
	if errors.As(err, &ue) {
		err = ue.Err
	}
	if CodeOf(err) == CodeTimeout {
		return newError(CodeTimeout, "no answer within %v", d.Timeout)
	}
	return describe(err)
}

func retryAfter(resp *http.Response) time.Duration {
	seconds, err := strconv.Atoi(resp.Header.Get("Retry-After"))
	if err != nil || seconds < 0 {
		return 0
	}
	return min(time.Duration(seconds)*time.Second, maxRetryAfter)
}
