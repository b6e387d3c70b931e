package main

import (
	"context"
	_ "embed" // for the licences
	"io"

	"vw/cmd/vw/cli"
)

// licenses is vw's own licence, Go's, and those of the modules that the
// programs are built from, on any system that they are built for.
//
//go:generate go test -run TestLicensesAreThoseOfTheModules -update .
//go:embed licenses.txt
var licenses string

const licensesHelp = `vw licenses prints the licence of vw, and those of what its program is made of.

usage: vw licenses
`

func runLicenses(_ context.Context, c *cli.Call) error {
	err := c.Flags(licensesHelp).ReadAll()
	if err == nil {
		_, err = io.WriteString(c.Stdout, licenses)
	}
	return err
}
