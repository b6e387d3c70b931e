package agent_test

import (
	"encoding/base64"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"

	"vw/testrelay"
)

// TestProxyOfTheEnvironmentIsUsedAndItsPasswordNotShown runs the real program,
// since Go reads these variables once. The relay's name is known to the proxy
// alone: that names are resolved there is why the address is not checked.
func TestProxyOfTheEnvironmentIsUsedAndItsPasswordNotShown(t *testing.T) {
	relay := listen(t, testrelay.Config{})
	var mu sync.Mutex
	var asked []string
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	proxy := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		asked = append(asked, r.Method+" "+r.Host+" "+r.Header.Get("Proxy-Authorization"))
		mu.Unlock()
		to, err := net.Dial("tcp", strings.TrimPrefix(relay.URL(), "ws://"))
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
		_, _ = io.WriteString(from, "HTTP/1.1 200 OK\r\n\r\n")
		go func() { _, _ = io.Copy(to, from); to.Close() }()
		_, _ = io.Copy(from, to)
	})}
	go func() { _ = proxy.Serve(ln) }()
	t.Cleanup(func() { proxy.Close() })
	p := launch(t, "HTTP_PROXY=http://user:canary@"+ln.Addr().String(), "VW_ALLOW_PLAINTEXT=true", "VW_API=ws://relay.example/bi/agent1")
	c := orchestrate(t, relay, "agent1")
	if err := relay.AwaitClient(patient(t), "/bi/agent1"); err != nil {
		t.Fatal("the agent did not come through the proxy")
	}
	p.log.await(t, `"link up"`)
	c.want(`{"verb":"healthcheck"}`, `{"healthcheck":"ok"}`)
	secretive(t, "status", c.ask(`{"verb":"list","what":"status"}`))
	mu.Lock()
	want := "CONNECT relay.example:80 Basic " + base64.StdEncoding.EncodeToString([]byte("user:canary"))
	if len(asked) != 1 || asked[0] != want {
		t.Errorf("the proxy was asked for %q, want %q", asked, want)
	}
	mu.Unlock()
	proxy.Close() // with a dead proxy the error tells, and tells no password
	relay.Drop("/bi")
	p.log.await(t, `"link down"`, "refused")
	secretive(t, "the log", p.log.String())
}
