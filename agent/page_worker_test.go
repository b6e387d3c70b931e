package agent_test

import (
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"vw/agent"
)

// A program that had the port leaves a service worker, which answers in place of
// the agent, passes on and reads what the agent answers, has the browser load it
// beforehand, or lets the page through and puts a script of its own into it.
const worker = `
const mode = new URL(location.href).search.slice(1);
const html = (text) => new Response(text, { headers: { "Content-Type": "text/html" } });
const evil = (text) => html("<title>evil" + (/name="token" content="[^"]/.test(text) ? " has the token" : "") + "</title><body>evil");
addEventListener("install", () => skipWaiting());
addEventListener("activate", (e) => e.waitUntil((async () => {
  if (mode === "preloads") await registration.navigationPreload.enable();
  await clients.claim();
})()));
addEventListener("fetch", (e) => {
  const page = e.request.mode === "navigate";
  if (page && mode === "answers") e.respondWith(evil(""));
  if (page && mode === "passes") e.respondWith((async () => evil(await (await fetch(e.request)).text()))());
  if (page && mode === "preloads") e.respondWith((async () => evil(await (await e.preloadResponse).text()))());
  if (!page && mode === "scripts" && e.request.url.endsWith(".js"))
    e.respondWith(new Response("document.title = 'evil script has the token'", { headers: { "Content-Type": "text/javascript" } }));
});`

func TestBrowserPutsOutTheServiceWorkerOfAnotherProgram(t *testing.T) {
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	other := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/worker.js" {
			w.Header().Set("Content-Type", "text/javascript")
			_, _ = w.Write([]byte(worker))
			return
		}
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write([]byte(`<script>navigator.serviceWorker.register("/worker.js?` + url.QueryEscape(r.URL.RawQuery) + `")</script>`))
	})}
	go func() { _ = other.Serve(listener) }() // until it is closed
	defer other.Close()
	place := &url.URL{Scheme: "http", Host: listener.Addr().String()}
	var a *running
	state := func() string {
		var all []string
		for _, p := range []string{"/api/streams/all", "/api/destinations/all", "/api/mutes/all", "/api/lock", "/api/feeds/all"} {
			_, text := a.request(t, "GET", p, "")
			all = append(all, text)
		}
		return strings.Join(all, "\n")
	}
	before := ""
	browse(t, "worker.mjs", map[string]any{"url": place.String()}, map[string]func(string) any{
		"takeover": func(string) any {
			other.Close()
			a = start(t, nil, agent.Config{Port: port(t, place), Muted: []string{"cam"}})
			a.request(t, "PUT", "/api/lock", "")
			before = state()
			return true
		},
		"locked": func(string) any {
			_, text := a.request(t, "GET", "/api/lock", "")
			return strings.Contains(text, `"locked":true`)
		},
	})
	if a != nil && state() != before {
		t.Errorf("the state was\n%s\nand is\n%s", before, state())
	}
}

