package agent_test

import (
	"image"
	"image/jpeg"
	"net/http"
	"net/http/httptest"
	"path"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/gorilla/websocket"

	"vw/agent"
	"vw/testrelay"
)

// open is a server that lets every page do everything, so that it shows what
// the stranger's attempts are worth. It counts the changes that are asked for.
func open(t testing.TB, changes *atomic.Int64) (address string) {
	t.Helper()
	upgrader := websocket.Upgrader{CheckOrigin: func(*http.Request) bool { return true }}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Access-Control-Allow-Origin", "*")
		h.Set("Access-Control-Allow-Methods", "*")
		h.Set("Access-Control-Allow-Headers", "*")
		if websocket.IsWebSocketUpgrade(r) {
			if ws, err := upgrader.Upgrade(w, r, nil); err == nil {
				kind, message, _ := ws.ReadMessage()
				changes.Add(1)
				_ = ws.WriteMessage(kind, message)
				_ = ws.Close()
			}
			return
		}
		if r.Method != http.MethodGet && r.Method != http.MethodOptions {
			changes.Add(1)
		}
		switch path.Base(r.URL.Path) {
		case "cam.jpg":
			h.Set("Content-Type", "image/jpeg")
			_ = jpeg.Encode(w, image.NewGray(image.Rect(0, 0, 8, 8)), nil)
		case "events":
			h.Set("Content-Type", "text/event-stream")
			_, _ = w.Write([]byte("data: {}\n\n"))
		case "app.js":
			h.Set("Content-Type", "text/javascript")
			_, _ = w.Write([]byte("globalThis.leaked = true;"))
		case "style.css":
			h.Set("Content-Type", "text/css")
			_, _ = w.Write([]byte("p { color: green; }"))
		default:
			_, _ = w.Write([]byte("{}"))
		}
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// A page of another origin on this machine reads nothing and changes nothing.
func TestBrowserLetsNoOtherPageReadOrChangeAnything(t *testing.T) {
	relay := listen(t, testrelay.Config{})
	a := start(t, relay, agent.Config{Muted: []string{"cabinet"}})
	channel := orchestrate(t, relay, "agent1")
	channel.combine("front", "cam")
	channel.route("0", "front", relay.URL()+"/in/front")
	source(t, a.URL()+"/ts/cam", a.URL()+"/ts/cam")
	eventually(t, "the feed is there", func() bool { return feedBytes(t, a, "cam") > 0 })
	stranger := httptest.NewServer(http.FileServer(http.Dir("testdata/browser")))
	defer stranger.Close()
	state := func() string {
		var all []string
		for _, p := range []string{"/api/streams/all", "/api/destinations/all", "/api/mutes/all", "/api/lock"} {
			_, text := a.request(t, "GET", p, "")
			all = append(all, text)
		}
		return strings.Join(all, "\n")
	}
	before := state()
	var changes atomic.Int64
	browse(t, "hostile.mjs", map[string]any{"url": a.URL(), "stranger": stranger.URL, "open": open(t, &changes)},
		map[string]func(string) any{"changes": func(string) any { return changes.Load() }})
	if after := state(); after != before {
		t.Errorf("the state was\n%s\nand is\n%s", before, after)
	}
	var feeds map[string]any
	_, text := a.request(t, "GET", "/api/feeds/all", "")
	decode(t, text, &feeds)
	if _, evil := feeds["evil"]; evil || len(feeds) != 1 {
		t.Errorf("the feeds are %s", text)
	}
	if posts := a.log.lines("post begun"); len(posts) != 1 {
		t.Errorf("posts were begun: %q", posts)
	}
}

// The page's own answers, to whoever asks.
func TestPageIsServedWithAStrictPolicy(t *testing.T) {
	t.Parallel()
	a := start(t, nil, agent.Config{})
	for path, kind := range map[string]string{"/": "text/html", "/page/app.js": "text/javascript", "/page/style.css": "text/css", "/page/icon.svg": "image/svg+xml"} {
		resp, text := a.request(t, "GET", path, "")
		if resp.StatusCode != http.StatusOK || !strings.HasPrefix(resp.Header.Get("Content-Type"), kind) || text == "" {
			t.Errorf("%s: HTTP %d %s", path, resp.StatusCode, resp.Header.Get("Content-Type"))
		}
		policy := resp.Header.Get("Content-Security-Policy")
		for _, part := range []string{"default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self'", "connect-src 'self'",
			"frame-ancestors 'none'", "base-uri 'none'", "form-action 'none'", "require-trusted-types-for 'script'"} {
			if !strings.Contains(policy, part) {
				t.Errorf("%s: the policy %q lacks %q", path, policy, part)
			}
		}
		if resp.Header.Get("Referrer-Policy") != "no-referrer" || resp.Header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: the header is %v", path, resp.Header)
		}
		if strings.Contains(text, "innerHTML") || strings.Contains(text, "://") && !strings.Contains(text, "www.w3.org") && kind != "text/html" {
			t.Errorf("%s makes HTML of text, or names another place", path)
		}
		if resp, _ := a.request(t, "POST", path, ""); resp.StatusCode != http.StatusMethodNotAllowed {
			t.Errorf("POST %s: HTTP %d", path, resp.StatusCode)
		}
	}
	for _, path := range []string{"/page", "/page/", "/page/nothing.js", "/page/../page.go", "/page/%2e%2e/page.go", "/index.html"} {
		if resp, _ := a.request(t, "GET", path, ""); resp.StatusCode == http.StatusOK {
			t.Errorf("GET %s is answered", path)
		}
	}
}
