// Package cli is what the commands of vw have in common: how they read flags, how
// they end, and how they print for people and for programs. It knows no command.
package cli

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/pflag"

	"vw/command/printable"
)

// The exit codes of every command.
const (
	OK     = 0
	Failed = 1 // or, of vw check, unsound
	Usage  = 2 // a flag, argument, variable or file that cannot be used
)

// A Call is one call of a command.
type Call struct {
	Name           string // of the command, such as "vw stream"
	Args, Environ  []string
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	// Variables, unless it is nil, returns the variables of all commands. What is
	// none of them, and near to one of the command's, is warned of on Stderr.
	Variables func() []string
	// Describe is given the help text and the flags where help is asked for, in
	// place of Stdout, unless it is nil.
	Describe func(help string, flags *pflag.FlagSet)
}

// An ExitError is an error that ends a command with a code, and is not printed.
type ExitError int

func (e ExitError) Error() string { return fmt.Sprintf("exit code %d", int(e)) }

// A UsageError is an error in what a command was called with.
type UsageError struct{ Err error }

func (e UsageError) Error() string { return e.Err.Error() }
func (e UsageError) Unwrap() error { return e.Err }

// ErrInterrupted is the error of what could not be ended.
var ErrInterrupted = errors.New("interrupted")

// Usagef returns a UsageError with a text.
func Usagef(format string, args ...any) error { return UsageError{Err: fmt.Errorf(format, args...)} }

// Code returns the exit code for the error that a command has returned, and
// prints that in one line.
func (c *Call) Code(err error) int {
	var exit ExitError
	switch {
	case err == nil, errors.Is(err, pflag.ErrHelp):
		return OK
	case errors.As(err, &exit):
		return int(exit)
	}
	fmt.Fprintf(c.Stderr, "%s: %v\n", c.Name, err)
	if errors.As(err, &UsageError{}) {
		return Usage
	}
	return Failed
}

// PrintJSON prints a value for programs, and for people who look at it.
func PrintJSON(out io.Writer, value any) error {
	e := printable.NewEncoder(out)
	e.SetIndent("", "  ")
	return e.Encode(value)
}
