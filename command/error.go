package command

import (
	"errors"
	"fmt"
)

// Kind says what sort of refusal an Error is, so that a caller with a status
// code of its own (REST) can choose it without reading the words.
type Kind int

const (
	// Invalid is a command or rule that can never be done as it is written.
	Invalid Kind = iota + 1
	// NotFound is a question about something that is not there.
	NotFound
	// Conflict is a command that cannot be done now: the table is full, or
	// the rule is protected.
	Conflict
	// Canceled is a command whose caller's context ended before its turn, or
	// before what it removed had stopped.
	Canceled
	// Internal is a fault of the program's own, which its log tells.
	Internal
)

// Error is the refusal of a command. Why is the "error" of the reply: it says
// what is wrong and what to do, and never holds a token.
type Error struct {
	Kind  Kind
	Field string // of the rule, which it is about; "" for none
	Why   string
}

// Error returns Why.
func (e *Error) Error() string { return e.Why }

// invalid is the refusal of something that is wrong as it is written.
func invalid(format string, args ...any) error {
	return &Error{Kind: Invalid, Why: fmt.Sprintf(format, args...)}
}

// about says which field of a rule an error is about; nil stays nil.
func about(field string, err error) error {
	if refused := (*Error)(nil); errors.As(err, &refused) {
		return &Error{Kind: refused.Kind, Field: field, Why: refused.Why}
	}
	return err
}

// of says which rule of a table an error is about; nil stays nil.
func of(what, name string, err error) error {
	if refused := (*Error)(nil); errors.As(err, &refused) {
		return &Error{Kind: refused.Kind, Field: refused.Field, Why: fmt.Sprintf("%s %.140q: %s", what, name, refused.Why)}
	}
	return err
}

// The words of these replies are part of the protocol.
var (
	errUnrecognised = &Error{Kind: Invalid, Why: "Unrecognised Command"}
	errAPIRule      = &Error{Kind: Conflict, Why: "Cannot delete apiRule"}
	errLocked       = &Error{Kind: Conflict, Why: "locked by the owner: rules can be listed, not changed, until vw unlock is run there"}
	errInternal     = &Error{Kind: Internal, Why: "internal error"}
)
