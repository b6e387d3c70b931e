package agent_test

import (
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gorilla/websocket"

	"vw/agent"
	"vw/agent/local"
	"vw/testrelay"
)

var everyMethod = []string{"GET", "HEAD", "POST", "PUT", "UPDATE", "DELETE", "PATCH", "OPTIONS", "TRACE"}

// everyPath is one of each route, and one of none.
func everyPath() []string {
	paths := []string{"/nothing", "/ws/api", "/api/destinations/apiRule"}
	for _, r := range local.Routes() {
		prefix, _, named := strings.Cut(r.Path, "{")
		if named {
			prefix += "video0"
		}
		paths = append(paths, prefix)
	}
	slices.Sort(paths)
	return slices.Compact(paths)
}

func TestRoutesTakeTheirMethodsAloneAndAreInTheManual(t *testing.T) {
	t.Parallel()
	a := start(t, nil, agent.Config{})
	manual, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	allowed := map[string][]string{}
	for _, r := range local.Routes() {
		path := strings.NewReplacer("{name}", "x", "{feed}", "x", "{", "", "}", "").Replace(r.Path)
		allowed[path] = append(allowed[path], r.Methods...)
		if prefix, _, _ := strings.Cut(r.Path, "{"); prefix != "/page/" && !strings.Contains(string(manual), prefix) {
			t.Errorf("%s is not in the manual", r.Path)
		}
	}
	for path, methods := range allowed {
		for _, method := range everyMethod {
			if slices.Contains(methods, method) || method == "HEAD" && slices.Contains(methods, "GET") || path == "/api/mutes/all" { // the feed of that name is refused in words
				continue
			}
			if resp, _ := a.request(t, method, path, ""); resp.StatusCode != 405 {
				t.Errorf("%s %s is answered %d, want 405", method, path, resp.StatusCode)
			} else if resp.StatusCode == 405 && resp.Header.Get("Allow") == "" {
				t.Errorf("%s %s is refused without a word of what is allowed", method, path)
			}
		}
	}
}

func TestRequestsOfOtherWebPagesAreRefusedOnEveryMethodAndPath(t *testing.T) {
	t.Parallel()
	relay := listen(t, testrelay.Config{})
	a := start(t, relay, agent.Config{})
	own, _ := url.Parse(a.URL())
	port := own.Port()
	for _, c := range []struct {
		status int
		header []string
	}{
		{421, []string{"Host", "evil.example"}},
		{421, []string{"Host", "evil.example:" + port}},
		{421, []string{"Host", "127.0.0.1.evil.example:" + port}},
		{421, []string{"Host", "localhost.evil.example"}},
		{421, []string{"Host", "0.0.0.0:" + port}},
		{403, []string{"Origin", "https://evil.example"}},
		{403, []string{"Origin", "http://evil.example:" + port}},
		{403, []string{"Origin", "https://127.0.0.1:" + port}},
		{403, []string{"Origin", "http://127.0.0.1:1"}},
		{403, []string{"Origin", "null"}},
		{403, []string{"Sec-Fetch-Site", "cross-site"}},
		{403, []string{"Sec-Fetch-Site", "same-site"}},
		{403, []string{"Sec-Fetch-Site", "nonsense"}},
		{403, []string{"Sec-Fetch-Site", "cross-site", "Origin", "http://127.0.0.1:" + port}},
		{403, []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "no-cors", "Sec-Fetch-Dest", "image"}},
		{403, []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "iframe"}},
	} {
		for _, path := range everyPath() {
			for _, method := range everyMethod {
				resp, text := a.request(t, method, path, "", c.header...)
				if resp.StatusCode != c.status {
					t.Errorf("%s %s %q: HTTP %d, want %d", method, path, c.header, resp.StatusCode, c.status)
				}
				if method != "HEAD" && !strings.Contains(text, `{"error":`) {
					t.Errorf("%s %s %q: the refusal is %q", method, path, c.header, text)
				}
			}
		}
		for _, path := range []string{"/ws/video0", "/ws/api"} {
			header := http.Header{}
			for i := 0; i < len(c.header); i += 2 {
				header.Set(c.header[i], c.header[i+1])
			}
			_, resp, err := websocket.DefaultDialer.Dial("ws://127.0.0.1:"+port+path, header)
			if err == nil || resp == nil || resp.StatusCode != c.status {
				t.Errorf("an upgrade of %s with %q is answered %+v, want %d", path, c.header, resp, c.status)
			}
		}
	}
	if _, rules := a.request(t, "GET", "/api/destinations/all", ""); !strings.Contains(rules, "apiRule") {
		t.Errorf("a refused request has changed the rules: %s", rules)
	}
}

