// Command vw is the media agent: it takes ffmpeg's transport streams on
// loopback and forwards them to relays, as it is told while it runs.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"vw/cmd/vw/cli"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Environ(), os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

const summary = "vw forwards this machine's cameras and microphones to relays, as it is told."

// A subcommand is one that vw is called with.
type subcommand struct {
	name, operands, summary string
	run                     func(context.Context, *cli.Call) error
}

func subcommands() []subcommand {
	return []subcommand{
		{"stream", "", "run the agent", runStream},
		{"demo", "", "see it work: a relay, an agent, a test picture, and lines to try", runDemo},
		{"status", "", "say what the agent of this machine does, what is wrong, and what to do about it", runStatus},
		{"doctor", "URL", "try the way to a relay step by step, and say what to do where it ends", runDoctor},
		{"devices", "", "list cameras and microphones, each with the ffmpeg line that feeds the agent", runDevices},
		{"mute", "FEED", "keep a feed on this machine, whatever the rules say", runMute},
		{"unmute", "FEED", "let a muted feed leave this machine again", runUnmute},
		{"lock", "", "let nobody beyond this machine change rules", runLock},
		{"unlock", "", "let the command channel change rules again", runUnlock},
		{"send", "COMMAND", "command agents over their command channels, and see who acknowledged", runSend},
		{"fleet", "", "say how many agents stand, and bring them to one table of rules", runFleet},
		{"journal", "", "print who changed what, and what was in force at a time", runJournal},
		{"check", "FILE", "say whether a transport stream is sound", runCheck},
		{"completion", "SHELL", "print what completes commands and flags in bash, zsh or fish", runCompletion},
		{"manual", "", "print the manual page", runManual},
		{"licenses", "", "print the licences of this program and of its parts", runLicenses},
		{"version", "", "say which version this is", runVersion},
		{"help", "", "print this; vw COMMAND --help tells a command's flags", nil},
	}
}

// run is the program. It returns the exit code.
func run(ctx context.Context, args, environ []string, stdin io.Reader, stdout, stderr io.Writer) int {
	if len(args) == 0 {
		printUsage(stderr)
		return cli.Usage
	}
	name, args := args[0], args[1:]
	switch name {
	case "--version":
		name = "version"
	case "help", "--help", "-h":
		if len(args) == 0 || strings.HasPrefix(args[0], "-") || args[0] == "help" {
			printUsage(stdout)
			return cli.OK
		}
		name, args = args[0], []string{"--help"}
	}
	all := subcommands()
	at := slices.IndexFunc(all, func(c subcommand) bool { return c.name == name })
	if at < 0 {
		var names []string
		for _, c := range all {
			names = append(names, c.name)
		}
		fmt.Fprintf(stderr, "vw: there is no command %q%s: vw help lists those there are\n", name, cli.DidYouMean("", cli.Nearest(name, names)))
		return cli.Usage
	}
	call := &cli.Call{Name: "vw " + name, Args: args, Environ: environ, Stdin: stdin, Stdout: stdout, Stderr: stderr}
	if name != "stream" { // which logs it
		call.Variables = func() []string { return variables(ctx) }
	}
	return call.Code(all[at].run(ctx, call))
}

func printUsage(out io.Writer) {
	fmt.Fprintf(out, "%s\n\nusage: vw COMMAND [flags]\n\n", summary)
	for _, c := range subcommands() {
		fmt.Fprintf(out, "  vw %-19s%s\n", strings.TrimSpace(c.name+" "+c.operands), c.summary)
	}
}
