package agent_test

import (
	"bufio"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"vw/agent"
	"vw/agent/local"
)

// Whatever comes in at the agent's own port: it is answered in HTTP or hung up on, no
// foreign host or page gets anything, no browser without the page's token changes a
// rule, nobody without the owner's undoes the owner's word, and the agent goes on.
func FuzzRequests(f *testing.F) {
	const host, page = "Host: localhost\r\n", "Sec-Fetch-Site: same-origin\r\nOrigin: http://localhost\r\n"
	for _, route := range local.Routes() {
		path := strings.NewReplacer("{name}", "lab", "{feed}", "cam", "{id}", "0", "{which}", "former", "{file}", "page.js", "{picture}", "cam.jpg").Replace(route.Path)
		for _, method := range route.Methods {
			f.Add(method, path, host, []byte(nil))
			f.Add(method, path, host+page, []byte(nil))
			f.Add(method, path+"/../%2e%2e/%00\u202e", host+"Authorization: Bearer x\r\n", []byte(nil))
		}
	}
	f.Add("GET", "/api/stats", "Host: relay.example\r\n", []byte(nil))
	f.Add("GET", "http://relay.example/api/stats", host, []byte(nil))
	f.Add("GET", "/", host+"Origin: http://relay.example\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\nSec-Fetch-Site: cross-site\r\n", []byte(nil))
	f.Add("GET", "/ws/api", host+"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: MTIzNDU2Nzg5MDEyMzQ1Ng==\r\n", []byte(nil))
	for _, c := range []struct{ method, path, body string }{
		{"POST", "/api/streams", `{"stream":"lab","feeds":["cam"]}`}, {"UPDATE", "/api/destinations", `{"id":"0","stream":"lab","destination":"ws://localhost:9/in/lab","file":"a/b.ts"}`},
		{"PUT", "/api/mutes/cam:audio", `{"for":"45m"}`}, {"PUT", "/api/mutes/cam", `{"every":"mon-fri 08:00-18:00"}`}, {"POST", "/ts/cam", string(numbered(0x100, 0, 7))}, {"POST", "/ts/cam", "GIF89a"},
	} {
		f.Add(c.method, c.path, host, []byte(c.body))
		f.Add(c.method, c.path, host+page, []byte(c.body))
		f.Add(c.method, c.path, host+"Transfer-Encoding: chunked\r\n", []byte("5\r\n"+c.body[:5]+"\r\n0\r\n\r\n"))
	}
	owners := filepath.Join(f.TempDir(), "token")
	if err := os.WriteFile(owners, []byte("5ecr3t-of-the-owner\n"), 0o600); err != nil {
		f.Fatal(err)
	}
	records := f.TempDir()
	f.Fuzz(func(t *testing.T, method, path, header string, body []byte) {
		if strings.Contains(method+path, "\n") || strings.Contains("\n"+strings.ReplaceAll(header, "\r", ""), "\n\n") {
			t.Skip("it is two requests, of which each may be another's")
		}
		raw := method + " " + path + " HTTP/1.1\r\nConnection: close\r\n" + header
		if !strings.Contains(strings.ToLower(header), "transfer-encoding") && len(body) > 0 {
			raw += "Content-Length: " + jsonOf(len(body)) + "\r\n"
		}
		raw += "\r\n" + string(body)
		c := agent.Config{OwnerTokenFile: owners, Muted: []string{"*"}, RecordDir: records, Root: records}
		if fromBrowser(raw) {
			c.OwnerTokenFile = "" // the page's is enough
		}
		synctest.Test(t, func(t *testing.T) {
			a := listening(t, c)
			defer a.end()
			a.ask("PUT", "/api/lock", "")
			answer, _ := a.exchange(method, raw)
			a.judge(raw, answer)
			if _, text := a.ask("GET", "/api/lock", ""); !strings.Contains(text, "true") {
				t.Errorf("it is not locked any more: %s", text)
			}
			if _, text := a.ask("GET", "/api/mutes/all", ""); !strings.Contains(text, `"*"`) {
				t.Errorf("not everything is muted any more: %s", text)
			}
		})
	})
}

