package agent

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"

	"vw/agent/owner"
	"vw/agent/status"
	"vw/command"
	"vw/media"
)

// maxWhen bounds the body that says when a feed is muted, in bytes.
const maxWhen = 4 << 10

// mutes serves /api/mutes/: PUT takes a JSON body with until, for or every, or none.
func (l *local) mutes(w http.ResponseWriter, r *http.Request, entry string) {
	o := l.agent.owner
	if entry == "all" && r.Method == http.MethodGet {
		answerJSON(w, o.Muted())
		return
	}
	if !only(w, r, http.MethodPut, http.MethodDelete) {
		return
	}
	feed, err := owner.ParseFeed(entry)
	var m owner.Mute
	if err == nil && r.Method == http.MethodPut {
		var when owner.When
		if when, err = readWhen(w, r); err != nil {
			fail(w, http.StatusBadRequest, err.Error())
			return
		}
		m, err = o.NewMute(feed, when)
	}
	warning := ""
	switch {
	case err != nil:
	case r.Method == http.MethodPut:
		err, warning = o.Mute(r.Context(), m), l.agent.unknownFeed(feed)
	default:
		err, warning = o.Unmute(r.Context(), feed), o.Still(feed)
	}
	reply(w, status.Mutes{Mutes: o.Muted(), Schedule: o.Info().Schedule, Kept: l.agent.store.Keeps(), Warning: warning}, err)
}

// readWhen reads when a feed is to be muted. No body is always.
func readWhen(w http.ResponseWriter, r *http.Request) (when owner.When, err error) {
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxWhen))
	d.DisallowUnknownFields()
	if err = d.Decode(&when); errors.Is(err, io.EOF) {
		return when, nil
	}
	if err == nil && d.Decode(&struct{}{}) == io.EOF {
		return when, nil
	}
	return when, errors.New(`when it is muted has to be JSON such as {"until":"18:00"}, {"for":"45m"} or {"every":"mon-fri 08:00-18:00"}`)
}

// unknownFeed warns whoever mutes what is not there: it is muted, but it may be a
// mistyped name. It returns "" where the feed is known.
func (a *Agent) unknownFeed(entry string) string {
	name, _, _ := strings.Cut(entry, ":")
	feeds := a.router.Feeds()
	if _, known := feeds[name]; known || name == media.MuteAll {
		return ""
	}
	if made, is := a.commands.Rules().Streams[name]; is {
		return fmt.Sprintf("%s is a stream, not a feed: what leaves is the feeds that it is made of (%s), mute those", name, strings.Join(made, ", "))
	}
	if len(feeds) == 0 {
		return fmt.Sprintf("there is no feed %s now, nor any other: check the name", name)
	}
	return fmt.Sprintf("there is no feed %s now, only %s: check the name", name, strings.Join(slices.Sorted(maps.Keys(feeds)), ", "))
}

// lock serves /api/lock.
func (l *local) lock(w http.ResponseWriter, r *http.Request) {
	if !only(w, r, http.MethodGet, http.MethodPut, http.MethodDelete) {
		return
	}
	o := l.agent.owner
	var err error
	if r.Method == http.MethodPut || r.Method == http.MethodDelete {
		err = o.Lock(r.Context(), r.Method == http.MethodPut)
		l.agent.log.Info("owner's lock", "locked", o.Locked())
	}
	reply(w, status.Lock{Locked: o.Locked(), Kept: l.agent.store.Keeps()}, err)
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

// allowed refuses a request that wants the owner's token and does not show it.
func (l *local) allowed(w http.ResponseWriter, r *http.Request) bool {
	shown, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ownersOnly(r) || l.agent.owner.Allows(shown) {
		return true
	}
	l.agent.log.Warn("request without the owner's token refused", "method", r.Method, "path", r.URL.Path)
	w.Header().Set("WWW-Authenticate", "Bearer")
	fail(w, http.StatusUnauthorized, "this wants the owner's token: --owner-token-file with vw, Authorization: Bearer with curl, its field on the page")
	return false
}