func TestTheMachineItselfIsLetIn(t *testing.T) {
	t.Parallel()
	a := start(t, nil, agent.Config{})
	own, _ := url.Parse(a.URL())
	for _, header := range [][]string{
		{}, {"Host", "localhost:" + own.Port()}, {"Host", "[::1]:" + own.Port()}, {"Host", "LOCALHOST"}, {"Host", "127.0.0.1:1"},
		{"Origin", a.URL()}, {"Sec-Fetch-Site", "same-origin"}, {"Sec-Fetch-Site", "none"},
	} {
		if resp, text := a.request(t, "GET", "/healthcheck", "", header...); resp.StatusCode != 200 || text != `"ok"` {
			t.Errorf("%q: HTTP %d %s", header, resp.StatusCode, text)
		}
	}
}

func TestALinkToThePageMayBeFollowedFromAnywhereButToNothingElse(t *testing.T) {
	t.Parallel()
	a := start(t, nil, agent.Config{})
	follow := []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document"}
	if resp, _ := a.request(t, "GET", "/", "", follow...); resp.StatusCode == 403 || resp.StatusCode == 421 {
		t.Errorf("GET / is refused with %d", resp.StatusCode)
	}
	for _, path := range everyPath() {
		for _, method := range everyMethod {
			if method == "GET" && path == "/" {
				continue
			}
			if resp, _ := a.request(t, method, path, "", follow...); resp.StatusCode != 403 {
				t.Errorf("%s %s is answered %d, want 403", method, path, resp.StatusCode)
			}
		}
	}
}

// Every socket of this process that listens is a loopback one. Other tests'
// relays listen there too, so all there are is all there may be.
func TestOnlyLoopbackIsListenedOn(t *testing.T) {
	a := start(t, nil, agent.Config{})
	own, _ := url.Parse(a.URL())
	var port int
	fmt.Sscan(own.Port(), &port)
	mine := map[string]bool{}
	fds, err := filepath.Glob("/proc/self/fd/*")
	if err != nil || len(fds) == 0 {
		t.Fatalf("the process's files cannot be listed: %v", err)
	}
	for _, fd := range fds {
		if link, err := os.Readlink(fd); err == nil {
			mine[strings.Trim(strings.TrimPrefix(link, "socket:"), "[]")] = true
		}
	}
	found := map[string]bool{}
	for _, table := range []string{"tcp", "tcp6", "udp", "udp6"} {
		text, err := os.ReadFile("/proc/self/net/" + table)
		if err != nil && strings.HasSuffix(table, "6") {
			continue // no IPv6
		} else if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			f := strings.Fields(line)
			if len(f) < 10 || !mine[f[9]] || strings.HasPrefix(table, "tcp") && f[3] != "0A" {
				continue // not ours, or a link and no listener
			}
			address, hexPort, _ := strings.Cut(f[1], ":")
			if address != "0100007F" && address != "00000000000000000000000001000000" {
				t.Errorf("there is a socket on %s of %s", f[1], table)
			}
			if hexPort == fmt.Sprintf("%04X", port) {
				found[table] = true
			}
		}
	}
	if !found["tcp"] {
		t.Error("the agent's own socket was not among them")
	}
}

func TestAPortThatIsTakenIsSaidInOneLine(t *testing.T) {
	t.Parallel()
	a := start(t, nil, agent.Config{})
	own, _ := url.Parse(a.URL())
	var port int
	fmt.Sscan(own.Port(), &port)
	_, err := agent.New(agent.Config{Name: "second", Port: port})
	if err == nil || !strings.Contains(err.Error(), "VW_PORT") || strings.Contains(err.Error(), "\n") {
		t.Errorf("a second agent on the port: %v", err)
	}
}
