package agent

import (
	"net"
	"net/http"
	"net/url"
	"strings"
)

// guard keeps web pages out. A browser on this machine reaches loopback on
// behalf of any page that it shows: such a request names a foreign Host (DNS
// rebinding), or carries a foreign Origin, or says by Sec-Fetch-Site where it
// comes from. ffmpeg and curl send neither of the last two.
func guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case !localHost(r.Host):
			fail(w, http.StatusMisdirectedRequest, "this server is for its own machine: use localhost, 127.0.0.1 or [::1]")
		case !ownOrigin(r):
			fail(w, http.StatusForbidden, "requests on behalf of other web pages are refused")
		default:
			next.ServeHTTP(w, r)
		}
	})
}

func localHost(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	switch strings.ToLower(strings.Trim(host, "[]")) {
	case "localhost", "127.0.0.1", "::1":
		return true
	}
	return false
}

func ownOrigin(r *http.Request) bool {
	for _, origin := range r.Header.Values("Origin") {
		u, err := url.Parse(origin)
		if err != nil || u.Scheme != "http" || !strings.EqualFold(u.Host, r.Host) {
			return false
		}
	}
	for _, site := range r.Header.Values("Sec-Fetch-Site") {
		if site != "same-origin" && site != "none" && !navigation(r) {
			return false
		}
	}
	return true
}

// navigation is a person who follows a link to the page.
func navigation(r *http.Request) bool {
	return r.Method == http.MethodGet && r.URL.Path == "/" &&
		r.Header.Get("Sec-Fetch-Mode") == "navigate" && r.Header.Get("Sec-Fetch-Dest") == "document"
}
