package agent_test

import (
	"encoding/base64"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/gorilla/websocket"

	"vw/testrelay"
)

// A proxy leads to a relay, whatever host it is asked for.
type proxy struct {
	t     testing.TB
	relay string // host and port
	addr  string // its own

	mu      sync.Mutex
	asked   []string
	server  *http.Server
	tunnels []net.Conn
}

func newProxy(t testing.TB, relay *testrelay.Server) *proxy {
	t.Helper()
	p := &proxy{t: t, relay: strings.TrimPrefix(relay.URL(), "ws://"), addr: "127.0.0.1:0"}
	p.start()
	t.Cleanup(p.die)
	return p
}

// start listens at the address that it had before.
func (p *proxy) start() {
	p.t.Helper()
	ln, err := net.Listen("tcp", p.addr)
	if err != nil {
		p.t.Fatal(err)
	}
	server := &http.Server{Handler: p}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.addr, p.server = ln.Addr().String(), server
	go func() { _ = server.Serve(ln) }()
}

// die ends it and what it carries, at once.
func (p *proxy) die() {
	p.mu.Lock()
	defer p.mu.Unlock()
	_ = p.server.Close()
	for _, c := range p.tunnels {
		_ = c.Close()
	}
	p.tunnels = nil
}

func (p *proxy) requests() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.asked)
}

// ServeHTTP serves CONNECT.
func (p *proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	p.asked = append(p.asked, r.Method+" "+r.Host+" "+r.Header.Get("Proxy-Authorization"))
	p.mu.Unlock()
	to, err := net.Dial("tcp", p.relay)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	defer to.Close()
	from, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		return
	}
	defer from.Close()
	p.mu.Lock()
	p.tunnels = append(p.tunnels, from, to)
	p.mu.Unlock()
	_, _ = io.WriteString(from, "HTTP/1.1 200 OK\r\n\r\n")
	go func() { _, _ = io.Copy(to, from); to.Close() }()
	_, _ = io.Copy(from, to)
}

// TestProxyOfTheEnvironmentIsUsedAndItsPasswordNotShown runs the real program,
// since Go reads these variables once. The relay's name is known to the proxy
// alone: that names are resolved there is why the address is not checked.
func TestProxyOfTheEnvironmentIsUsedAndItsPasswordNotShown(t *testing.T) {
	relay := listen(t, testrelay.Config{})
	proxy := newProxy(t, relay)
	p := launch(t, "HTTP_PROXY=http://user:canary@"+proxy.addr, "VW_ALLOW_PLAINTEXT=true", "VW_API=ws://relay.example/bi/agent1")
	c := orchestrate(t, relay, "agent1")
	if err := relay.AwaitClient(patient(t), "/bi/agent1"); err != nil {
		t.Fatal("the agent did not come through the proxy")
	}
	p.log.await(t, `"link up"`)
	c.want(`{"verb":"healthcheck"}`, `{"healthcheck":"ok"}`)
	secretive(t, "status", c.ask(`{"verb":"list","what":"status"}`))
	want := "CONNECT relay.example:80 Basic " + base64.StdEncoding.EncodeToString([]byte("user:canary"))
	if asked := proxy.requests(); !slices.Equal(asked, []string{want}) {
		t.Errorf("the proxy was asked for %q, want %q", asked, want)
	}
	proxy.die() // then the error tells, and tells no password
	p.log.await(t, `"link down"`, "refused")
	secretive(t, "the log", p.log.String())
}

func TestLinksThroughAProxyThatDiesComeBackWithIt(t *testing.T) {
	t.Parallel()
	relay := listen(t, testrelay.Config{})
	proxy := newProxy(t, relay)
	p := launch(t, "HTTP_PROXY=http://"+proxy.addr, "VW_ALLOW_PLAINTEXT=true", "VW_API=ws://relay.example/bi/agent1")
	c := orchestrate(t, relay, "agent1")
	p.log.await(t, `"link up"`)
	c.route("0", "data", "ws://relay.example/in/data")
	source := dial(t, strings.Replace(p.url, "http", "ws", 1)+"/ws/data")
	up := map[string]int{"/bi/agent1": 2, "/in/data": 1} // the orchestrator goes past the proxy
	for _, word := range []string{"before", "after it died", "after it died again"} {
		for path, n := range up {
			awaitVisits(t, relay, path, func(v []testrelay.Visit) bool { return testrelay.Up(v) == n })
		}
		c.want(`{"verb":"healthcheck"}`, `{"healthcheck":"ok"}`)
		arrived := relay.Subscribe("data")
		eventually(t, "a message arrives "+word, func() bool {
			source.send(websocket.TextMessage, word)
			return slices.ContainsFunc(arrived.Drain(), func(m testrelay.Message) bool { return string(m.Data) == word })
		})
		proxy.die()
		for path, n := range up {
			awaitVisits(t, relay, path, func(v []testrelay.Visit) bool { return testrelay.Up(v) == n-1 })
		}
		p.log.await(t, `"link down"`, "proxy", "refused")
		proxy.start()
	}
}
