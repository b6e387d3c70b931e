package command

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
)

func (h *Handler) addStream(ctx context.Context, from Origin, raw json.RawMessage) (Stream, error) {
	rule, err := parseStream(raw)
	if err != nil {
		return Stream{}, err
	}
	rules := h.Rules()
	if err := rules.roomForStream(rule); err != nil {
		return Stream{}, err
	}
	if _, err := h.commit(ctx, h.beside(from, rules.withStream(rule))); err != nil {
		return Stream{}, err
	}
	h.config.Log.Info("stream rule added", "stream", rule.Stream, "feeds", some(rule.Feeds), "by", ActorIn(ctx).String())
	rule.Warning = warning(rule.Warning, h.notFed(rule.Feeds))
	return rule, nil
}

func (h *Handler) addDestination(ctx context.Context, from Origin, raw json.RawMessage) (Destination, error) {
	rule, tokenGiven, err := parseDestination(raw)
	if err != nil {
		return Destination{}, err
	}
	rules := h.Rules()
	said := rule.Warning
	rule.Warning = ""
	rule, forgotten := h.goOn(rule, rules, from, tokenGiven)
	if err := rule.Check(); err != nil {
		return Destination{}, err
	}
	next := rules.withDestination(rule)
	if len(next.Destinations) > len(rules.Destinations) {
		if err := next.bounded(); err != nil {
			return Destination{}, err
		}
	}
	admitted, err := h.admit(rule) // the same rule too: it may not be wholly in force
	if err != nil {
		return Destination{}, err
	}
	trial, err := h.commit(ctx, h.beside(from, next, admitted))
	if err != nil {
		return Destination{}, err
	}
	h.config.Log.Info("destination rule added", "rule", rule, "by", ActorIn(ctx).String())
	if rule.ID == APIRule {
		rule.Trial = trial
	} else if !rule.OfStream {
		said = warning(said, h.noSuchName(rule.Stream, rules))
	}
	rule.Warning = warning(said, forgotten)
	return rule, nil
}

// goOn gives a rule what it has of the one that it replaces, and of the table.
// The words say that a token was not kept.
func (h *Handler) goOn(rule Destination, rules Rules, from Origin, tokenGiven bool) (whole Destination, forgotten string) {
	old := rules.Destinations[rule.ID]
	if back, known := h.config.Reports.InForce(); known && rule.ID == APIRule && rule.Destination == back.Destination &&
		rule.Auth == back.Auth && (!tokenGiven || rule.Token == back.Token) {
		old = back // the end of a trial
	}
	token, credential := old.secret()
	switch {
	case tokenGiven || rule.Credential != "" || token+credential == "":
	case rule.takesTokenOf(old):
		rule.Token, rule.Credential = token, credential
	default:
		forgotten = "the token is forgotten, since it was given for another place: give one again if this needs one"
	}
	_, rule.OfStream = rules.Streams[rule.Stream]
	rule.Local = from == Local || old.Local && rule.reads(old)
	return rule, forgotten
}

// notFed says as which feeds nothing has come in while as others it has, "" for
// none.
func (h *Handler) notFed(entries []string) string {
	var names []string
	fed := h.config.Reports.Fed()
	for _, entry := range entries {
		if feed, _, _ := strings.Cut(entry, ":"); !slices.Contains(fed, feed) {
			names = append(names, feed)
		}
	}
	if len(names) == 0 || len(fed) == 0 {
		return ""
	}
	return "nothing has come in so far as " + some(names) + ", but as " + some(fed)
}

// noSuchName says that a destination's name is neither a stream nor a feed that
// has come in, and which there are, "" for neither.
func (h *Handler) noSuchName(name string, rules Rules) string {
	fed := h.config.Reports.Fed()
	there := slices.Concat(slices.Sorted(maps.Keys(rules.Streams)), fed)
	if slices.Contains(fed, name) || len(there) == 0 {
		return ""
	}
	return "no stream is called " + some([]string{name}) + ", and nothing has come in so far as a feed of that name: there are " + some(there)
}

// ReplaceAPIRule puts what next returns in the place of apiRule, where that is
// another. Next is called in turn, so that no command comes between.
func (h *Handler) ReplaceAPIRule(ctx context.Context, next func(present Destination) Destination) error {
	return h.InTurn(ctx, func() error {
		rules := h.Rules()
		present, known := rules.Destinations[APIRule]
		if !known {
			return nil
		}
		rule := next(present)
		if rule == present {
			return nil
		}
		_, err := h.commit(ctx, h.beside(Remote, rules.withDestination(rule)))
		return err
	})
}

func (h *Handler) admit(rule Destination) (Admission, error) {
	admitted, err := h.config.Effects.Admit(rule)
	if err == nil {
		return admitted, nil
	}
	e := &Error{Kind: Invalid, Field: "destination", Why: err.Error()}
	if refused := (*Error)(nil); errors.As(err, &refused) {
		e.Kind, e.Field = refused.Kind, refused.Field
	}
	return nil, e
}

func (h *Handler) deleteStream(ctx context.Context, from Origin, which string) (string, error) {
	deleted, next := deleteAll, h.Rules().withoutStreams()
	if which != all {
		name, err := StreamName(which)
		if err != nil {
			return "", err
		}
		deleted, next = name, h.Rules().withoutStream(name)
	}
	if _, err := h.commit(ctx, h.beside(from, next)); err != nil {
		return "", err
	}
	h.config.Log.Info("stream rule deleted", "stream", which, "by", ActorIn(ctx).String())
	return deleted, nil
}

func (h *Handler) deleteDestination(ctx context.Context, from Origin, which string) (string, error) {
	if which == APIRule && from != Local {
		return "", errAPIRule
	}
	deleted, next := deleteAll, h.Rules().withoutDestinations()
	if which != all {
		if err := checkName("id", which); err != nil {
			return "", err
		}
		deleted, next = which, h.Rules().withoutDestination(which)
	}
	if _, err := h.commit(ctx, h.beside(from, next)); err != nil {
		return "", err
	}
	h.config.Log.Info("destination rule deleted", "id", which, "by", ActorIn(ctx).String())
	return deleted, nil
}
