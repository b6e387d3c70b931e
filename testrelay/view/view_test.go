package view_test

import (
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"vw/testrelay"
)

// look asks once for what is at a path.
func look(t *testing.T, s *testrelay.Server, method, path string, header ...string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, "http"+strings.TrimPrefix(s.URL(), "ws")+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(body)
}

func listen(t *testing.T, cfg testrelay.Config) *testrelay.Server {
	t.Helper()
	s, err := testrelay.Listen(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func TestPageFetchesNothingFromElsewhereAndIsNoHTMLOfStrangers(t *testing.T) {
	s := listen(t, testrelay.Config{})
	resp, page := look(t, s, "GET", `/view/a%22%3E%3Cscript%3Ealert(1)%3C/script%3E`)
	if resp.StatusCode != http.StatusOK || !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/html") || resp.Header.Get("Referrer-Policy") != "no-referrer" {
		t.Fatalf("%s %v", resp.Status, resp.Header)
	}
	if strings.Contains(page, "<script>alert") || !strings.Contains(page, "&lt;script&gt;alert(1)") {
		t.Error("a topic is taken for HTML")
	}
	if elsewhere := regexp.MustCompile(`(?i)https?://|@import|: *url\(`).FindString(page); elsewhere != "" {
		t.Errorf("the page names %q", elsewhere)
	}
	policy := resp.Header.Get("Content-Security-Policy")
	for _, part := range []string{"default-src 'none'", "script-src 'self'", "base-uri 'none'", "frame-ancestors 'none'", "form-action 'none'"} {
		if !strings.Contains(policy, part) {
			t.Errorf("%q is not in %q", part, policy)
		}
	}
	nonce := regexp.MustCompile(`style-src 'nonce-([^']+)'`).FindStringSubmatch(policy)
	if strings.Contains(policy, "unsafe") || nonce == nil || !strings.Contains(page, `nonce="`+nonce[1]+`"`) {
		t.Errorf("the policy is %q", policy)
	}
	if _, other := look(t, s, "GET", "/view/a"); nonce != nil && strings.Contains(other, nonce[1]) {
		t.Error("a nonce is used twice")
	}
}

func TestScriptsAreServedAndNothingBesideThem(t *testing.T) {
	s := listen(t, testrelay.Config{Auth: testrelay.AnyAuth, Token: "secret"})
	for path, status := range map[string]int{
		"/player/player.js": 200, "/player/mpeg1.js": 200, "/player/none.js": 404, "/player/../view.go": 400, "/player/%2e%2e/page.html": 400,
	} {
		resp, _ := look(t, s, "GET", path)
		if resp.StatusCode != status || status == 200 && !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/javascript") {
			t.Errorf("%s: %s %s", path, resp.Status, resp.Header.Get("Content-Type"))
		}
	}
	if resp, _ := look(t, s, "POST", "/player/player.js"); resp.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("POST: %s", resp.Status)
	}
}

func TestPageIsForThoseWhoMayRead(t *testing.T) {
	s := listen(t, testrelay.Config{Auth: testrelay.AnyAuth, Token: "secret"})
	for path, status := range map[string]int{"/view/video0": 401, "/view/video0?token=wrong": 401, "/view/video0?token=secret": 200, "/view/": 404} {
		if resp, _ := look(t, s, "GET", path); resp.StatusCode != status {
			t.Errorf("%s: %s", path, resp.Status)
		}
	}
	if resp, _ := look(t, s, "HEAD", "/view/video0", "Authorization", "Bearer secret"); resp.StatusCode != http.StatusOK {
		t.Errorf("with a header: %s", resp.Status)
	}
	if resp, _ := look(t, s, "POST", "/view/video0?token=secret"); resp.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("POST: %s", resp.Status)
	}
}
