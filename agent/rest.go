package agent

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"vw/command"
)

// The REST fallback translates requests to commands: there is one table and
// one policy. UPDATE is the first vw's word for PUT.
var changing = []string{http.MethodPost, http.MethodPut, "UPDATE"}

func (l *local) addStream(w http.ResponseWriter, r *http.Request) {
	if raw, ok := rule(w, r); ok {
		stream, err := l.agent.commands.AddStream(r.Context(), command.Local, raw)
		reply(w, stream, err)
	}
}

func (l *local) addDestination(w http.ResponseWriter, r *http.Request) {
	if raw, ok := rule(w, r); ok {
		destination, err := l.agent.commands.AddDestination(r.Context(), command.Local, raw)
		reply(w, destination, err)
	}
}

func (l *local) streams(w http.ResponseWriter, r *http.Request, which string) {
	if !only(w, r, http.MethodGet, http.MethodDelete) {
		return
	}
	if r.Method == http.MethodDelete {
		deleted, err := l.agent.commands.DeleteStream(r.Context(), command.Local, which)
		reply(w, deleted, err)
		return
	}
	rules := l.agent.commands.Rules().Streams
	if which == "all" {
		answerJSON(w, rules)
	} else if feeds, ok := rules[strings.TrimPrefix(which, "/")]; ok {
		answerJSON(w, feeds)
	} else {
		fail(w, http.StatusNotFound, "there is no such stream rule: GET /api/streams/all lists those there are")
	}
}

func (l *local) destinations(w http.ResponseWriter, r *http.Request, which string) {
	if !only(w, r, http.MethodGet, http.MethodDelete) {
		return
	}
	if r.Method == http.MethodDelete {
		deleted, err := l.agent.commands.DeleteDestination(r.Context(), command.Local, which)
		reply(w, deleted, err)
		return
	}
	rules := l.agent.commands.Rules().Destinations
	if which == "all" {
		answerJSON(w, rules)
	} else if rule, ok := rules[which]; ok {
		answerJSON(w, rule)
	} else {
		fail(w, http.StatusNotFound, "there is no such destination rule: GET /api/destinations/all lists those there are")
	}
}

// endpoints lets the owner drop an endpoint of the command channel that would be
// dialled where the one in force cannot be reached: former, or configured.
func (l *local) endpoints(w http.ResponseWriter, r *http.Request, which string) {
	if !only(w, r, http.MethodDelete) {
		return
	}
	if !l.agent.channel.Forget(which) {
		fail(w, http.StatusNotFound, "there is no such endpoint: of those that GET /api/stats shows under control, former and configured can be dropped")
		return
	}
	l.agent.log.Info("command channel's endpoint dropped", "endpoint", which)
	_ = l.agent.store.Save() // the state file tells
	answerJSON(w, which)
}

// rule reads the rule that a request carries.
func rule(w http.ResponseWriter, r *http.Request) (json.RawMessage, bool) {
	if !only(w, r, changing...) {
		return nil, false
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, command.MaxCommand))
	if tooLong := (*http.MaxBytesError)(nil); errors.As(err, &tooLong) {
		fail(w, http.StatusRequestEntityTooLarge, "the rule is longer than 1 MiB")
		return nil, false
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		fail(w, http.StatusRequestTimeout, fmt.Sprintf("the rule did not arrive within %v: send it again", bodyWithin))
		return nil, false
	}
	if err != nil {
		fail(w, http.StatusBadRequest, "the rule did not arrive whole: send it again")
		return nil, false
	}
	_ = http.NewResponseController(w).SetReadDeadline(time.Time{})
	return body, true
}

// reply is what a command answered.
func reply(w http.ResponseWriter, v any, err error) {
	var refused *command.Error
	switch {
	case err == nil:
		answerJSON(w, v)
	case errors.As(err, &refused):
		status, ok := map[command.Kind]int{
			command.Invalid: http.StatusBadRequest, command.NotFound: http.StatusNotFound,
			command.Conflict: http.StatusConflict, command.Canceled: http.StatusServiceUnavailable,
		}[refused.Kind]
		if !ok {
			status = http.StatusInternalServerError
		}
		if refused.Field != "" { // the body is the protocol's
			w.Header().Set("Vw-Field", refused.Field)
		}
		fail(w, status, refused.Why)
	default:
		fail(w, http.StatusInternalServerError, "internal error")
	}
}
