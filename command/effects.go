package command

import (
	"context"
	"time"
)

// Effects is what rules do.
type Effects interface {
	// Admit prepares a destination rule that is added, or added again. Its error
	// refuses the rule in words (an *Error keeps its Kind, any other is Invalid).
	// It is called one call at a time, before the table is changed and outside its
	// lock, and may block for file I/O.
	Admit(Destination) (Admission, error)
	// Apply makes the rules the ones in force. Admitted is what Admit returned for
	// those that were added. It is called under the table's lock: it must not block,
	// nor call the Handler. Where it panics the table stays as it was.
	Apply(rules Rules, admitted []Admission) Applied
}

// An Admission is what was prepared for a rule. Whoever does not put that in force
// calls Undo: nothing is left of it then.
type Admission interface{ Undo() }

// Applied is what became of a change.
type Applied struct {
	// Pending is waited for without the table's lock before the reply. A panic of
	// its Wait is an error, but the change is in force. Nil: nothing has to stop.
	Pending Waiter
	// Trial is how long the apiRule of the change is on trial, 0 where it is in force.
	Trial time.Duration
}

// A Waiter waits for what a change removed.
type Waiter interface {
	// Splice returns when nothing goes on any more until it is replaced, or ctx ends.
	// It is called before Wait, and cut short where another command wants its turn.
	Splice(ctx context.Context)
	// Wait returns when it all has stopped, or ctx ends.
	Wait(ctx context.Context)
}

// Reports is what an agent tells. What Feeds and Status return must encode as a
// JSON object and not change any more, and hold nothing that from may not know.
type Reports interface {
	// Locked reports whether the owner has locked the rules: then a Remote command
	// can list, and not change.
	Locked() bool
	// InForce returns the command channel's rule to which a rule on trial returns;
	// false for none.
	InForce() (Destination, bool)
	// Fed names the feeds as which anything has come in so far: another that a rule
	// names may be mistyped, but where there is none.
	Fed() []string
	// Feeds answers list feed: which is a feed's name or "all"; false where there
	// is no such feed.
	Feeds(from Origin, which string) (any, bool)
	// Status answers list status.
	Status(from Origin) any
}

// A Journal keeps who did what.
type Journal interface {
	// Rules is called when other rules are in force, before the reply, with ctx's Actor.
	// It must not block.
	Rules(ctx context.Context, before, after Rules)
}

// idle is an agent that does and has nothing.
type idle struct{}

func (idle) Admit(Destination) (Admission, error)     { return nil, nil }
func (idle) Apply(Rules, []Admission) Applied         { return Applied{} }
func (idle) Locked() bool                             { return false }
func (idle) InForce() (Destination, bool)             { return Destination{}, false }
func (idle) Fed() []string                            { return nil }
func (idle) Feeds(_ Origin, which string) (any, bool) { return struct{}{}, which == all }
func (idle) Status(Origin) any                        { return struct{}{} }
func (idle) Rules(context.Context, Rules, Rules)      {}
