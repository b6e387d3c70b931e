package local

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

func (h *handlers) listMutes(w http.ResponseWriter, _ *http.Request, _ string) {
	writeJSON(w, h.Owner.Muted())
}

// mute takes a JSON body with until, for or every, or none.
func (h *handlers) mute(w http.ResponseWriter, r *http.Request, entry string) {
	feed, err := owner.ParseFeed(entry)
	if err != nil {
		writeResult(w, nil, err)
		return
	}
	when, err := readWhen(w, r)
	if err != nil {
		writeError(w, http.StatusBadRequest, err.Error())
		return
	}
	m, err := h.Owner.NewMute(feed, when)
	if err == nil {
		err = h.Owner.Mute(r.Context(), m)
	}
	h.writeMutes(w, h.unknownFeed(feed), err)
}

func (h *handlers) unmute(w http.ResponseWriter, r *http.Request, entry string) {
	feed, err := owner.ParseFeed(entry)
	if err == nil {
		err = h.Owner.Unmute(r.Context(), feed)
	}
	h.writeMutes(w, h.Owner.Still(feed), err)
}

func (h *handlers) writeMutes(w http.ResponseWriter, warning string, err error) {
	writeResult(w, status.Mutes{Mutes: h.Owner.Muted(), Schedule: h.Owner.Info().Schedule, Kept: h.Store.Keeps(), Warning: warning}, err)
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
func (h *handlers) unknownFeed(entry string) string {
	name, _, _ := strings.Cut(entry, ":")
	feeds := h.Router.Feeds()
	if _, known := feeds[name]; known || name == media.MuteAll {
		return ""
	}
	if made, is := h.Commands.Rules().Streams[name]; is {
		return fmt.Sprintf("%s is a stream, not a feed: what leaves is the feeds that it is made of (%s), mute those", name, strings.Join(made, ", "))
	}
	if len(feeds) == 0 {
		return fmt.Sprintf("there is no feed %s now, nor any other: check the name", name)
	}
	return fmt.Sprintf("there is no feed %s now, only %s: check the name", name, strings.Join(slices.Sorted(maps.Keys(feeds)), ", "))
}

// lock serves /api/lock.
func (h *handlers) lock(w http.ResponseWriter, r *http.Request, _ string) {
	var err error
	if r.Method == http.MethodPut || r.Method == http.MethodDelete {
		err = h.Owner.Lock(r.Context(), r.Method == http.MethodPut)
		h.Log.Info("owner's lock", "locked", h.Owner.Locked(), "by", command.ActorIn(r.Context()).String())
	}
	writeResult(w, status.Lock{Locked: h.Owner.Locked(), Kept: h.Store.Keeps()}, err)
}