// fromBrowser reports whether a request is one that only a browser sends.
func fromBrowser(raw string) bool {
	req, err := http.ReadRequest(bufio.NewReader(strings.NewReader(raw)))
	return err == nil && (req.Header.Get("Origin") != "" || req.Header.Get("Sec-Fetch-Site") != "")
}

// An ownPort is an agent's own, on which a test says every byte.
type ownPort struct {
	*pipes
	t   *testing.T
	log *logbook
	end func()
}

func listening(t *testing.T, c agent.Config) *ownPort {
	p := &ownPort{&pipes{accepted: make(chan net.Conn), closed: make(chan struct{})}, t, &logbook{}, nil}
	six := &pipes{accepted: make(chan net.Conn), closed: make(chan struct{})}
	c.Name, c.Log = "agent1", slog.New(slog.NewTextHandler(p.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	a, err := agent.NewOn(c, []net.Listener{p, six}, func(context.Context, string, string) (net.Conn, error) { return nil, net.ErrClosed })
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }()
	p.end = func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("run: %v", err)
		}
		if strings.Contains(p.log.String(), "panic") {
			t.Errorf("a request has it panic:\n%s", p.log)
		}
	}
	return p
}

// exchange sends a request, as it is, and returns the answer, nil for none.
func (p *ownPort) exchange(method, raw string) (resp *http.Response, text string) {
	c, err := p.dial(p.t.Context(), "", "")
	if err != nil {
		p.t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(30 * time.Second))
	go func() { _, _ = io.WriteString(c, raw) }()
	resp, err = http.ReadResponse(bufio.NewReader(c), &http.Request{Method: method})
	if err != nil {
		return nil, ""
	}
	defer resp.Body.Close()
	begin, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<20)) // what is live does not end
	return resp, string(begin)
}

// ask is a request of a program on this machine, which is answered well.
func (p *ownPort) ask(method, path, body string) (*http.Response, string) {
	p.t.Helper()
	resp, text := p.exchange(method, method+" "+path+" HTTP/1.1\r\nHost: localhost\r\nContent-Length: "+jsonOf(len(body))+"\r\nConnection: close\r\n\r\n"+body)
	if resp == nil || resp.StatusCode != http.StatusOK {
		p.t.Fatalf("%s %s is answered %+v", method, path, resp)
	}
	return resp, text
}

// judge holds what a request was answered against who sent it.
func (p *ownPort) judge(raw string, answer *http.Response) {
	p.t.Helper()
	req, err := http.ReadRequest(bufio.NewReader(strings.NewReader(raw)))
	if err != nil || answer == nil {
		return
	}
	done := answer.StatusCode < 400
	if !local.LocalHost(req.Host) && done {
		p.t.Errorf("for host %q it is answered %s", req.Host, answer.Status)
	}
	for _, origin := range req.Header.Values("Origin") {
		if u, err := url.Parse(origin); done && (err != nil || u.Scheme != "http" || !strings.EqualFold(u.Host, req.Host)) {
			p.t.Errorf("a page of %q is answered %s", origin, answer.Status)
		}
	}
	if done && answer.StatusCode != http.StatusSwitchingProtocols && answer.Header.Get("X-Content-Type-Options") != "nosniff" {
		p.t.Errorf("a browser may take the answer for what it likes: %s %v", answer.Status, answer.Header)
	}
	if !fromBrowser(raw) {
		return
	}
	for _, what := range []string{"streams", "destinations"} {
		if _, rules := p.ask("GET", "/api/"+what+"/all", ""); rules != "{}\n" {
			p.t.Errorf("a browser without the page's token has changed the rules: %s", rules)
		}
	}
}
