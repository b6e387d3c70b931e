package command

import (
	"context"
	"fmt"
	"strconv"
	"strings"
)

func isVerb(verb string) bool {
	switch verb {
	case "healthcheck", "add", "delete", "list":
		return true
	}
	return false
}

// changes says that a verb is there to change rules.
func changes(verb string) bool { return verb == "add" || verb == "delete" }

// hint says what of an unrecognised command is not known.
func (o object) hint(verb string) string {
	whats, key := `"stream" or "destination"`, "which"
	switch verb {
	case "list":
		whats = `"stream", "destination", "rules", "feed" or "status"`
	case "add":
		whats, key = `"stream", "destination", "rules", "confirm" or "watch"`, "rule"
	}
	switch what := o.word("what"); {
	case !isVerb(verb):
		return fmt.Sprintf(`verb %.40q is unknown: write "healthcheck", "add", "delete" or "list"`, verb)
	case !o.given("what"):
		return fmt.Sprintf(`what is missing: write "what":%s`, whats)
	case !strings.Contains(whats, strconv.Quote(what)):
		return fmt.Sprintf("what %.40q is unknown to %s: write %s", what, verb, whats)
	}
	return fmt.Sprintf("%s is missing: %s needs it", key, verb)
}

// A reply is what answers one command.
type reply struct {
	line  []byte
	watch *Watch // nil: it asks for none
}

// reply runs one command and encodes what it answers.
func (h *Handler) reply(ctx context.Context, from Origin, verb string, command object) (r reply, err error) {
	result, err := h.run(ctx, from, verb, command)
	if err != nil {
		return r, err
	}
	if watch, is := result.(Watch); is {
		r.watch = &watch
	}
	if r.line, err = encode(result); err != nil { // of Feeds or Status
		h.config.Log.Error("a reply cannot be encoded", "err", err)
		return r, errInternal
	}
	return r, nil
}

// run does one command and returns what is to be encoded as its reply.
func (h *Handler) run(ctx context.Context, from Origin, verb string, command object) (any, error) {
	what := command.word("what")
	switch verb {
	case "healthcheck":
		return map[string]string{"healthcheck": "ok"}, nil
	case "add":
		return h.add(ctx, from, what, command)
	case "delete":
		return h.delete(ctx, from, what, command)
	case "list":
		return h.list(from, what, command)
	}
	return nil, errUnrecognised
}

func (h *Handler) add(ctx context.Context, from Origin, what string, command object) (any, error) {
	switch what {
	case "confirm":
		return h.addConfirm(ctx, command)
	case "watch":
		return parseWatch(command)
	}
	if !command.given("rule") {
		return nil, errUnrecognised
	}
	switch what {
	case "stream":
		return h.addStream(ctx, from, command.value["rule"])
	case "destination":
		return h.addDestination(ctx, from, command.value["rule"])
	case "rules":
		return h.addRules(ctx, from, command)
	}
	return nil, errUnrecognised
}

func (h *Handler) delete(ctx context.Context, from Origin, what string, command object) (any, error) {
	if what != "stream" && what != "destination" || !command.given("which") {
		return nil, errUnrecognised
	}
	which, err := command.text("which")
	if err != nil {
		return nil, err
	}
	rules, deleted, existed := h.Rules(), "", which == all
	switch {
	case what == "stream":
		deleted, err = h.deleteStream(ctx, from, which)
		existed = existed || rules.Streams[deleted] != nil
	case which == APIRule: // no channel cuts a channel, the owner's neither
		err = errAPIRule
	default:
		deleted, err = h.deleteDestination(ctx, from, which)
		existed = existed || rules.Destinations[deleted].ID != ""
	}
	if !existed {
		return map[string]any{"deleted": deleted, "existed": false}, err
	}
	return map[string]string{"deleted": deleted}, err
}

func (h *Handler) list(from Origin, what string, command object) (any, error) {
	switch what {
	case "status":
		return h.config.Reports.Status(from), nil
	case "rules":
		return h.listRules(), nil
	}
	if what != "stream" && what != "destination" && what != "feed" || !command.given("which") {
		return nil, errUnrecognised
	}
	which, err := command.text("which")
	if err != nil {
		return nil, err
	}
	switch what {
	case "stream":
		return h.listStream(which)
	case "destination":
		return h.listDestination(which)
	}
	return h.listFeed(from, which)
}

func (h *Handler) listStream(which string) (any, error) {
	streams := h.Rules().Streams
	if which == all {
		return streams, nil
	}
	name, err := StreamName(which)
	return map[string][]string{"feeds": streams[name]}, err // null where there is no such rule
}

func (h *Handler) listDestination(which string) (any, error) {
	destinations := h.Rules().Destinations
	if which == all {
		return destinations, nil
	}
	if rule, known := destinations[which]; known {
		return rule, nil
	}
	return nil, notThere("destination", which)
}

func (h *Handler) listFeed(from Origin, which string) (any, error) {
	name := which
	if which != all {
		var err error
		if name, err = FeedName(which); err != nil {
			return nil, err
		}
	}
	if feed, known := h.config.Reports.Feeds(from, name); known {
		return feed, nil
	}
	return nil, notThere("feed", which)
}

func notThere(what, which string) error {
	return &Error{Kind: NotFound, Why: fmt.Sprintf(`there is no %s %.140q: "which":"all" lists those there are`, what, which)}
}
