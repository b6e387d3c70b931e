package command

import (
	"context"
	"encoding/json"
	"log/slog"
	"maps"
	"runtime/debug"
	"sync"
	"time"
)

// Config is what the room needs of the program around it.
type Config struct {
	// Name is the agent's name: "from" in replies, matched by "to".
	Name string
	// Rules are those to start with, apiRule among them where there is a command
	// channel. They are not checked. Defaults to none.
	Rules Rules
	// Effects is what the rules do. Defaults to nothing.
	Effects Effects
	// Reports is what the agent tells. Defaults to an agent that has no feed.
	Reports Reports
	// Journal is told of every change. Defaults to none.
	Journal Journal
	// Log defaults to none.
	Log *slog.Logger
}

func (c *Config) defaults() {
	if c.Effects == nil {
		c.Effects = idle{}
	}
	if c.Reports == nil {
		c.Reports = idle{}
	}
	if c.Journal == nil {
		c.Journal = idle{}
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
}

// Handler is the one place where rules are changed and asked for. All of its
// methods may be called from anywhere at once; they take turns.
type Handler struct {
	config Config
	counts counts
	// turn is held by the one command that is running, from its first look at
	// the rules until what it removed has stopped; it is a channel so that the
	// wait for it can end with a context.
	turn chan struct{}
	// hurry tells the one that is running to wait for no splice any more.
	hurry chan struct{}

	// news tells Run that another table is on trial; capacity 1.
	news chan struct{}

	mutex sync.Mutex // the table's lock; never held while something is waited for
	rules Rules
	hash  func() string // of rules
	trial *trial        // nil: the rules are there to stay
}

// New puts the rules of the configuration in the table. They are in force from
// Start on.
func New(config Config) *Handler {
	config.defaults()
	handler := &Handler{
		config: config,
		turn:   make(chan struct{}, 1),
		hurry:  make(chan struct{}),
		news:   make(chan struct{}, 1),
		rules:  Rules{Streams: map[string][]string{}, Destinations: map[string]Destination{}},
	}
	maps.Copy(handler.rules.Streams, config.Rules.Streams)
	maps.Copy(handler.rules.Destinations, config.Rules.Destinations)
	handler.hash = sync.OnceValue(handler.rules.hash)
	return handler
}

// Start puts the rules in force with which the handler was made. Admitted is
// Effects' word on them.
func (h *Handler) Start(admitted ...Admission) { h.swap(change{rules: h.Rules(), admitted: admitted}) }

// Rules returns the present snapshot. It waits for no command.
func (h *Handler) Rules() Rules {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	return h.rules
}

// Hash returns what tells the present rules from any others, on every agent.
func (h *Handler) Hash() string {
	h.mutex.Lock()
	hash := h.hash
	h.mutex.Unlock()
	return hash()
}

// Counts returns how many commands came to which outcome, over the channel and
// otherwise. Those to which none came may be absent.
func (h *Handler) Counts() map[Outcome]uint64 {
	h.counts.mu.Lock()
	defer h.counts.mu.Unlock()
	return maps.Clone(h.counts.of)
}

// AddStream adds or replaces the stream rule that raw holds as JSON, and
// returns it as it is in force. Errors of this and the next three are *Error.
func (h *Handler) AddStream(ctx context.Context, from Origin, raw json.RawMessage) (Stream, error) {
	return inTurn(ctx, h, "add", func() (Stream, error) { return h.addStream(ctx, from, raw) })
}

// AddDestination adds or replaces the destination rule that raw holds as JSON,
// and returns it as it is in force.
func (h *Handler) AddDestination(ctx context.Context, from Origin, raw json.RawMessage) (Destination, error) {
	return inTurn(ctx, h, "add", func() (Destination, error) { return h.addDestination(ctx, from, raw) })
}

// DeleteStream deletes the stream rule of that name, or every one for "all".
// It returns the name, or "deleteAll". What is not there is deleted already.
func (h *Handler) DeleteStream(ctx context.Context, from Origin, which string) (deleted string, err error) {
	return inTurn(ctx, h, "delete", func() (string, error) { return h.deleteStream(ctx, from, which) })
}

// DeleteDestination deletes the destination rule with that id, or for "all"
// every one but apiRule. It returns the id, or "deleteAll". Only the machine's
// owner (Local) may delete apiRule by its id.
func (h *Handler) DeleteDestination(ctx context.Context, from Origin, which string) (deleted string, err error) {
	return inTurn(ctx, h, "delete", func() (string, error) { return h.deleteDestination(ctx, from, which) })
}

// InTurn runs work when no command is running, and none begins before it has
// returned. Its error is work's, or an *Error where ctx ended before the turn.
// A panic on the way is logged and becomes an error. Whoever waits for a splice
// stops waiting.
func (h *Handler) InTurn(ctx context.Context, work func() error) error {
	return h.inTurn(ctx, h.hurry, work)
}

// inTurn sends to hurry while it waits for its turn.
func (h *Handler) inTurn(ctx context.Context, hurry chan<- struct{}, work func() error) (err error) {
	late := &Error{Kind: Canceled, Why: "the command was given up before its turn: send it again"}
	if ctx.Err() != nil {
		return late
	}
	for taken := false; !taken; {
		select {
		case h.turn <- struct{}{}:
			taken = true
		case hurry <- struct{}{}:
		case <-ctx.Done():
			return late
		}
	}
	defer func() { <-h.turn }()
	defer func() {
		if reason := recover(); reason != nil {
			h.config.Log.Error("panic in a command", "reason", reason, "stack", string(debug.Stack()))
			err = errInternal
		}
	}()
	return work()
}

// inTurn runs one command when those before it are done.
func inTurn[T any](ctx context.Context, h *Handler, verb string, work func() (T, error)) (result T, err error) {
	hurry := h.hurry
	if !changes(verb) {
		hurry = nil
	}
	err = h.inTurn(ctx, hurry, func() (err error) {
		result, err = work()
		return err
	})
	h.counts.add(verb, err)
	return result, err
}

// A change is what is to be in force.
type change struct {
	rules    Rules
	admitted []Admission // of the rules that it adds
	trial    *trial
}

// commit puts a change in force and returns when what it removed has stopped. A
// context that ends before that leaves it in force, but nobody is told that it has
// stopped.
func (h *Handler) commit(ctx context.Context, next change) (trial time.Duration, err error) {
	before := h.Rules()
	applied := h.swap(next)
	h.config.Journal.Rules(ctx, before, next.rules)
	if applied.Pending == nil {
		return applied.Trial, nil
	}
	h.awaitSplice(ctx, applied.Pending)
	applied.Pending.Wait(ctx)
	if ctx.Err() != nil {
		return 0, &Error{Kind: Canceled, Why: "the change is in force, but was not waited for"}
	}
	return applied.Trial, nil
}

// awaitSplice waits for a splice until somebody else's turn is wanted: nobody waits
// behind it.
func (h *Handler) awaitSplice(ctx context.Context, s Waiter) {
	ctx, cancel := context.WithCancel(ctx)
	over := make(chan struct{})
	go func() {
		defer close(over)
		select {
		case <-h.hurry:
			cancel()
		case <-ctx.Done():
		}
	}()
	defer func() {
		cancel()
		<-over
	}()
	s.Splice(ctx)
}

// Hurry has the command that is running wait for no splice any more.
func (h *Handler) Hurry() {
	select {
	case h.hurry <- struct{}{}:
	default:
	}
}

// swap changes the table. Where Apply panics it stays as it was.
func (h *Handler) swap(next change) (applied Applied) {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	done := false
	defer func() {
		if !done {
			undo(next.admitted)
		}
	}()
	applied = h.config.Effects.Apply(next.rules, next.admitted)
	h.rules, h.hash, h.trial, done = next.rules, sync.OnceValue(next.rules.hash), next.trial, true
	select {
	case h.news <- struct{}{}:
	default:
	}
	return applied
}

func undo(admitted []Admission) {
	for _, a := range admitted {
		a.Undo()
	}
}
