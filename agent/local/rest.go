package local

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

// REST translates requests to commands: there is one table and one policy.

func (h *handlers) addStream(w http.ResponseWriter, r *http.Request, _ string) {
	if raw, ok := readRule(w, r); ok {
		stream, err := h.Commands.AddStream(r.Context(), command.Local, raw)
		writeResult(w, stream, err)
	}
}

func (h *handlers) addDestination(w http.ResponseWriter, r *http.Request, _ string) {
	if raw, ok := readRule(w, r); ok {
		destination, err := h.Commands.AddDestination(r.Context(), command.Local, raw)
		writeResult(w, destination, err)
	}
}

func (h *handlers) deleteStream(w http.ResponseWriter, r *http.Request, which string) {
	deleted, err := h.Commands.DeleteStream(r.Context(), command.Local, which)
	writeResult(w, deleted, err)
}

func (h *handlers) deleteDestination(w http.ResponseWriter, r *http.Request, which string) {
	deleted, err := h.Commands.DeleteDestination(r.Context(), command.Local, which)
	writeResult(w, deleted, err)
}

func (h *handlers) listStreams(w http.ResponseWriter, _ *http.Request, which string) {
	rules := h.Commands.Rules().Streams
	if which == "all" {
		writeJSON(w, rules)
	} else if feeds, ok := rules[strings.TrimPrefix(which, "/")]; ok {
		writeJSON(w, feeds)
	} else {
		writeError(w, http.StatusNotFound, "there is no such stream rule: GET /api/streams/all lists those there are")
	}
}

func (h *handlers) listDestinations(w http.ResponseWriter, _ *http.Request, which string) {
	rules := h.Commands.Rules().Destinations
	if which == "all" {
		writeJSON(w, rules)
	} else if rule, ok := rules[which]; ok {
		writeJSON(w, rule)
	} else {
		writeError(w, http.StatusNotFound, "there is no such destination rule: GET /api/destinations/all lists those there are")
	}
}

// forgetEndpoint lets the owner drop an endpoint of the command channel that would
// be dialled where the one in force cannot be reached: former, or configured.
func (h *handlers) forgetEndpoint(w http.ResponseWriter, r *http.Request, which string) {
	if !h.Channel.Forget(which) {
		writeError(w, http.StatusNotFound, "there is no such endpoint: of those that GET /api/stats shows under control, former and configured can be dropped")
		return
	}
	h.Log.Info("command channel's endpoint dropped", "endpoint", which, "by", command.ActorIn(r.Context()).String())
	h.Journal.Endpoint(r.Context(), which)
	_ = h.Store.Force() // it logs
	writeJSON(w, which)
}

// readRule reads the rule that a request carries.
func readRule(w http.ResponseWriter, r *http.Request) (json.RawMessage, bool) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, command.MaxCommand))
	if tooLong := (*http.MaxBytesError)(nil); errors.As(err, &tooLong) {
		writeError(w, http.StatusRequestEntityTooLarge, "the rule is longer than 1 MiB")
		return nil, false
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		writeError(w, http.StatusRequestTimeout, fmt.Sprintf("the rule did not arrive within %v: send it again", bodyTimeout))
		return nil, false
	}
	if err != nil {
		writeError(w, http.StatusBadRequest, "the rule did not arrive whole: send it again")
		return nil, false
	}
	_ = http.NewResponseController(w).SetReadDeadline(time.Time{})
	return body, true
}
