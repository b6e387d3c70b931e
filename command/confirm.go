package command

import (
	"context"
	"fmt"
	"time"
)

// A trial is that of a table that is taken back where nobody confirms it in time.
type trial struct {
	before Rules // to which it returns; apiRule stays as it is
	until  time.Time
}

// trial returns that of the table that replaces present: where that is on trial
// itself both return to the one before. Nil: it is there to stay.
func (r replacement) trial(present Rules, already *trial) *trial {
	if r.confirm == 0 {
		return nil
	}
	t := &trial{present, time.Now().Add(r.confirm)}
	if already != nil {
		t.before = already.before
	}
	return t
}

// left is how long there still is to confirm, "" where nothing is on trial.
func (t *trial) left() string {
	if t == nil {
		return ""
	}
	return max(time.Until(t.until), 0).Round(time.Second).String()
}

func (h *Handler) onTrial() *trial {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	return h.trial
}

// beside returns the change of one rule. What is changed from afar while a table is
// on trial is taken back with it; the owner's change ends the trial.
func (h *Handler) beside(from Origin, rules Rules, admitted ...Admission) change {
	next := change{rules: rules, admitted: admitted}
	if from == Remote {
		next.trial = h.onTrial()
	}
	return next
}

// Lasting returns the rules that are to outlive the program: while a table is on
// trial those before, since an end takes it back too.
func (h *Handler) Lasting() Rules {
	h.mutex.Lock()
	rules, trial := h.rules, h.trial
	h.mutex.Unlock()
	if trial == nil || h.config.Reports.Locked() {
		return rules
	}
	return trial.before
}

// addConfirm ends the trial of the table. With "if" only where that is the table's
// hash; then it may come again.
func (h *Handler) addConfirm(ctx context.Context, command object) (any, error) {
	wanted, err := command.text("if")
	if err != nil {
		return nil, err
	}
	trial := h.onTrial()
	switch {
	case wanted != "" && wanted != h.Hash():
		return nil, &Error{Kind: Conflict, Why: fmt.Sprintf("the rules are others than \"if\" says, their hash is %s: nothing is confirmed", h.Hash())}
	case trial == nil && wanted == "":
		return nil, &Error{Kind: Conflict, Why: "no rules are on trial: they were confirmed already, or taken back; list rules tells"}
	case trial != nil:
		if _, err := h.commit(ctx, change{rules: h.Rules()}); err != nil {
			return nil, err
		}
		h.config.Log.Info("rules confirmed", "by", ActorIn(ctx).String())
	}
	return map[string]string{"confirmed": h.Hash()}, nil
}

// Run takes tables back that nobody confirms in time, until ctx ends.
func (h *Handler) Run(ctx context.Context) {
	for least := time.Duration(0); ; {
		var due <-chan time.Time
		if t := h.onTrial(); t != nil {
			due = time.After(max(time.Until(t.until), least))
		}
		least = 0
		select {
		case <-ctx.Done():
			return
		case <-h.news:
		case <-due:
			if err := h.InTurn(ctx, func() error { return h.takeBack(ctx) }); err != nil && ctx.Err() == nil {
				h.config.Log.Error("rules that nobody confirmed are not taken back", "err", err)
				least = time.Second
			}
		}
	}
}

// takeBack puts the table in force that was before the one on trial, if that is
// due still. While the owner has locked the rules they stay as they are.
func (h *Handler) takeBack(ctx context.Context) error {
	t, rules := h.onTrial(), h.Rules()
	if t == nil || time.Until(t.until) > 0 {
		return nil
	}
	if h.config.Reports.Locked() {
		h.config.Log.Warn("rules that nobody confirmed stay, since the owner has locked them")
		_, err := h.commit(ctx, change{rules: rules})
		return err
	}
	before := t.before.withoutDestination(APIRule)
	if api, known := rules.Destinations[APIRule]; known {
		before = before.withDestination(api)
	}
	next := change{rules: before}
	for id, rule := range before.Destinations {
		if rule == rules.Destinations[id] {
			continue
		}
		admitted, err := h.admit(rule)
		if err != nil {
			h.config.Log.Error("rule is back, but not wholly in force", "rule", rule, "err", err)
			continue
		}
		next.admitted = append(next.admitted, admitted)
	}
	h.config.Log.Warn("rules taken back: nobody confirmed the new ones in time")
	_, err := h.commit(ctx, next)
	return err
}
