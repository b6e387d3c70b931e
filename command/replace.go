package command

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"
)

// The bounds of how long a table may be on trial.
const (
	minConfirm = time.Second
	maxConfirm = time.Hour
)

// A replacement is what a command says that replaces the table.
type replacement struct {
	table   sentTable
	present string        // the hash that the present table must have, "" for any
	confirm time.Duration // how long the table is on trial, 0 for none
	dryRun  bool
}

// A tableReply is a table as it is listed.
type tableReply struct {
	Rules   Table  `json:"rules"`
	Hash    string `json:"hash"`
	Confirm string `json:"confirm,omitempty"` // how long there still is to confirm it
	DryRun  bool   `json:"dryRun,omitempty"`
	Warning string `json:"warning,omitempty"`
}

func (h *Handler) listRules() tableReply {
	h.mutex.Lock()
	rules, hash, trial := h.rules, h.hash, h.trial
	h.mutex.Unlock()
	return tableReply{Rules: rules.table(), Hash: hash(), Confirm: trial.left()}
}

// addRules puts a table in the place of all rules but apiRule. What it leaves as it
// was is not touched. The same table again changes nothing, whatever "if" says, so
// that a command that comes twice does no harm.
func (h *Handler) addRules(ctx context.Context, from Origin, command object) (any, error) {
	r, err := parseReplacement(command)
	if err != nil {
		return nil, err
	}
	present, already := h.Rules(), h.onTrial()
	next, err := h.completed(r.table, present, from)
	if err != nil {
		return nil, err
	}
	same := next.equal(present)
	if !same && r.present != "" && r.present != h.Hash() {
		return nil, &Error{Kind: Conflict, Why: fmt.Sprintf("the rules are others than \"if\" says, their hash is %s: list rules, and decide again", h.Hash())}
	}
	change := change{rules: next, trial: already}
	if !same || r.confirm == 0 {
		change.trial = r.trial(present, already)
	}
	switch {
	case r.dryRun:
		if change, err = h.admitAll(change); err != nil {
			return nil, err
		}
		undo(change.admitted)
		return tableReply{Rules: next.table(), Hash: next.hash(), DryRun: true, Warning: r.table.warning}, nil
	case !same || change.trial != already:
		if err = h.replace(ctx, change); err != nil {
			return nil, err
		}
	}
	reply := h.listRules()
	reply.Warning = r.table.warning
	return reply, nil
}

// completed returns the rules that a table makes of those in force.
func (h *Handler) completed(t sentTable, present Rules, from Origin) (Rules, error) {
	next := Rules{t.streams, map[string]Destination{}}
	if api, known := present.Destinations[APIRule]; known {
		next.Destinations[APIRule] = api
	}
	for _, d := range t.destinations {
		silent := d.OfStream
		rule, _ := h.goOn(d.Destination, present, from, !d.keepsToken)
		_, rule.OfStream = t.streams[rule.Stream]
		rule.OfStream = rule.OfStream || silent
		err := rule.Check()
		if d.keepsToken && rule.Token+rule.Credential == "" {
			err = about("token", invalid(`"tokenSet" says that it keeps its token, and none was given for this place: add "token"`))
		}
		if err != nil {
			return next, of("destination", rule.ID, err)
		}
		next.Destinations[rule.ID] = rule
	}
	return next, next.bounded()
}

// replace puts a table in force.
func (h *Handler) replace(ctx context.Context, next change) error {
	next, err := h.admitAll(next)
	if err != nil {
		return err
	}
	if _, err := h.commit(ctx, next); err != nil {
		return err
	}
	h.config.Log.Info("rules replaced", "streams", len(next.rules.Streams), "destinations", len(next.rules.table().Destinations),
		"confirm", next.trial.left(), "by", ActorIn(ctx).String())
	return nil
}

// admitAll admits the rules of a change that are not in force already.
func (h *Handler) admitAll(next change) (change, error) {
	present := h.Rules()
	for _, id := range slices.Sorted(maps.Keys(next.rules.Destinations)) {
		rule := next.rules.Destinations[id]
		if rule == present.Destinations[id] {
			continue
		}
		admitted, err := h.admit(rule)
		if err != nil {
			undo(next.admitted)
			return next, of("destination", id, err)
		}
		next.admitted = append(next.admitted, admitted)
	}
	return next, nil
}

// parseReplacement reads a command that replaces the table.
func parseReplacement(command object) (r replacement, err error) {
	if r.table, err = parseTable(command.value["rule"]); err != nil {
		return r, err
	}
	if r.present, err = command.text("if"); err != nil {
		return r, err
	}
	if command.given("if") && r.present == "" {
		return r, invalid(`if is empty: write the hash that list rules tells, or leave it out`)
	}
	if r.confirm, err = command.duration("confirm", 0, minConfirm, maxConfirm); err != nil {
		return r, err
	}
	if command.given("dryrun") && json.Unmarshal(command.value["dryrun"], &r.dryRun) != nil {
		return r, invalid("dryRun must be true or false")
	}
	return r, nil
}
