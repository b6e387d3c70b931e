package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/pflag"
)

// A settings is a set of flags, each of which an environment variable stands in
// for: VW_ and the flag's name in capitals. The flag wins; an empty variable is
// an unset one.
type settings struct {
	*pflag.FlagSet
	aliases map[string]string // other variables, and the flags they stand for
}

func newSettings(name string) *settings {
	s := &settings{pflag.NewFlagSet(name, pflag.ContinueOnError), map[string]string{}}
	s.SetOutput(io.Discard)
	s.SortFlags = false
	return s
}

func variable(flag string) string {
	return "VW_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// parse reads the arguments, then the environment. The names of variables that
// begin with VW_ and mean nothing are returned.
func (s *settings) parse(args, environ []string) (unknown []string, err error) {
	if err := s.Parse(args); err != nil {
		return nil, inWords(err)
	}
	if err := s.credentials(environ); err != nil {
		return nil, err
	}
	known := map[string]string{}
	s.VisitAll(func(f *pflag.Flag) { known[variable(f.Name)] = f.Name })
	for name, flag := range s.aliases {
		known[name] = flag
	}
	slices.Sort(environ) // so that of a variable and its alias the same one wins
	for _, line := range environ {
		name, value, _ := strings.Cut(line, "=")
		flag, ok := known[name]
		switch {
		case value == "" || !strings.HasPrefix(name, "VW_"):
		case !ok:
			unknown = append(unknown, name)
		case !s.Changed(flag):
			if err := s.Lookup(flag).Value.Set(value); err != nil {
				return nil, fmt.Errorf("%s=%s: %w", name, shown(flag, value), inWords(err))
			}
		}
	}
	return unknown, nil
}

// valueOf is a variable's value, empty for none.
func valueOf(environ []string, name string) string {
	for _, line := range environ {
		if value, ok := strings.CutPrefix(line, name+"="); ok {
			return value
		}
	}
	return ""
}

// credentials sets the tokens that a service manager has handed over in files
// (systemd's LoadCredential=): vw. and the flag's name.
func (s *settings) credentials(environ []string) (err error) {
	dir := valueOf(environ, "CREDENTIALS_DIRECTORY")
	s.VisitAll(func(f *pflag.Flag) {
		if dir == "" || !secret(f.Name) || f.Changed {
			return
		}
		token, e := os.ReadFile(filepath.Join(dir, "vw."+f.Name))
		if e == nil {
			e = f.Value.Set(strings.TrimSpace(string(token)))
		}
		if e != nil && !errors.Is(e, fs.ErrNotExist) {
			err = fmt.Errorf("read the credential vw.%s: %w", f.Name, e)
		}
	})
	return err
}

// secret reports whether a flag's value must not be shown.
func secret(flag string) bool { return strings.HasSuffix(flag, "token") }

// inWords says what pflag and strconv mean.
func inWords(err error) error {
	var invalid *pflag.InvalidValueError
	var absent *pflag.NotExistError
	var number *strconv.NumError
	switch {
	case errors.As(err, &invalid):
		return fmt.Errorf("--%s=%s: %w", invalid.GetFlag().Name, invalid.GetValue(), inWords(invalid.Unwrap()))
	case errors.As(err, &absent) && absent.GetSpecifiedShortnames() != "":
		return errors.New("flags begin with two dashes: --") // what follows one dash may be a token
	case errors.As(err, &number) && number.Func == "ParseBool":
		return errors.New("this is neither true nor false")
	case errors.As(err, &number):
		return errors.New("this is no whole number")
	}
	return err
}

// shown is a value as an error may show it.
func shown(flag, value string) string {
	if secret(flag) {
		return "(not shown)"
	}
	return value
}

// usage lists the flags with their variables and defaults.
func (s *settings) usage(w io.Writer, head string) {
	s.VisitAll(func(f *pflag.Flag) {
		if !strings.HasPrefix(f.Usage, "[") {
			f.Usage = "[" + variable(f.Name) + "] " + f.Usage
		}
	})
	printHelp(w, head+"\nflags, and the environment variables that stand in for them (the flag wins):\n", s.FlagSet)
}
