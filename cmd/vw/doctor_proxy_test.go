//go:build unix

package main_test

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"vw/testrelay"
)

// forwarder is a proxy that knows one host, by whatever name, and wants a
// password.
func forwarder(t *testing.T, to string) (address string) {
	t.Helper()
	var wg sync.WaitGroup
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, password, _ := r.BasicAuth(); r.Header.Get("Proxy-Authorization") == "" || user+password != "" {
			w.WriteHeader(http.StatusProxyAuthRequired)
			return
		}
		far, err := net.Dial("tcp", to)
		if r.Method != http.MethodConnect || err != nil {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		near, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			far.Close()
			return
		}
		_, _ = io.WriteString(near, "HTTP/1.1 200 OK\r\n\r\n")
		wg.Go(func() {
			defer far.Close()
			_, _ = io.Copy(far, near)
		})
		wg.Go(func() {
			defer near.Close()
			_, _ = io.Copy(near, far)
		})
	}))
	t.Cleanup(func() {
		s.Close()
		wg.Wait()
	})
	return strings.TrimPrefix(s.URL, "http://")
}

func TestDoctorGoesThroughTheProxy(t *testing.T) {
	t.Parallel()
	plain := listenRelay(t, testrelay.Config{})
	tls := listenRelay(t, testrelay.Config{TLS: &testrelay.TLS{}})
	toPlain := forwarder(t, strings.TrimPrefix(plain.URL(), "ws://"))
	toTLS := forwarder(t, strings.TrimPrefix(tls.URL(), "wss://"))
	nobody := "127.0.0.1:" + freePort(t)
	for name, c := range map[string]struct {
		environ, to string
		code        int
		said        []string
	}{
		"open": {"HTTP_PROXY=http://me:canary@" + toPlain, "ws://relay.invalid/in/lab", 0, []string{
			"proxy      " + toPlain + ", as HTTP_PROXY says", "skipped  name       relay.invalid is resolved at the proxy",
			"connect    " + toPlain + " in ", "5 of 5 came back", "is open"}},
		"another host": {"https_proxy=http://me:canary@" + toTLS, "wss://relay.invalid/in/lab", 1, []string{
			"connect    " + toTLS + " in ", "FAILED   tls", "certificate for localhost", "since tls failed"}},
		"no password": {"HTTPS_PROXY=http://" + toTLS, "wss://relay.invalid/in/lab", 1, []string{
			"FAILED   tls", "the proxy on the way refused to connect to the relay (HTTP 407 Proxy Authentication Required)", "write them in the proxy's URL"}},
		"refuses": {"HTTPS_PROXY=http://me:canary@" + forwarder(t, nobody), "wss://relay.invalid/in/lab", 1, []string{
			"FAILED   tls", "the proxy on the way refused to connect to the relay (HTTP 502 Bad Gateway)", "allow CONNECT"}},
		"dead":        {"HTTPS_PROXY=" + nobody, "wss://relay.invalid/in/lab", 1, []string{"FAILED   connect    " + nobody, "nothing listens there"}},
		"no URL":      {"HTTPS_PROXY=%zzcanary", "wss://relay.invalid/in/lab", 1, []string{"FAILED   proxy", "write it like"}},
		"https proxy": {"HTTPS_PROXY=https://me:canary@proxy.invalid", "wss://relay.invalid/in/lab", 1, []string{"FAILED   proxy", "socks5://"}},
		"not for it":  {"HTTP_PROXY=http://me:canary@" + nobody, plain.URL() + "/in/lab", 0, []string{"ok       proxy      not used: HTTP_PROXY is set"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := vw(t, []string{c.environ}, "doctor", "--allow-plaintext", "--load-time", "200ms", c.to)
			code := p.ended(t, patience)
			for _, text := range c.said {
				if !strings.Contains(p.out.String(), text) {
					t.Errorf("%q is not said", text)
				}
			}
			if all := p.out.String() + p.err.String(); code != c.code || strings.Contains(all, "canary") || t.Failed() {
				t.Errorf("code %d\n%s", code, all)
			}
		})
	}
}