// pageToken is what the page is given that a person opens.
func (r *running) pageToken(t testing.TB) string {
	t.Helper()
	_, html := r.request(t, "GET", "/", "", "Sec-Fetch-Site", "none", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document")
	_, after, _ := strings.Cut(html, `name="token" content="`)
	token, _, _ := strings.Cut(after, `"`)
	if len(token) < 20 {
		t.Fatalf("the page's token is %q", token)
	}
	return token
}

// Whoever changes something for a browser needs the page's token. ffmpeg and curl
// need none, and to mute and to lock nobody does.
func TestChangesOfABrowserNeedThePagesToken(t *testing.T) {
	t.Parallel()
	a := start(t, nil, agent.Config{})
	token := a.pageToken(t)
	for _, c := range []struct {
		method, path, body string
		free               bool
	}{
		{"POST", "/api/streams", `{"stream":"s","feeds":[]}`, false},
		{"UPDATE", "/api/streams", `{"stream":"s","feeds":["x"]}`, false},
		{"DELETE", "/api/streams/s", "", false},
		{"PUT", "/api/destinations", `{"id":"0","stream":"s","destination":"ws://127.0.0.1:9/x"}`, false},
		{"DELETE", "/api/destinations/0", "", false},
		{"PUT", "/api/mutes/cam", "", true},
		{"DELETE", "/api/mutes/cam", "", false},
		{"PUT", "/api/lock", "", true},
		{"DELETE", "/api/lock", "", false},
		{"POST", "/ts/cam", string(numbered(1, 0, 3)), false},
	} {
		for _, browser := range [][]string{{"Sec-Fetch-Site", "same-origin"}, {"Origin", a.URL()}, {"Sec-Fetch-Site", "none"}} {
			for _, with := range []string{"", "x", token} {
				resp, text := a.request(t, c.method, c.path, c.body, append([]string{"Vw-Page-Token", with}, browser...)...)
				if let := resp.StatusCode < 300; let != (c.free || with == token) {
					t.Errorf("%s %s of %q with the token %q: HTTP %d %s", c.method, c.path, browser, with, resp.StatusCode, text)
				} else if !let && resp.Header.Get("Clear-Site-Data") == "" {
					t.Errorf("%s %s: the refusal leaves what is in the browser", c.method, c.path)
				}
			}
		}
		if resp, text := a.request(t, c.method, c.path, c.body); resp.StatusCode >= 300 {
			t.Errorf("curl's %s %s: HTTP %d %s", c.method, c.path, resp.StatusCode, text)
		}
	}
}

func TestTokenIsGivenToAPersonWhoOpensThePageAlone(t *testing.T) {
	t.Parallel()
	a := start(t, nil, agent.Config{})
	for _, c := range []struct {
		site, mode, dest, more string
		given                  bool
	}{
		{"none", "navigate", "document", "", true},
		{"cross-site", "navigate", "document", "", true}, // a link
		{"same-origin", "navigate", "document", "", false},
		{"none", "navigate", "document", "Service-Worker-Navigation-Preload", false},
		{"same-origin", "navigate", "empty", "", false}, // by a service worker
		{"same-origin", "cors", "empty", "", false},
		{"none", "navigate", "iframe", "", false},
	} {
		header := []string{"Sec-Fetch-Site", c.site, "Sec-Fetch-Mode", c.mode, "Sec-Fetch-Dest", c.dest}
		if c.more != "" {
			header = append(header, c.more, "true")
		}
		resp, text := a.request(t, "GET", "/", "", header...)
		if resp.StatusCode != http.StatusOK || !strings.Contains(text, `name="token" content=""`) != c.given {
			t.Errorf("%q: HTTP %d %.200s", header, resp.StatusCode, text)
		}
		if cleared := resp.Header.Get("Clear-Site-Data") == `"storage", "cache"`; cleared != c.given {
			t.Errorf("%q: what is in the browser is forgotten: %v", header, cleared)
		}
	}
}

func TestWhatABrowserFetchesBeforehandAndServiceWorkersAreRefused(t *testing.T) {
	t.Parallel()
	a := start(t, nil, agent.Config{})
	person := []string{"Sec-Fetch-Site", "none", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document"}
	for _, path := range everyPath() {
		for _, header := range [][]string{{"Sec-Purpose", "prefetch"}, {"Sec-Purpose", "prefetch;prerender"}, {"Purpose", "prefetch"}, {"X-Moz", "prefetch"}, {"Service-Worker", "script"}} {
			resp, _ := a.request(t, "GET", path, "", append(header, person...)...)
			if resp.StatusCode != http.StatusForbidden || header[1] == "script" && resp.Header.Get("Clear-Site-Data") == "" {
				t.Errorf("GET %s with %q: HTTP %d %v", path, header, resp.StatusCode, resp.Header)
			}
		}
		// a typed address, which may have redirected
		deep := strings.HasPrefix(path, "/api/") || strings.HasPrefix(path, "/ts/") || strings.HasPrefix(path, "/ws/")
		if resp, _ := a.request(t, "GET", path, "", person...); deep != (resp.StatusCode == http.StatusForbidden) {
			t.Errorf("GET %s, typed: HTTP %d", path, resp.StatusCode)
		}
	}
	resp, _ := a.request(t, "GET", "/favicon.ico", "")
	if resp.StatusCode != http.StatusNotFound || resp.Header.Get("Clear-Site-Data") == "" {
		t.Errorf("GET /favicon.ico: HTTP %d, and what is in the browser stays", resp.StatusCode)
	}
}
