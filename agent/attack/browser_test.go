package attack_test

import (
	"net/http"
	"testing"

	"vw/agent"
)

// What a browser fetches ahead nobody has asked for.
func TestNothingIsFetchedAhead(t *testing.T) {
	v := start(t, agent.Config{})
	for _, path := range []string{"/ts/cam", "/api/streams/all", "/api/stats", "/api/feeds/all", "/metrics", "/ws/cam"} {
		for _, purpose := range []string{"prefetch", "prefetch;prerender", "prefetch;anonymous-client-ip", "prerender"} {
			status, text := v.request(http.MethodHead, path, "", "Sec-Purpose", purpose, "Sec-Fetch-Site", "none")
			if status/100 == 2 || status == http.StatusMethodNotAllowed {
				t.Errorf("%s with Sec-Purpose %s: HTTP %d %.100s", path, purpose, status, text)
			}
		}
	}
}
