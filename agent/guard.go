package agent

import (
	"crypto/subtle"
	"net"
	"net/http"
	"net/url"
	"strings"
)

// guard keeps web pages out. A browser on this machine reaches loopback on
// behalf of any page that it shows: such a request names a foreign Host (DNS
// rebinding), or carries a foreign Origin, or says by Sec-Fetch-Site where it
// comes from. ffmpeg and curl send neither of the last two.
//
// What another program left in the browser when it had this port, a service
// worker above all, is of the same origin as the page: only the page's token
// tells the two apart.
func guard(next http.Handler, token string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case !localHost(r.Host):
			fail(w, http.StatusMisdirectedRequest, "this server is for its own machine: use localhost, 127.0.0.1 or [::1]")
		case !ownOrigin(r):
			fail(w, http.StatusForbidden, "requests on behalf of other web pages are refused")
		case speculative(r):
			fail(w, http.StatusForbidden, "nothing is fetched here before it is wanted")
		case r.Header.Get("Service-Worker") != "":
			clearSite(w)
			fail(w, http.StatusForbidden, "there is no service worker here")
		case typed(r):
			fail(w, http.StatusForbidden, "a browser cannot open this address, to which another site may have sent it: open http://"+r.Host+"/ or use curl")
		case pageAlone(r) && subtle.ConstantTimeCompare([]byte(r.Header.Get(tokenHeader)), []byte(token)) != 1:
			clearSite(w)
			fail(w, http.StatusForbidden, "the agent has been started since this page was loaded, or the page is not the agent's: type its address anew")
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// tokenHeader carries the token that the page was given.
const tokenHeader = "Vw-Page-Token"

// clearSite has the browser forget what other programs left when they had this
// port: service workers, storage, cached files.
func clearSite(w http.ResponseWriter) { w.Header().Set("Clear-Site-Data", `"storage", "cache"`) }

// speculative is what a browser fetches in case that it is wanted.
func speculative(r *http.Request) bool {
	for _, name := range []string{"Sec-Purpose", "Purpose", "X-Purpose", "X-Moz"} {
		if strings.Contains(strings.ToLower(strings.Join(r.Header.Values(name), ",")), "pre") { // prefetch, preview, prerender
			return true
		}
	}
	return false
}

// typed is an address that was typed, or that the typed one redirected to: no
// browser tells the two apart.
func typed(r *http.Request) bool {
	for _, prefix := range []string{"/ts/", "/ws/", "/api/"} {
		if strings.HasPrefix(r.URL.Path, prefix) {
			return r.Header.Get("Sec-Fetch-Mode") == "navigate" && r.Header.Get("Sec-Fetch-Site") == "none"
		}
	}
	return false
}

// fromBrowser reports whether a request is a browser's, which sends one of the two.
func fromBrowser(r *http.Request) bool {
	return r.Header.Get("Origin") != "" || r.Header.Get("Sec-Fetch-Site") != ""
}

// pageAlone is a change that a browser asks for, or a websocket of one. To mute
// and to lock is always allowed.
func pageAlone(r *http.Request) bool {
	if !fromBrowser(r) {
		return false
	}
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		return strings.HasPrefix(r.URL.Path, "/ws/")
	case http.MethodPut:
		return !strings.HasPrefix(r.URL.Path, "/api/mutes/") && r.URL.Path != "/api/lock"
	}
	return true
}

// mayHaveToken is a person who opens the page. What a script fetches is not, nor
// what a service worker fetches in the browser's place, nor a window that another
// document of this origin opens and could read.
func mayHaveToken(r *http.Request) bool {
	dest := r.Header.Get("Sec-Fetch-Dest")
	return dest == "" || // no browser, or one that is too old to tell
		dest == "document" && r.Header.Get("Sec-Fetch-Mode") == "navigate" && r.Header.Get("Sec-Fetch-Site") != "same-origin" &&
			r.Header.Get("Service-Worker-Navigation-Preload") == ""
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
