package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"vw/agent"
	"vw/agent/owner"
)

const muteHead = `vw mute FEED keeps a feed on this machine: it leaves for no relay and no recording, whatever any rule
says, until vw unmute FEED; or for some time, or at some times of the week, in local time.

FEED is the name of a feed, FEED:video or FEED:audio for a part of one, or * for all of them, those to
come included. It concerns the agent that runs on this machine. Without FEED it lists what is muted.

usage: vw mute [flags] FEED...
       vw mute
`

const unmuteHead = `vw unmute FEED lets a muted feed leave this machine again, as the rules say. Its schedule ends too.

usage: vw unmute [flags] FEED...
`

// runMute is vw mute.
func runMute(ctx context.Context, args, environ []string, stdout, stderr io.Writer) int {
	var when owner.When
	c, feeds, code := localFlags("vw mute", muteHead, args, environ, stdout, stderr, func(s *settings) {
		s.StringVar(&when.Until, "until", "", "time of day at which the mute ends, such as 18:00")
		s.StringVar(&when.For, "for", "", "how long it lasts, such as 45m or 1h30m")
		s.StringVar(&when.Every, "every", "", "times of the week at which it mutes, such as 'mon-fri 08:00-18:00' or 22:00-06:00")
	})
	switch {
	case code >= 0:
		return code
	case len(feeds) == 0 && when == owner.When{}:
		return listMutes(ctx, c, stdout, stderr)
	case len(feeds) == 0:
		fmt.Fprintln(stderr, "vw mute: which feed? vw mute FEED, or vw mute '*' for all")
		return exitUsage
	}
	var now agent.Mute
	for _, feed := range feeds {
		if err := c.ask(ctx, http.MethodPut, "/api/mutes/"+url.PathEscape(feed), when, &now); err != nil {
			fmt.Fprintf(stderr, "vw mute: %v\n", err)
			return exitFailed
		}
		if now.Warning != "" {
			fmt.Fprintf(stderr, "vw mute: %s is muted, but %s\n", feed, now.Warning)
		}
	}
	for _, feed := range feeds {
		if when == (owner.When{}) {
			fmt.Fprintf(stdout, "%s is muted by you: it leaves for no relay and no recording until you run vw unmute %[1]s.\n", feed)
			continue
		}
		for _, m := range now.Schedule {
			if m.Feed == strings.TrimPrefix(feed, "/") {
				fmt.Fprintf(stdout, "%s is muted by you %s.\n", m.Feed, times(m))
			}
		}
	}
	switch {
	case now.Kept:
		fmt.Fprintln(stdout, "This outlives a restart of the agent.")
	case when == owner.When{}:
		fmt.Fprintf(stdout, "This does not outlive a restart of the agent: set VW_STATE to a file, or VW_MUTED=%s, for that.\n", strings.Join(now.Mutes, ","))
	default:
		fmt.Fprintln(stdout, "This does not outlive a restart of the agent: set VW_STATE to a file for that.")
	}
	return exitOK
}

// times says when a mute is in force.
func times(m owner.Scheduled) string {
	if !m.Until.IsZero() {
		return "until " + m.Until.Format("Mon 2 Jan 15:04 MST")
	}
	text := m.Every.String() + ", by this machine's clock and its daylight saving"
	if m.Now {
		text += "; now too"
	}
	return text
}

// listMutes says what is muted, and when.
func listMutes(ctx context.Context, c *client, stdout, stderr io.Writer) int {
	v, err := c.status(ctx)
	if err != nil {
		fmt.Fprintf(stderr, "vw mute: %v\n", err)
		return exitFailed
	}
	for _, line := range v.muted() {
		fmt.Fprintln(stdout, line)
	}
	return exitOK
}

// runUnmute is vw unmute.
func runUnmute(ctx context.Context, args, environ []string, stdout, stderr io.Writer) int {
	c, feeds, code := localFlags("vw unmute", unmuteHead, args, environ, stdout, stderr, nil)
	if code >= 0 {
		return code
	}
	if len(feeds) == 0 {
		fmt.Fprintln(stderr, "vw unmute: which feed? vw unmute FEED, or vw unmute '*' for all")
		return exitUsage
	}
	var now agent.Mute
	for _, feed := range feeds {
		if err := c.ask(ctx, http.MethodDelete, "/api/mutes/"+url.PathEscape(feed), nil, &now); err != nil {
			fmt.Fprintf(stderr, "vw unmute: %v\n", err)
			return exitFailed
		}
	}
	for _, feed := range feeds {
		if slices.Contains(now.Mutes, "*") {
			fmt.Fprintf(stdout, "%s is still muted, since %s.\n", feed, now.Warning)
		} else {
			fmt.Fprintf(stdout, "%s is not muted by you any more.\n", feed)
		}
	}
	if slices.Contains(now.Mutes, "*") {
		return exitOK
	}
	if now.Warning != "" {
		fmt.Fprintf(stderr, "vw unmute: %s\n", now.Warning)
	}
	if now.Kept {
		fmt.Fprintln(stdout, "This outlives a restart of the agent.")
	}
	return exitOK
}

const lockHead = `vw lock keeps the rules as they are: the command channel can list them, and not change them, until
vw unlock is run on this machine. It concerns the agent that runs on this machine.

usage: vw lock [flags]
       vw unlock [flags]
`

// runLock is vw lock and vw unlock.
func runLock(ctx context.Context, on bool, args, environ []string, stdout, stderr io.Writer) int {
	name, method := "vw unlock", http.MethodDelete
	var more func(*settings)
	if on {
		name, method, more = "vw lock", http.MethodPut, func(*settings) {} // it wants no token
	}
	c, rest, code := localFlags(name, lockHead, args, environ, stdout, stderr, more)
	if code >= 0 {
		return code
	}
	if len(rest) > 0 {
		fmt.Fprintf(stderr, "%s: %q is one word too many\n", name, rest[0])
		return exitUsage
	}
	var now agent.Lock
	if err := c.ask(ctx, method, "/api/lock", nil, &now); err != nil {
		fmt.Fprintf(stderr, "%s: %v\n", name, err)
		return exitFailed
	}
	switch {
	case !now.Locked:
		fmt.Fprintln(stdout, "The command channel can change rules again.")
	case now.Kept:
		fmt.Fprintln(stdout, "The command channel can list rules and not change them, until you run vw unlock. This outlives a restart of the agent.")
	default:
		fmt.Fprintln(stdout, "The command channel can list rules and not change them, until you run vw unlock.\nThis does not outlive a restart of the agent: set VW_STATE to a file for that.")
	}
	return exitOK
}

// localFlags reads the flags of a command that asks the agent of this machine, and
// returns the client and the other arguments. Without more the owner's token is
// among them. A code that is not negative is the program's end.
func localFlags(name, head string, args, environ []string, stdout, stderr io.Writer, more func(*settings)) (c *client, rest []string, code int) {
	s := newSettings(name)
	made := agentFlags(s)
	var tokenFile string
	if more != nil {
		more(s)
	} else {
		s.StringVar(&tokenFile, "owner-token-file", "", "file that holds the owner's token, where the agent wants one")
	}
	_, err := s.parse(args, environ)
	if errors.Is(err, pflag.ErrHelp) {
		s.usage(stdout, head)
		return nil, nil, exitOK
	}
	if err == nil {
		c, err = made()
	}
	if err == nil && tokenFile != "" {
		c.token, err = owner.ReadToken(tokenFile)
	}
	if err != nil {
		fmt.Fprintf(stderr, "%s: %v\n", name, err)
		return nil, nil, exitUsage
	}
	return c, s.Args(), -1
}
