package main

import (
	"context"
	"fmt"

	"vw/agent/status"
	"vw/cmd/vw/cli"
)

const lockHelp = `vw lock keeps the rules as they are: the command channel can list them, and not change them, until
vw unlock is run on this machine. It concerns the agent that runs on this machine.

usage: vw lock [flags]
`

func runLock(ctx context.Context, c *cli.Call) error {
	f := c.Settings(lockHelp)
	now, err := lock(ctx, f, true)
	if err != nil {
		return err
	}
	fmt.Fprintln(c.Stdout, "The command channel can list rules and not change them, until you run vw unlock.")
	printKept(c, now.Kept, "set VW_STATE to a file for that")
	return nil
}

const unlockHelp = `vw unlock lets the command channel change rules again. It concerns the agent that runs on this machine.

usage: vw unlock [flags]
`

func runUnlock(ctx context.Context, c *cli.Call) error {
	f := c.Settings(unlockHelp)
	_, err := lock(ctx, f, false)
	if err == nil {
		_, err = fmt.Fprintln(c.Stdout, "The command channel can change rules again.")
	}
	return err
}

// lock reads the flags, and locks or unlocks the rules.
func lock(ctx context.Context, f *cli.FlagSet, on bool) (now status.Lock, err error) {
	agent := f.Agent()
	if !on {
		f.OwnerToken()
	}
	if err := f.ReadAll(); err != nil {
		return now, err
	}
	a, err := agent()
	if err != nil {
		return now, err
	}
	return a.Lock(ctx, on)
}
