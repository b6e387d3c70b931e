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
	// API is the command channel's URL, with which apiRule starts. Defaults to
	// none: then there is no apiRule at the start.
	API string
	// APIToken is the token of that rule. Defaults to none.
	APIToken string
	// Saved are rules to start with, apiRule among them where it is not API's.
	// They are not checked. Defaults to none.
	Saved Rules
	// Ran is told of every command: its verb, "other" for one that there is not,
	// and why it was refused, nil where it was done. Defaults to nobody.
	Ran func(verb string, err error)
	// Trial is how long the apiRule that Apply was given last is on trial: 0
	// where it is in force. Defaults to 0.
	Trial func() time.Duration
	// InForce is the command channel's rule to which a rule on trial returns;
	// false for none. Defaults to none.
	InForce func() (Destination, bool)
	// Locked says that the owner has locked the rules: then a Remote command
	// can list, and not change. Defaults to false.
	Locked func() bool
	// Admit says whether a destination rule that is added, or added again, may be acted
	// upon; its error refuses the rule in words (an *Error keeps its Kind, any
	// other is Invalid). It is called one call at a time, before the table is
	// changed and outside its lock, and may block for file I/O. Defaults to
	// admitting every rule.
	Admit func(Destination) error
	// Apply makes the rules the ones in force. It is called under the table's
	// lock: it must not block, nor call the Handler. The function it returns
	// (nil where there is nothing to wait for) returns when what the change
	// removed has stopped, or when its context ends; it is called without the
	// lock, and the reply waits for it. Where Apply panics the table stays as it
	// was; what follows a panic of settled is an error, but the change is in
	// force. Defaults to nothing.
	Apply func(Rules) (settled func(context.Context))
	// Fed names the feeds as which anything has come in so far; the others that
	// a rule names may be mistyped. Defaults to none: then none is.
	Fed func() []string
	// Feeds answers list feed: which is a feed's name or "all"; false where there is no
	// such feed. The value must encode as a JSON object and not change any
	// more. What a Remote command may not know has to be left out. Defaults to
	// no feeds.
	Feeds func(from Origin, which string) (any, bool)
	// Status answers list status, under the same conditions. Defaults to {}.
	Status func(from Origin) any
	// Log defaults to none.
	Log *slog.Logger
}

func (c *Config) defaults() {
	if c.Admit == nil {
		c.Admit = func(Destination) error { return nil }
	}
	if c.Apply == nil {
		c.Apply = func(Rules) func(context.Context) { return nil }
	}
	if c.Ran == nil {
		c.Ran = func(string, error) {}
	}
	if c.Trial == nil {
		c.Trial = func() time.Duration { return 0 }
	}
	if c.InForce == nil {
		c.InForce = func() (Destination, bool) { return Destination{}, false }
	}
	if c.Locked == nil {
		c.Locked = func() bool { return false }
	}
	if c.Fed == nil {
		c.Fed = func() []string { return nil }
	}
	if c.Feeds == nil {
		c.Feeds = func(_ Origin, which string) (any, bool) { return struct{}{}, which == all }
	}
	if c.Status == nil {
		c.Status = func(Origin) any { return struct{}{} }
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
}

// Handler is the one place where rules are changed and asked for. All of its
// methods may be called from anywhere at once; they take turns.
type Handler struct {
	config Config
	// turn is held by the one command that is running, from its first look at
	// the rules until what it removed has stopped; it is a channel so that the
	// wait for it can end with a context.
	turn chan struct{}

	mutex sync.Mutex // the table's lock; never held while something is waited for
	rules Rules
}

// New puts the saved rules in the table, and apiRule where Config.API is set and
// they hold none, and calls Apply once.
// It does not check Config.API: Destination.Check and Admit are there for that.
func New(config Config) *Handler {
	config.defaults()
	handler := &Handler{
		config: config,
		turn:   make(chan struct{}, 1),
		rules:  Rules{Streams: map[string][]string{}, Destinations: map[string]Destination{}},
	}
	maps.Copy(handler.rules.Streams, config.Saved.Streams)
	maps.Copy(handler.rules.Destinations, config.Saved.Destinations)
	if _, saved := handler.rules.Destinations[APIRule]; config.API != "" && !saved {
		handler.rules.Destinations[APIRule] = Destination{
			ID: APIRule, Stream: APIStream, Destination: config.API, Token: config.APIToken, Local: true,
		}
	}
	config.Apply(handler.rules) // nothing was removed: there is nothing to wait for
	return handler
}

// Rules returns the present snapshot. It waits for no command.
func (h *Handler) Rules() Rules {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	return h.rules
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
// A panic on the way is logged and becomes an error.
func (h *Handler) InTurn(ctx context.Context, work func() error) (err error) {
	late := &Error{Canceled, "the command was given up before its turn: send it again"}
	if ctx.Err() != nil {
		return late
	}
	select {
	case h.turn <- struct{}{}:
	case <-ctx.Done():
		return late
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
	err = h.InTurn(ctx, func() (err error) {
		result, err = work()
		return err
	})
	h.config.Ran(verb, err)
	return result, err
}

// commit puts the next rules in force and returns when what they removed has
// stopped. A context that ends before that leaves them in force, but nobody is
// told that it has stopped.
func (h *Handler) commit(ctx context.Context, next Rules) error {
	settled := h.swap(next)
	if settled == nil {
		return nil
	}
	settled(ctx)
	if ctx.Err() != nil {
		return &Error{Canceled, "the change is in force, but was not waited for"}
	}
	return nil
}

// swap changes the table. Where Apply panics it stays as it was.
func (h *Handler) swap(next Rules) (settled func(context.Context)) {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	settled = h.config.Apply(next)
	h.rules = next
	return settled
}
