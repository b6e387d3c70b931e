package local

import (
	"crypto/subtle"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"

	"vw/agent/owner"
	"vw/command"
)

// A guard keeps web pages out. A browser on this machine reaches loopback on
// behalf of any page that it shows: such a request names a foreign Host (DNS
// rebinding), or carries a foreign Origin, or says by Sec-Fetch-Site where it
// comes from. ffmpeg and curl send neither of the last two.
//
// What another program left in the browser when it had this port, a service
// worker above all, is of the same origin as the page: only the page's token
// tells the two apart.
type guard struct {
	next  http.Handler
	token string // the page's
	owner *owner.Owner
	log   *slog.Logger
}

// ServeHTTP lets a request in, or says why not.
func (g *guard) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "no-store")
	shown, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	switch {
	case !LocalHost(r.Host):
		writeError(w, http.StatusMisdirectedRequest, "this server is for its own machine: use localhost, 127.0.0.1 or [::1]")
	case !ownOrigin(r):
		writeError(w, http.StatusForbidden, "requests on behalf of other web pages are refused")
	case speculative(r):
		writeError(w, http.StatusForbidden, "nothing is fetched here before it is wanted")
	case r.Header.Get("Service-Worker") != "":
		clearSite(w)
		writeError(w, http.StatusForbidden, "there is no service worker here")
	case typed(r):
		writeError(w, http.StatusForbidden, "a browser cannot open this address, to which another site may have sent it: open http://"+r.Host+"/ or use curl")
	case pageAlone(r) && subtle.ConstantTimeCompare([]byte(r.Header.Get(tokenHeader)), []byte(g.token)) != 1:
		clearSite(w)
		writeError(w, http.StatusForbidden, "the agent has been started since this page was loaded, or the page is not the agent's: type its address anew")
	case ownersOnly(r) && !g.owner.Allows(shown):
		g.log.Warn("request without the owner's token refused", "method", r.Method, "path", r.URL.Path)
		w.Header().Set("WWW-Authenticate", "Bearer")
		writeError(w, http.StatusUnauthorized, "this wants the owner's token: --owner-token-file with vw, Authorization: Bearer with curl, its field on the page")
	default:
		g.next.ServeHTTP(w, r)
	}
}

// tokenHeader carries the token that the page was given.
const tokenHeader = "Vw-Page-Token"

// clearSite has the browser forget what other programs left when they had this
// port: service workers, storage, cached files.
func clearSite(w http.ResponseWriter) { w.Header().Set("Clear-Site-Data", `"storage", "cache"`) }

// speculative reports whether a browser fetches something in case that it is wanted.
func speculative(r *http.Request) bool {
	for _, name := range []string{"Sec-Purpose", "Purpose", "X-Purpose", "X-Moz"} {
		if strings.Contains(strings.ToLower(strings.Join(r.Header.Values(name), ",")), "pre") { // prefetch, preview, prerender
			return true
		}
	}
	return false
}

// typed reports whether an address was typed, or is one that the typed one
// redirected to: no browser tells the two apart.
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

// pageAlone reports whether a browser asks for a change, or for a websocket. To
// mute and to lock is always allowed.
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

// mayHaveToken reports whether a person opens the page. What a script fetches is not, nor
// what a service worker fetches in the browser's place, nor a window that another
// document of this origin opens and could read.
func mayHaveToken(r *http.Request) bool {
	dest := r.Header.Get("Sec-Fetch-Dest")
	return dest == "" || // no browser, or one that is too old to tell
		dest == "document" && r.Header.Get("Sec-Fetch-Mode") == "navigate" && r.Header.Get("Sec-Fetch-Site") != "same-origin" &&
			r.Header.Get("Service-Worker-Navigation-Preload") == ""
}

// LocalHost reports whether a request's Host is this machine.
func LocalHost(host string) bool {
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

// navigation reports whether a person follows a link to the page.
func navigation(r *http.Request) bool {
	return r.Method == http.MethodGet && r.URL.Path == "/" &&
		r.Header.Get("Sec-Fetch-Mode") == "navigate" && r.Header.Get("Sec-Fetch-Dest") == "document"
}

// ownersOnly reports whether a request undoes the owner's word, or changes rules
// from the page. The owner's token is wanted for that, where there is one; to mute
// and to lock it never is.
func ownersOnly(r *http.Request) bool {
	path := r.URL.Path
	undoes := r.Method == http.MethodDelete
	switch {
	case strings.HasPrefix(path, "/api/mutes/"), path == "/api/lock":
		return undoes
	case (path == "/api/destinations/"+command.APIRule || strings.HasPrefix(path, "/api/endpoints/")) && undoes:
		return true
	}
	reads := r.Method == http.MethodGet || r.Method == http.MethodHead
	return fromBrowser(r) && (!reads || path == "/ws/"+command.APIStream)
}
