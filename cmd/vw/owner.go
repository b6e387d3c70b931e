package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"vw/agent"
)

// askWithin bounds a request to the agent of this machine.
const askWithin = 10 * time.Second

const muteHead = `vw %[1]s FEED %[2]s

FEED is the name of a feed, FEED:video or FEED:audio for a part of one, or * for all of them, those to
come included. It concerns the agent that runs on this machine.

usage: vw %[1]s [flags] FEED...
`

// runMute is vw mute and vw unmute.
func runMute(ctx context.Context, on bool, args, environ []string, stdout, stderr io.Writer) int {
	name, does, method := "unmute", "lets a muted feed leave this machine again, as the rules say.", http.MethodDelete
	if on {
		name, does, method = "mute", "keeps a feed on this machine: it leaves for no relay and no recording, whatever any rule says.", http.MethodPut
	}
	base, feeds, code := localFlags("vw "+name, fmt.Sprintf(muteHead, name, does), args, environ, stdout, stderr)
	if code >= 0 {
		return code
	}
	if len(feeds) == 0 {
		fmt.Fprintf(stderr, "vw %[1]s: which feed? vw %[1]s FEED, or vw %[1]s '*' for all\n", name)
		return exitUsage
	}
	var now agent.Mute
	for _, feed := range feeds {
		if err := ask(ctx, method, base+"/api/mutes/"+url.PathEscape(feed), &now); err != nil {
			fmt.Fprintf(stderr, "vw %s: %v\n", name, err)
			return exitFailed
		}
	}
	for _, feed := range feeds {
		switch {
		case on:
			fmt.Fprintf(stdout, "%s is muted by you: it leaves for no relay and no recording until you run vw unmute %[1]s.\n", feed)
		case slices.Contains(now.Mutes, "*"):
			fmt.Fprintf(stdout, "%s is still muted, since all feeds are: vw unmute '*' ends that.\n", feed)
		default:
			fmt.Fprintf(stdout, "%s is not muted by you any more.\n", feed)
		}
	}
	if now.Kept {
		fmt.Fprintln(stdout, "This outlives a restart of the agent.")
	} else if on {
		fmt.Fprintf(stdout, "This does not outlive a restart of the agent: set VW_STATE to a file, or VW_MUTED=%s, for that.\n", strings.Join(now.Mutes, ","))
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
	if on {
		name, method = "vw lock", http.MethodPut
	}
	base, rest, code := localFlags(name, lockHead, args, environ, stdout, stderr)
	if code >= 0 {
		return code
	}
	if len(rest) > 0 {
		fmt.Fprintf(stderr, "%s: %q is one word too many\n", name, rest[0])
		return exitUsage
	}
	var now agent.Lock
	if err := ask(ctx, method, base+"/api/lock", &now); err != nil {
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

// localFlags reads the flags of a command that asks the agent of this machine:
// its address, and the other arguments. A code that is not negative is the
// program's end.
func localFlags(name, head string, args, environ []string, stdout, stderr io.Writer) (base string, rest []string, code int) {
	s := newSettings(name)
	port := s.Int("port", 8888, "TCP port of the agent")
	_, err := s.parse(args, environ)
	if errors.Is(err, pflag.ErrHelp) {
		s.usage(stdout, head)
		return "", nil, exitOK
	}
	if err == nil && (*port < 1 || *port > 65535) {
		err = fmt.Errorf("port %d is not one of 1 to 65535", *port)
	}
	if err != nil {
		fmt.Fprintf(stderr, "%s: %v\n", name, err)
		return "", nil, exitUsage
	}
	return fmt.Sprintf("http://127.0.0.1:%d", *port), s.Args(), -1
}

// ask sends a request to the agent of this machine and reads its answer.
func ask(ctx context.Context, method, address string, answer any) error {
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, address, nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		u := req.URL.Host
		return fmt.Errorf("no agent answers at %s: is vw stream running there? Its port is set by --port or VW_PORT (%w)", u, errors.Unwrap(err))
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 16<<20))
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		var refused struct{ Error string }
		if json.Unmarshal(body, &refused) != nil || refused.Error == "" {
			return fmt.Errorf("the agent answered with HTTP %s", resp.Status)
		}
		return errors.New(refused.Error)
	}
	return json.Unmarshal(body, answer)
}
