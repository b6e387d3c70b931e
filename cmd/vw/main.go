// Command vw is the media agent: it takes ffmpeg's transport streams on
// loopback and forwards them to relays, as it is told while it runs.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"
)

// version, and the time of the commit as RFC 3339 has it, are set by the build.
// Else the version is what the toolchain knows.
var version, built = "", ""

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Environ(), os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// The exit codes of every command.
const (
	exitOK     = 0
	exitFailed = 1 // or, of vw check, unsound
	exitUsage  = 2 // a flag, argument, variable or file that cannot be used
)

const usage = `vw forwards this machine's cameras and microphones to relays, as it is told.

usage: vw COMMAND [flags]

  vw stream        run the agent
  vw demo          see it work: a relay, an agent, a test picture, and lines to try
  vw status        say in words what the agent of this machine does, and what is wrong
  vw doctor URL    try the way to a relay step by step, and say what to do where it ends
  vw devices       list cameras and microphones, each with the ffmpeg line that feeds the agent
  vw mute FEED     keep a feed on this machine, whatever the rules say; vw unmute FEED ends that
  vw lock          let nobody beyond this machine change rules; vw unlock ends that
  vw send COMMAND  command agents over their command channels, and see who acknowledged
  vw check FILE    say whether a transport stream is sound
  vw completion    print what completes commands and flags in bash, zsh or fish
  vw manual        print the manual page
  vw licenses      print the licences of this program and of its parts
  vw version       say which version this is
  vw help          say this; vw COMMAND --help tells a command's flags
`

// run is the program. It returns the exit code.
func run(ctx context.Context, args, environ []string, stdin io.Reader, stdout, stderr io.Writer) int {
	if len(args) == 0 {
		fmt.Fprint(stderr, usage)
		return exitUsage
	}
	switch name, args := args[0], args[1:]; name {
	case "stream":
		return runStream(ctx, args, environ, stdout, stderr)
	case "demo":
		return runDemo(ctx, args, stdout, stderr)
	case "status":
		return runStatus(ctx, args, environ, stdout, stderr)
	case "doctor":
		return runDoctor(ctx, args, environ, stdout, stderr)
	case "send":
		return runSend(ctx, args, environ, stdin, stdout, stderr)
	case "devices":
		return runDevices(ctx, args, environ, stdout, stderr)
	case "mute":
		return runMute(ctx, args, environ, stdout, stderr)
	case "unmute":
		return runUnmute(ctx, args, environ, stdout, stderr)
	case "lock", "unlock":
		return runLock(ctx, name == "lock", args, environ, stdout, stderr)
	case "check":
		return runCheck(ctx, args, stdin, stdout, stderr)
	case "manual", "completion":
		return runManual(ctx, name, args, stdout, stderr)
	case "licenses":
		return runLicenses(args, stdout, stderr)
	case "version", "--version":
		fmt.Fprintln(stdout, "vw", programVersion())
		return exitOK
	case "help", "--help", "-h":
		if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
			return run(ctx, []string{args[0], "--help"}, environ, stdin, stdout, stderr)
		}
		fmt.Fprint(stdout, usage)
		return exitOK
	default:
		fmt.Fprintf(stderr, "vw: there is no command %q: vw help lists those there are\n", name)
		return exitUsage
	}
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
