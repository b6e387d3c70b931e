package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"vw/agent"
	"vw/cmd/vw/cli"
	"vw/command/printable"
)

// retired are variables of the first vw that have no meaning any more.
var retired = []string{
	"VW_MUXBUFFERLENGTH", "VW_CLIENTBUFFERLENGTH", "VW_CLIENTTIMEOUTMS", "VW_HTTPWAITMS",
	"VW_HTTPSFLUSHMS", "VW_HTTPTIMEOUTMS", "VW_CPUPROFILE",
}

const streamHead = `vw stream runs the agent until it is interrupted. It listens on this machine alone.

usage: vw stream [flags]
`

// runStream is vw stream.
func runStream(ctx context.Context, args, environ []string, stdout, stderr io.Writer) int {
	c := agent.Config{Version: programVersion(), Built: programDate()}
	s := newSettings("vw stream")
	s.aliases["VW_LOGLEVEL"] = "log-level"
	s.IntVar(&c.Port, "port", 8888, "TCP port on 127.0.0.1 and ::1")
	s.StringVar(&c.API, "api", "", "URL of the command channel; {name} in it stands for the agent's name")
	s.StringVar(&c.APIToken, "api-token", "", "token for the command channel (better set the variable: flags can be seen by others)")
	s.DurationVar(&c.Trial, "api-trial", 5*time.Minute, "how long a new command channel has to prove itself")
	s.StringVar(&c.Name, "name", "", "name of the agent (default: the host name)")
	s.StringSliceVar(&c.Muted, "muted", nil, "feeds muted by you from the start, comma separated; FEED:audio for a part, * for all")
	s.StringVar(&c.MuteFile, "mute-file", "", "file that mutes everything while it exists, for a button or a sensor (default: none)")
	s.StringVar(&c.OnAirFile, "on-air-file", "", "file that is kept to the names of the feeds that leave now, one a line (default: none)")
	s.StringVar(&c.OwnerTokenFile, "owner-token-file", "", "file with the token that unmuting and unlocking want (default: none)")
	s.StringVar(&c.State, "state", "", "file in which rules, mutes and lock last over a restart; it holds tokens (default: none)")
	s.StringVar(&c.RecordDir, "record-dir", "", "folder of the recordings; unset, the command channel may not record, and this machine's own rules record to recordings (default: none)")
	s.Var(&c.RecordKeep, "record-keep", "how old and how large recordings may grow before the oldest are deleted, such as 7d, 20GB or 7d,20GB (default: none)")
	s.DurationVar(&c.PingInterval, "ping-interval", 15*time.Second, "time between pings on every link")
	s.StringSliceVar(&c.AllowDestinations, "allow-destinations", nil, "hosts that may be dialled, * and ? allowed, comma separated (default: all)")
	s.BoolVar(&c.AllowPlaintext, "allow-plaintext", false, "allow ws:// and http:// to other machines")
	s.StringVar(&c.CAFile, "ca-file", "", "PEM file of certificates to trust besides the system's")
	s.StringVar(&c.CertFile, "cert-file", "", "PEM file of the certificate to show to relays")
	s.StringVar(&c.KeyFile, "key-file", "", "PEM file of that certificate's key")
	level := logLevel(slog.LevelInfo)
	s.Var(&level, "log-level", "how much is logged: debug, info, warn or error")
	format := s.String("log-format", "", "how it is logged: text or json (default: text on a terminal, json elsewhere)")
	unknown, err := s.parse(args, environ)
	if errors.Is(err, pflag.ErrHelp) {
		s.usage(stdout, streamHead)
		return exitOK
	}
	if err == nil && s.NArg() > 0 {
		err = fmt.Errorf("%q is one word too many: flags begin with --", s.Arg(0))
	}
	if err == nil && !slices.Contains([]string{"", "text", "json"}, *format) {
		err = fmt.Errorf("log format %q is neither text nor json", *format)
	}
	if err == nil && c.Port == 0 {
		err = errors.New("port 0 is not one of 1 to 65535")
	}
	if err != nil {
		fmt.Fprintf(stderr, "vw stream: %v\n", err)
		return exitUsage
	}
	c.Log = newLog(stderr, *format, slog.Level(level))
	warnUnknown(c.Log, unknown)
	a, err := agent.New(c)
	if err != nil {
		fmt.Fprintf(stderr, "vw stream: %v\n", err)
		if busy := (*net.OpError)(nil); errors.As(err, &busy) {
			return exitFailed
		}
		return exitUsage
	}
	defer tellManager(ctx, environ, a.URL(), c.Log)()
	if err := a.Run(ctx); err != nil {
		c.Log.Error("stopped by an error", "err", err)
		return exitFailed
	}
	return exitOK
}

// programDate is when the program's source was committed, the zero time where the
// build did not say.
func programDate() time.Time {
	at, _ := time.Parse(time.RFC3339, built)
	return at
}

func warnUnknown(log *slog.Logger, names []string) {
	var old []string
	for _, name := range names {
		if slices.Contains(retired, name) {
			old = append(old, name)
		} else {
			log.Warn("environment variable has no meaning here", "name", name)
		}
	}
	if len(old) > 0 {
		log.Info("environment variables of the first vw are not needed any more", "names", strings.Join(old, " "))
	}
}

// A logLevel reads the levels' names, the first vw's among them.
type logLevel slog.Level

func (l *logLevel) Set(s string) error {
	levels := map[string]slog.Level{
		"trace": slog.LevelDebug, "debug": slog.LevelDebug, "info": slog.LevelInfo,
		"warn": slog.LevelWarn, "warning": slog.LevelWarn,
		"error": slog.LevelError, "fatal": slog.LevelError, "panic": slog.LevelError,
	}
	level, ok := levels[strings.ToLower(s)]
	if !ok {
		return errors.New("log level is none of debug, info, warn, error")
	}
	*l = logLevel(level)
	return nil
}

func (l *logLevel) String() string { return strings.ToLower(slog.Level(*l).String()) }
func (l *logLevel) Type() string   { return "level" }

// newLog logs as text on a terminal and as JSON elsewhere, if not told.
func newLog(w io.Writer, format string, level slog.Level) *slog.Logger {
	options := &slog.HandlerOptions{Level: level}
	if format == "" {
		format = "json"
		if cli.IsTerminal(w) {
			format = "text"
		}
	}
	if format == "text" {
		return slog.New(slog.NewTextHandler(w, options))
	}
	return slog.New(slog.NewJSONHandler(printable.JSONWriter{Writer: w}, options))
}
