package link

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/url"
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
	// tlsAlert begins TLS's answer to what is none (RFC 8446, 5.1).
	tlsAlert = 21
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
	// Credentials is the folder in which the credentials of targets are files.
	// Defaults to none.
	Credentials string
	// Dial opens sockets in place of the machine's network, unless it is nil.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// A Dialer dials links. It follows no redirects, and checks the address of
// every socket.
type Dialer struct {
	Config
	ws      websocket.Dialer
	bounds  *bounds
	reading chan struct{} // capacity 1: held while a credential is read
}

// New returns a dialer.
func New(c Config) *Dialer {
	if c.Ping == 0 {
		c.Ping = 15 * time.Second
	}
	if c.Timeout == 0 {
		c.Timeout = dialTimeout
	}
	return &Dialer{c, websocket.Dialer{
		TLSClientConfig:  c.TLS,
		HandshakeTimeout: c.Timeout,
		ReadBufferSize:   4096,
		WriteBufferSize:  writeBuffer,
		WriteBufferPool:  &sync.Pool{},
	}, newBounds(), make(chan struct{}, 1)}
}

// Client returns a client for one request to a target. It follows no redirects.
func (d *Dialer) Client(t Target, tls *tls.Config) *http.Client {
	r := &route{dialer: d, target: t}
	return &http.Client{
		Timeout:       d.Timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			Proxy: r.findProxy, DialContext: r.dial, TLSClientConfig: tls, DisableKeepAlives: true,
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

// A route is the way to one target, which may lead through a proxy.
type route struct {
	dialer *Dialer
	target Target
	proxy  *url.URL   // nil: none
	shake  *handshake // of the websocket; nil: no connection
}

func (r *route) findProxy(req *http.Request) (u *url.URL, err error) {
	r.proxy, err = Proxy(req)
	return r.proxy, err
}

// dial opens a socket to the target, or to the proxy before it.
func (r *route) dial(ctx context.Context, network, address string) (net.Conn, error) {
	if r.dialer.Dial != nil {
		return r.dialer.Dial(ctx, network, address)
	}
	to := r.target
	to.Local = to.Local || r.proxy != nil // the proxy is the owner's
	return r.dialer.DialSocket(ctx, to, address)
}

// DialSocket opens one socket on a target's behalf, if the policy lets it.
func (d *Dialer) DialSocket(ctx context.Context, t Target, address string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	host = normalHost(host)
	// A tenth is left for the socket's own error to be told: a request that its time
	// ends does not say that it was the name server's fault.
	nd := net.Dialer{Timeout: d.Timeout - d.Timeout/10, Control: func(_, resolved string, raw syscall.RawConn) error {
		if err := d.Policy.checkSocket(t, host, resolved); err != nil {
			return err
		}
		return boundUnsent(raw)
	}}
	return nd.DialContext(ctx, "tcp", net.JoinHostPort(host, port))
}

// Open dials a target and authenticates. The returned Conn is not yet known to
// be answered at its other end.
func (d *Dialer) Open(ctx context.Context, t Target) (*Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, 3*d.Timeout)
	defer cancel()
	t, err := d.WithToken(ctx, t)
	if err != nil {
		return nil, err
	}
	if t, err = d.Access(ctx, t); err != nil {
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
	u, err := d.Policy.URL(t)
	if err != nil {
		return nil, err
	}
	header, protocol := http.Header{}, ""
	switch {
	case t.MQTT(): // its token is a password there
		protocol = "mqtt"
		header.Set("Sec-WebSocket-Protocol", protocol)
	case t.Token != "" && (t.Auth == "" || t.Auth == "bearer"):
		header.Set("Authorization", "Bearer "+t.Token)
	}
	ws, resp, err := (&route{dialer: d, target: t}).handshake(ctx, u, header)
	switch {
	case errors.Is(err, websocket.ErrBadHandshake) && resp != nil:
		return nil, t.statusError(resp)
	case err != nil:
		return nil, d.Describe(err)
	case protocol != "" && resp.Header.Get("Sec-WebSocket-Protocol") == "":
		_ = ws.Close()
		return nil, newError(CodeNoMQTT, "what answers there is a websocket, but speaks no MQTT: is it a broker, and the path right?")
	case resp.Header.Get("Sec-WebSocket-Extensions") != "", resp.Header.Get("Sec-WebSocket-Protocol") != protocol:
		_ = ws.Close()
		return nil, newError(CodeBadHandshake, "the relay uses a websocket extension or protocol that it was not offered")
	}
	c := d.conn(ws)
	c.target = t
	return c, nil
}

// handshake ends with ctx, which websocket.Dialer looks at only until there is
// a connection.
func (r *route) handshake(ctx context.Context, to *url.URL, header http.Header) (*websocket.Conn, *http.Response, error) {
	stop := func() bool { return true }
	dialer := r.dialer.ws
	dialer.Proxy = r.findProxy
	dialer.NetDialContext = func(c context.Context, network, address string) (net.Conn, error) {
		nc, err := r.dial(c, network, address)
		if err != nil {
			return nil, err
		}
		stop = context.AfterFunc(ctx, func() { _ = nc.Close() })
		r.shake = newHandshake(newSocket(nc))
		return r.shake, nil
	}
	ws, resp, err := dialer.DialContext(ctx, to.String(), header)
	if !stop() {
		err = ctx.Err()
	}
	switch {
	case err == nil:
		r.shake.over.Store(true)
	case r.proxy != nil && r.shake == nil:
		err = &net.OpError{Op: "proxyconnect", Err: err}
	case r.proxy != nil && r.shake.status() != 0 && r.shake.status() != http.StatusOK:
		err = proxyRefusal(r.shake.status())
	case to.Scheme == "ws" && r.shake != nil && bytes.HasPrefix(r.shake.head, []byte{tlsAlert}):
		err = newError(CodeWantsTLS, "TLS is spoken there, and ws:// is without")
	case resp != nil && resp.StatusCode == http.StatusSwitchingProtocols && ctx.Err() == nil:
		err = newError(CodeBadHandshake, "the relay's answer to the handshake is against RFC 6455")
	}
	return ws, resp, err
}

// Describe puts the error of a dial in words, without the URL.
func (d *Dialer) Describe(err error) *Error {
	var ue *url.Error
	if errors.As(err, &ue) {
		err = ue.Err
	}
	e := describe(err)
	switch {
	case e.Code == CodeTimeout:
		return newError(CodeTimeout, "no answer within %v", d.Timeout)
	case e.Code == CodeOther && !safe(err):
		return newError(CodeNoHTTP, "what answers there speaks no HTTP")
	}
	return e
}
