package main

import (
	"cmp"
	"context"
	"errors"
	"io"
	"log/slog"
	"maps"
	"net"
	"slices"
	"strings"
	"time"

	"vw/agent"
	"vw/cmd/vw/cli"
	"vw/command/printable"
)

// retired are variables of the first vw that have no meaning any more.
var retired = []string{
	"VW_MUXBUFFERLENGTH", "VW_CLIENTBUFFERLENGTH", "VW_CLIENTTIMEOUTMS", "VW_HTTPWAITMS",
	"VW_HTTPSFLUSHMS", "VW_HTTPTIMEOUTMS", "VW_CPUPROFILE",
}

const streamHelp = `vw stream runs the agent until it is interrupted. It listens on this machine alone.

usage: vw stream [flags]
`

func runStream(ctx context.Context, c *cli.Call) error {
	config, err := streamConfig(c)
	if err != nil {
		return err
	}
	a, err := agent.New(config)
	if busy := (*net.OpError)(nil); errors.As(err, &busy) {
		return err
	}
	if err != nil {
		return cli.UsageError{Err: err}
	}
	defer tellManager(ctx, c, a.URL(), config.Log)()
	if err := a.Run(ctx); err != nil {
		config.Log.Error("stopped by an error", "err", err)
		return cli.ExitError(cli.Failed)
	}
	return nil
}

// streamConfig reads the flags, and logs which variables mean nothing.
func streamConfig(call *cli.Call) (agent.Config, error) {
	c := agent.Config{Version: programVersion(), Built: programDate()}
	f := call.Settings(streamHelp)
	f.Aliases["VW_LOGLEVEL"] = "log-level"
	f.IntVar(&c.Port, "port", 8888, "TCP `PORT` on 127.0.0.1 and ::1")
	f.StringVar(&c.API, "api", "", "`URL` of the command channel; {name} in it stands for the agent's name")
	f.StringVar(&c.APIToken, "api-token", "", "`TOKEN` for the command channel (better set the variable: others can see flags)")
	f.StringVar(&c.APITokenFile, "api-token-file", "", "`FILE` that holds that token, and is read anew at each dial (default: none)")
	f.StringVar(&c.CredentialsDir, "credentials-dir", "", "`FOLDER` of the files with tokens that rules name as credential (default: $CREDENTIALS_DIRECTORY)")
	f.DurationVar(&c.Trial, "api-trial", 5*time.Minute, "how long a new command channel may take to prove itself, a `TIME` such as 5m")
	f.DurationVar(&c.Heartbeat, "api-heartbeat", 0, "how often the command channel is told how the agent stands, a `TIME` such as 30s (default: none)")
	f.StringVar(&c.Name, "name", "", "`NAME` of the agent (default: the host name)")
	f.StringSliceVar(&c.Muted, "muted", nil, "`FEEDS` that are muted from the start, comma separated; FEED:audio for a part, * for all")
	f.StringVar(&c.MuteFile, "mute-file", "", "`FILE` that mutes everything while it exists, for a button or a sensor (default: none)")
	f.StringVar(&c.OnAirFile, "on-air-file", "", "`FILE` in which vw keeps the names of the feeds that leave now, one a line (default: none)")
	f.StringVar(&c.OwnerTokenFile, "owner-token-file", "", "`FILE` with the token that unmuting and unlocking want (default: none)")
	f.StringVar(&c.State, "state", "", "`FILE` that keeps rules, mutes and lock over a restart; it holds tokens (default: none)")
	f.StringVar(&c.Journal, "journal", "", "`FILE` in which is kept who changed what, a line of JSON each (default: none)")
	f.StringVar(&c.RecordDir, "record-dir", "", "`FOLDER` for recordings; if it is not set, the command channel may not record, and this machine's own rules record to the folder recordings (default: none)")
	f.Var(&c.RecordKeep, "record-keep", "how old and how large recordings may grow before the oldest are deleted, a `LIMIT` such as 7d, 20GB or 7d,20GB (default: none)")
	f.DurationVar(&c.PingInterval, "ping-interval", 15*time.Second, "`TIME` between pings on every link")
	f.StringSliceVar(&c.AllowDestinations, "allow-destinations", nil, "`HOSTS` that may be dialled, * and ? allowed, comma separated (default: all)")
	f.BoolVar(&c.AllowPlaintext, "allow-plaintext", false, "allow ws:// and http:// to other machines")
	f.StringVar(&c.CAFile, "ca-file", "", "PEM `FILE` of certificates to trust besides the system's")
	f.StringVar(&c.CertFile, "cert-file", "", "PEM `FILE` of the certificate to show to relays")
	f.StringVar(&c.KeyFile, "key-file", "", "PEM `FILE` of that certificate's key")
	level := logLevel(slog.LevelInfo)
	f.Var(&level, "log-level", "how much is logged, a `LEVEL`: debug, info, warn or error")
	format := f.String("log-format", "", "how it is logged, a `FORMAT`: text or json (default: text on a terminal, json elsewhere)")
	if err := f.ReadAll(); err != nil {
		return c, err
	}
	c.CredentialsDir = cmp.Or(c.CredentialsDir, call.Variable("CREDENTIALS_DIRECTORY"))
	if !slices.Contains([]string{"", "text", "json"}, *format) {
		return c, cli.Usagef("log format %q is neither text nor json", *format)
	}
	if c.Port == 0 {
		return c, cli.Usagef("port 0 is not one of 1 to 65535")
	}
	c.Log = newLog(call.Stderr, *format, slog.Level(level))
	return c, tellUnknown(c.Log, f.Unknown)
}

// tellUnknown logs the variables that mean nothing. One that was to keep
// something on this machine is an error: without it that would leave.
func tellUnknown(log *slog.Logger, unknown map[string]string) error {
	var old []string
	for _, name := range slices.Sorted(maps.Keys(unknown)) {
		meant := unknown[name]
		switch {
		case slices.Contains(retired, name):
			old = append(old, name)
		case meant == "VW_MUTED" || meant == "VW_MUTE_FILE":
			return cli.Usagef("%s means nothing, and nothing is muted by it: did you mean %s? Else unset it", name, meant)
		case meant != "":
			log.Warn("environment variable has no meaning here", "name", name, "didYouMean", meant)
		default:
			log.Warn("environment variable has no meaning here", "name", name)
		}
	}
	if len(old) > 0 {
		log.Info("environment variables of the first vw are not needed any more", "names", strings.Join(old, " "))
	}
	return nil
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
