package main

import (
	_ "embed" // for the licences
	"errors"
	"fmt"
	"io"

	"github.com/spf13/pflag"
)

// licenses is vw's own licence, Go's, and those of the modules that the
// programs are built from, on any system that they are built for.
//
//go:generate go test -run TestLicensesAreThoseOfTheModules -update .
//go:embed licenses.txt
var licenses string

const licensesHead = `vw licenses prints the licence of vw, and those of what its program is made of.

usage: vw licenses
`

// runLicenses is vw licenses.
func runLicenses(args []string, stdout, stderr io.Writer) int {
	flags := pflag.NewFlagSet("vw licenses", pflag.ContinueOnError)
	flags.SetOutput(io.Discard)
	err := flags.Parse(args)
	if errors.Is(err, pflag.ErrHelp) {
		fmt.Fprint(stdout, licensesHead)
		return exitOK
	}
	if err == nil && flags.NArg() > 0 {
		err = fmt.Errorf("%q is one word too many", flags.Arg(0))
	}
	if err != nil {
		fmt.Fprintf(stderr, "vw licenses: %v\n", err)
		return exitUsage
	}
	fmt.Fprint(stdout, licenses)
	return exitOK
}
