package main

import (
	"context"
	"fmt"
	"runtime/debug"
	"time"

	"vw/cmd/vw/cli"
)

// version, and the time of the commit as RFC 3339 has it, are set by the build.
// Else the version is what the toolchain knows.
var version, built = "", ""

const versionHelp = `vw version says which version this is.

usage: vw version
`

func runVersion(_ context.Context, c *cli.Call) error {
	err := c.Flags(versionHelp).ReadAll()
	if err == nil {
		_, err = fmt.Fprintln(c.Stdout, "vw", programVersion())
	}
	return err
}

func programVersion() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}

// programDate is when the program's source was committed, the zero time where the
// build did not say.
func programDate() time.Time {
	at, _ := time.Parse(time.RFC3339, built)
	return at
}
