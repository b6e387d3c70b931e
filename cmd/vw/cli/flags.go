package cli

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/pflag"
)

// A FlagSet reads the flags of a command.
type FlagSet struct {
	*pflag.FlagSet
	// Aliases are other variables, and the flags that they stand in for.
	Aliases map[string]string
	// Unknown are, once Read has returned, the variables that begin with VW_ and
	// mean nothing, with the one that may be meant, "" for none.
	Unknown map[string]string

	call      *Call
	help      string
	variables bool
}

// Flags returns the flags of a command, none so far. The help text stands before
// them where help is asked for.
func (c *Call) Flags(help string) *FlagSet {
	f := &FlagSet{FlagSet: pflag.NewFlagSet(c.Name, pflag.ContinueOnError), Aliases: map[string]string{}, Unknown: map[string]string{}, call: c, help: help}
	f.SetOutput(io.Discard)
	f.SortFlags = false
	return f
}

// Settings returns flags for each of which an environment variable stands in:
// VW_ and the flag's name in capitals. The flag wins; an empty variable is an
// unset one.
func (c *Call) Settings(help string) *FlagSet {
	f := c.Flags(help)
	f.variables = true
	return f
}

// Read reads the arguments, then the environment. The error is pflag.ErrHelp
// after help was given, else a UsageError.
func (f *FlagSet) Read() error {
	err := f.Parse(f.call.Args)
	if errors.Is(err, pflag.ErrHelp) {
		f.printHelp()
		return err
	}
	if err == nil && f.variables {
		err = f.readEnvironment()
	}
	if err != nil {
		return UsageError{Err: f.inWords(err)}
	}
	f.warn()
	return nil
}

// warn prints which variables may be misspelt.
func (f *FlagSet) warn() {
	for _, name := range slices.Sorted(maps.Keys(f.Unknown)) {
		if meant := f.Unknown[name]; meant != "" && f.call.Variables != nil && !slices.Contains(f.call.Variables(), name) {
			fmt.Fprintf(f.call.Stderr, "%s: %s has no meaning%s\n", f.call.Name, name, DidYouMean("", meant))
		}
	}
}

// ReadAll reads like Read, and takes no other arguments.
func (f *FlagSet) ReadAll() error {
	err := f.Read()
	if err == nil && f.NArg() > 0 {
		return Usagef("%q is one word too many: flags begin with --", f.Arg(0))
	}
	return err
}

// printHelp prints the help text and the flags, with their variables and defaults.
func (f *FlagSet) printHelp() {
	text := f.help
	switch {
	case f.variables:
		text += "\nflags, and the environment variables that stand in for them (the flag wins):\n"
		f.VisitAll(func(flag *pflag.Flag) { flag.Usage = "[" + Variable(flag.Name) + "] " + flag.Usage })
	case f.HasFlags():
		text += "\nflags:\n"
	}
	if f.call.Describe != nil {
		f.call.Describe(text, f.FlagSet)
		return
	}
	fmt.Fprint(f.call.Stdout, text, f.FlagUsagesWrapped(100))
}

// inWords returns an error of pflag in words for a person.
func (f *FlagSet) inWords(err error) error {
	var invalid *pflag.InvalidValueError
	var absent *pflag.NotExistError
	switch {
	case errors.As(err, &invalid):
		return fmt.Errorf("--%s=%s: %w", invalid.GetFlag().Name, invalid.GetValue(), unusable(invalid.GetFlag(), invalid.Unwrap()))
	case errors.As(err, &absent) && absent.GetSpecifiedShortnames() != "":
		return errors.New("flags begin with two dashes: --") // what follows one dash may be a token
	case errors.As(err, &absent):
		name := absent.GetSpecifiedName()
		return fmt.Errorf("there is no flag --%s%s: %s --help lists those there are", name, DidYouMean("--", Nearest(name, f.names())), f.call.Name)
	}
	return err
}

// unusable returns why a flag cannot have a value.
func unusable(flag *pflag.Flag, err error) error {
	switch flag.Value.Type() {
	case "bool":
		return errors.New("this is neither true nor false")
	case "int":
		return errors.New("this is no whole number")
	case "float64":
		return errors.New("this is no number")
	case "duration":
		return errors.New("this is no time such as 10s, 5m or 1h30m")
	}
	return err
}

func (f *FlagSet) names() (names []string) {
	f.VisitAll(func(flag *pflag.Flag) { names = append(names, flag.Name) })
	return names
}

// Variable returns the one that stands in for a flag.
func Variable(flag string) string {
	return "VW_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// isSecret reports whether a flag's value must not be shown.
func isSecret(flag string) bool { return strings.HasSuffix(flag, "token") }

func (f *FlagSet) readEnvironment() error {
	flags := maps.Clone(f.Aliases) // by variable
	for _, flag := range f.names() {
		flags[Variable(flag)] = flag
	}
	for _, line := range slices.Sorted(slices.Values(f.call.Environ)) { // of a variable and its alias the same one wins
		name, value, _ := strings.Cut(line, "=")
		flag, is := flags[name]
		switch {
		case value == "" || !strings.HasPrefix(name, "VW_"):
		case !is:
			if f.Unknown[name] = Nearest(strings.ReplaceAll(name[len("VW_"):], "_", "-"), f.names()); f.Unknown[name] != "" {
				f.Unknown[name] = Variable(f.Unknown[name])
			}
		case !f.Changed(flag):
			if err := f.Lookup(flag).Value.Set(value); err != nil {
				if isSecret(flag) {
					value = "(not shown)"
				}
				return fmt.Errorf("%s=%s: %w", name, value, unusable(f.Lookup(flag), err))
			}
		}
	}
	return f.readCredentials()
}
