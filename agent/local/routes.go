package local

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"vw/agent/status"
	"vw/command"
)

// bodyTimeout bounds how long a body may take to come in, but a post's: less than
// writeTimeout, since net/http reads it before it answers.
const bodyTimeout = 5 * time.Second

// A Route is a path, which may end with a name in braces, and the methods that it
// takes. GET stands for HEAD too.
type Route struct {
	Path    string
	Methods []string
	serve   func(h *handlers, w http.ResponseWriter, r *http.Request, name string)
}

var (
	get    = []string{http.MethodGet}
	remove = []string{http.MethodDelete}
	// UPDATE is the first vw's word for PUT.
	add = []string{http.MethodPost, http.MethodPut, "UPDATE"}
)

// Routes returns all that there is. Of those with one path each has methods of
// its own.
func Routes() []Route {
	return []Route{
		{"/", get, (*handlers).page},
		{"/page/{file}", get, (*handlers).page},
		{"/healthcheck", get, (*handlers).healthcheck},
		{"/api/streams", add, (*handlers).addStream},
		{"/api/streams/{name}", get, (*handlers).listStreams},
		{"/api/streams/{name}", remove, (*handlers).deleteStream},
		{"/api/destinations", add, (*handlers).addDestination},
		{"/api/destinations/{id}", get, (*handlers).listDestinations},
		{"/api/destinations/{id}", remove, (*handlers).deleteDestination},
		{"/api/endpoints/{which}", remove, (*handlers).forgetEndpoint},
		{"/api/feeds/{feed}", get, (*handlers).listFeeds},
		{"/api/devices", get, (*handlers).devices},
		{"/api/stats", get, (*handlers).stats},
		{"/api/events", get, (*handlers).events},
		{"/api/mutes/all", get, (*handlers).listMutes},
		{"/api/mutes/{feed}", []string{http.MethodPut}, (*handlers).mute},
		{"/api/mutes/{feed}", remove, (*handlers).unmute},
		{"/api/lock", []string{http.MethodGet, http.MethodPut, http.MethodDelete}, (*handlers).lock},
		{"/ts/{feed}", []string{http.MethodPost, http.MethodPut}, (*handlers).ingest},
		{"/ts/{name}", get, (*handlers).play},
		{"/ws/{name}", get, (*handlers).websocket},
		{"/preview/{picture}", get, (*handlers).preview},
		{"/metrics", get, (*handlers).metrics},
	}
}

// match returns what of path is the route's name. It reports whether the path is
// the route's.
func (route Route) match(path string) (name string, ok bool) {
	if prefix, _, named := strings.Cut(route.Path, "{"); named {
		return strings.CutPrefix(path, prefix)
	}
	return "", path == route.Path
}

// routes serves them.
type routes struct{ handlers *handlers }

// ServeHTTP finds who answers a path.
func (s routes) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	extendWrite(w)
	if r.ContentLength != 0 {
		_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(bodyTimeout))
	}
	var allowed []string
	for _, route := range Routes() {
		name, ok := route.match(r.URL.Path)
		if !ok {
			continue
		}
		if slices.Contains(route.Methods, r.Method) || r.Method == http.MethodHead && slices.Contains(route.Methods, http.MethodGet) {
			route.serve(s.handlers, w, r.WithContext(actor(r).In(r.Context())), name)
			return
		}
		allowed = append(allowed, route.Methods...)
	}
	s.handlers.misplaced.tell(s.handlers.Log, r)
	if allowed == nil {
		clearSite(w) // another program had it
		writeError(w, http.StatusNotFound, fmt.Sprintf("there is nothing at %.200q", r.URL.Path))
		return
	}
	list := strings.Join(allowed, ", ")
	w.Header().Set("Allow", list)
	writeError(w, http.StatusMethodNotAllowed, fmt.Sprintf("%.20s is not for this path: use %s", r.Method, list))
}

// actor tells who sends a request, as far as it says so itself.
func actor(r *http.Request) command.Actor {
	who := "rest"
	switch {
	case fromBrowser(r):
		who = "page"
	case r.UserAgent() == status.UserAgent:
		who = "command"
	}
	return command.Actor{Who: who}
}

func (h *handlers) healthcheck(w http.ResponseWriter, _ *http.Request, _ string) { writeJSON(w, "ok") }

func (h *handlers) stats(w http.ResponseWriter, _ *http.Request, _ string) {
	writeJSON(w, h.Reporter.Status())
}

func (h *handlers) listFeeds(w http.ResponseWriter, _ *http.Request, which string) {
	feeds := h.Reporter.Status().Feeds
	if which == "all" {
		writeJSON(w, feeds)
		return
	}
	name, err := command.FeedName(which)
	if err != nil {
		writeError(w, http.StatusBadRequest, err.Error())
	} else if feed, ok := feeds[name]; ok {
		writeJSON(w, feed)
	} else {
		writeError(w, http.StatusNotFound, "there is no such feed: GET /api/feeds/all lists those there are")
	}
}
