package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"vw/agent/client"
	"vw/agent/owner"
	"vw/agent/status"
	"vw/cmd/vw/cli"
	"vw/cmd/vw/statustext"
)

const muteHelp = `vw mute FEED keeps a feed on this machine: it leaves for no relay and no recording, whatever any rule
says, until vw unmute FEED; or for some time, or at some times of the week, in local time.

FEED is the name of a feed, FEED:video or FEED:audio for a part of one, or * for all of them, those to
come included. It concerns the agent that runs on this machine. Without FEED it lists what is muted.

usage: vw mute [flags] FEED...
       vw mute
`

func runMute(ctx context.Context, c *cli.Call) error {
	var when owner.When
	f := c.Settings(muteHelp)
	agent := f.Agent()
	f.StringVar(&when.Until, "until", "", "`TIME` of day at which the mute ends, such as 18:00")
	f.StringVar(&when.For, "for", "", "how long it lasts, a `TIME` such as 45m or 1h30m")
	f.StringVar(&when.Every, "every", "", "`TIMES` of the week at which it mutes, such as 'mon-fri 08:00-18:00' or 22:00-06:00")
	if err := f.Read(); err != nil {
		return err
	}
	a, err := agent()
	switch {
	case err != nil:
		return err
	case f.NArg() == 0 && when == owner.When{}:
		return listMutes(ctx, a, c.Stdout)
	case f.NArg() == 0:
		return cli.Usagef("which feed? vw mute FEED, or vw mute '*' for all")
	}
	var now status.Mutes
	for _, feed := range f.Args() {
		if now, err = a.Mute(ctx, feed, when); err != nil {
			return err
		}
		if now.Warning != "" {
			fmt.Fprintf(c.Stderr, "vw mute: %s is muted, but %s\n", feed, now.Warning)
		}
	}
	if when == (owner.When{}) {
		for _, feed := range f.Args() {
			fmt.Fprintf(c.Stdout, "%s is muted by you: it leaves for no relay and no recording until you run vw unmute %s.\n", feed, quoteFeed(feed))
		}
		printKept(c, now.Kept, "set VW_STATE to a file, or VW_MUTED="+quoteFeed(strings.Join(now.Mutes, ","))+", for that")
		return nil
	}
	for _, m := range now.Schedule {
		if slices.Contains(f.Args(), m.Feed) || slices.Contains(f.Args(), "/"+m.Feed) {
			fmt.Fprintf(c.Stdout, "%s is muted by you %s.\n", m.Feed, statustext.When(m))
		}
	}
	printKept(c, now.Kept, "set VW_STATE to a file for that")
	return nil
}

// listMutes prints what is muted, and when.
func listMutes(ctx context.Context, a *client.Client, out io.Writer) error {
	v, _, err := look(ctx, a)
	if err != nil {
		return err
	}
	for _, line := range statustext.Muted(v.Status) {
		fmt.Fprintln(out, line)
	}
	return nil
}

// quoteFeed is a feed's name as a shell takes it.
func quoteFeed(feed string) string {
	if strings.Contains(feed, "*") {
		return "'" + feed + "'"
	}
	return feed
}

// printKept prints whether what was done outlives a restart, and if not what to do.
func printKept(c *cli.Call, kept bool, remedy string) {
	if kept {
		fmt.Fprintln(c.Stdout, "This outlives a restart of the agent.")
	} else {
		fmt.Fprintf(c.Stdout, "This does not outlive a restart of the agent: %s.\n", remedy)
	}
}

const unmuteHelp = `vw unmute FEED lets a muted feed leave this machine again, as the rules say. Its schedule ends too.

usage: vw unmute [flags] FEED...
`

func runUnmute(ctx context.Context, c *cli.Call) error {
	f := c.Settings(unmuteHelp)
	agent := f.Agent()
	f.OwnerToken()
	if err := f.Read(); err != nil {
		return err
	}
	if f.NArg() == 0 {
		return cli.Usagef("which feed? vw unmute FEED, or vw unmute '*' for all")
	}
	a, err := agent()
	if err != nil {
		return err
	}
	before, _, err := a.Status(ctx)
	if err != nil {
		return err
	}
	var now status.Mutes
	for _, feed := range f.Args() {
		if now, err = a.Unmute(ctx, feed); err != nil {
			return err
		}
	}
	all := slices.Contains(now.Mutes, "*")
	for _, feed := range f.Args() {
		switch {
		case all:
			fmt.Fprintf(c.Stdout, "%s is still muted, since %s.\n", feed, now.Warning)
		case !muted(before, feed):
			fmt.Fprintf(c.Stdout, "%s was not muted: vw mute lists what is.\n", feed)
		default:
			fmt.Fprintf(c.Stdout, "%s is not muted by you any more.\n", feed)
		}
	}
	if all {
		return nil
	}
	if now.Warning != "" {
		fmt.Fprintf(c.Stderr, "vw unmute: %s\n", now.Warning)
	}
	if now.Kept {
		printKept(c, true, "")
	}
	return nil
}

// muted reports whether there is a mute of just that feed or part, in force now or not.
func muted(s status.Status, feed string) bool {
	feed = strings.TrimPrefix(feed, "/")
	return slices.Contains(s.Mutes, feed) ||
		s.Owner != nil && slices.ContainsFunc(s.Owner.Schedule, func(m owner.Scheduled) bool { return m.Feed == feed })
}
