// Command testrelay runs the relay on its own: for one laboratory, for
// demonstrations, and for trying an agent. Beyond loopback it lets nobody in
// without a token.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"

	"github.com/spf13/pflag"

	"vw/testrelay"
	"vw/testrelay/keypair"
	"vw/testrelay/tokens"
)

// errUsage is a command line that makes no sense.
var errUsage = errors.New("see testrelay --help")

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err == nil {
		return
	}
	fmt.Fprintln(os.Stderr, "testrelay:", err)
	if errors.Is(err, errUsage) {
		os.Exit(2)
	}
	os.Exit(1)
}

// run relays until ctx ends.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	o, err := parse(args, stdout)
	if errors.Is(err, pflag.ErrHelp) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("%w; %w", err, errUsage)
	}
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	cfg, err := o.config(stderr)
	if err != nil {
		return err
	}
	if file, ok := cfg.Tokens.(*tokens.File); ok {
		running.Go(func() { file.Run(ctx) })
	}
	relay, err := testrelay.New(cfg)
	if err != nil {
		return err
	}
	relay.SetFaults("/", testrelay.Faults{Glue: o.glue})
	if o.caOut != "" {
		if err := os.WriteFile(o.caOut, relay.CA(), 0o644); err != nil {
			return fmt.Errorf("write CA certificate: %w", err)
		}
	}
	ln, err := net.Listen("tcp", o.listen)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	announce(stdout, ln.Addr().String(), o)
	return relay.Serve(ctx, ln)
}

// config reads the files that the command line names.
func (o options) config(stderr io.Writer) (testrelay.Config, error) {
	cfg := testrelay.Config{
		Auth:         testrelay.Auth(o.auth),
		Token:        o.token,
		MaxClients:   o.clients,
		MaxTopics:    o.topics,
		MaxMessage:   o.message,
		QueueBytes:   o.queue,
		PingInterval: o.ping,
		KeyFrames:    true,
		Visits:       -1,
		Log:          logger(stderr, o.logFormat),
	}
	if o.tls {
		cfg.TLS = new(testrelay.TLS)
	}
	if o.cert != "" {
		files, err := keypair.Open(o.cert, o.key, cfg.Log)
		if err != nil {
			return cfg, err
		}
		cfg.Certificate = files.Certificate
	}
	if o.tokens != "" {
		file, err := tokens.Open(o.tokens, cfg.Log)
		if err != nil {
			return cfg, err
		}
		cfg.Auth, cfg.Tokens = testrelay.AnyAuth, file
	}
	return cfg, nil
}

// logger logs text on a terminal and JSON elsewhere, unless it is told otherwise.
func logger(w io.Writer, format string) *slog.Logger {
	if f, ok := w.(*os.File); ok && format == "" {
		if info, err := f.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
			format = "text"
		}
	}
	if format == "text" {
		return slog.New(slog.NewTextHandler(w, nil))
	}
	return slog.New(slog.NewJSONHandler(w, nil))
}

// announce says where the relay is, and one line to try it with. The line
// names no token: what is printed is often kept.
func announce(w io.Writer, addr string, o options) {
	scheme := "ws"
	if o.tls || o.cert != "" {
		scheme = "wss"
	}
	for _, way := range []string{"in", "out", "bi"} {
		fmt.Fprintf(w, "%s://%s/%s/<topic>\n", scheme, addr, way)
	}
	fmt.Fprintf(w, "%s://%s/view/<topic>\n", strings.Replace(scheme, "ws", "http", 1), addr)
	fmt.Fprintf(w, "try: %s\n", try(scheme+"://"+addr+"/bi/chat", o))
}

// try is a command line for websocat, which takes an unknown CA if told to.
func try(url string, o options) string {
	insecure := ""
	if o.tls {
		insecure = " --insecure"
	}
	switch {
	case o.tokens != "", testrelay.Auth(o.auth) == testrelay.BearerAuth:
		return fmt.Sprintf(`websocat%s -H "Authorization: Bearer $TOKEN" %s`, insecure, url)
	case testrelay.Auth(o.auth) == testrelay.AccessAuth:
		post := strings.Replace(url, "ws", "http", 1)
		return fmt.Sprintf(`websocat%s "$(curl%s -s -X POST -H "Authorization: $TOKEN" %s | jq -r .uri)"`, insecure, insecure, post)
	}
	return fmt.Sprintf("websocat%s %s", insecure, url)
}
