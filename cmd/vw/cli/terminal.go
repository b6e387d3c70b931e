package cli

import (
	"os"
	"slices"
	"strings"
)

// A Severity says how much a line matters, and so its colour.
type Severity int

// The severities.
const (
	Plain Severity = iota
	Good
	Quiet // as somebody wanted it
	Wrong
)

// colours are ANSI's.
var colours = [...]string{Plain: "", Good: "\x1b[32m", Quiet: "\x1b[33m", Wrong: "\x1b[31m"}

// Paint returns text in the colour of a severity, if there is to be colour.
func Paint(colour bool, s Severity, text string) string {
	if !colour || colours[s] == "" {
		return text
	}
	return colours[s] + text + "\x1b[0m"
}

// IsTerminal reports whether a stream of the program is a terminal.
func IsTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	if err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return false
	}
	null, err := os.Stat(os.DevNull) // a character device too
	return err != nil || !os.SameFile(info, null)
}

// InColour reports whether to print in colour there (https://no-color.org).
func InColour(out any, environ []string) bool {
	return IsTerminal(out) && !slices.ContainsFunc(environ, func(line string) bool {
		value, set := strings.CutPrefix(line, "NO_COLOR=")
		return set && value != ""
	})
}
