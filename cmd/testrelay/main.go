// Command testrelay runs the test relay on its own: for demonstrations, and
// for trying an agent without a relay in the cloud. It lets in whoever can
// connect, so it listens on loopback unless it is told otherwise.
package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/pflag"

	"vw/cmd/vw/manual"
	"vw/testrelay"
)

const head = "testrelay relays websocket messages from /in/<topic> and /bi/<topic> to /out/<topic> and /bi/<topic>.\n"

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

// options is the command line.
type options struct {
	listen, auth, token, caOut string
	tls, glue                  bool
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
	cfg := testrelay.Config{
		Auth:  testrelay.Auth(o.auth),
		Token: o.token,
		Log:   slog.New(slog.NewTextHandler(stderr, nil)),
	}
	if o.tls {
		cfg.TLS = new(testrelay.TLS)
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

func parse(args []string, stdout io.Writer) (options, error) {
	var o options
	flags := pflag.NewFlagSet("testrelay", pflag.ContinueOnError)
	flags.SortFlags = false
	flags.Usage = func() {
		fmt.Fprintf(stdout, "%s\n%s", head, flags.FlagUsages())
	}
	flags.StringVar(&o.listen, "listen", "127.0.0.1:8090", "address to listen on; port 0 takes a free one")
	flags.BoolVar(&o.tls, "tls", false, "speak TLS, with a throw-away CA and a certificate for localhost, 127.0.0.1 and ::1")
	flags.StringVar(&o.caOut, "ca-out", "", "with --tls: write the CA's certificate to this file")
	flags.StringVar(&o.token, "token", "", "demand this token from every client")
	flags.StringVar(&o.auth, "auth", "", "how the token is shown: bearer (header), message (first text message) or access (POST, then a code) (default bearer, with --token)")
	flags.BoolVar(&o.glue, "glue", false, "join messages that are waiting together, with a newline, as relays do under load")
	page := flags.Bool("manual", false, "print the manual page")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if *page {
		p := manual.Program{Name: "testrelay", Summary: "relay for tests and demonstrations of vw", Commands: []manual.Command{{Help: head, Flags: flags}}}
		return o, cmp.Or(p.Page(stdout, ""), pflag.ErrHelp)
	}
	if o.token != "" && o.auth == "" {
		o.auth = string(testrelay.BearerAuth)
	}
	switch {
	case flags.NArg() > 0:
		return o, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	case o.caOut != "" && !o.tls:
		return o, errors.New("--ca-out needs --tls")
	case o.auth != "" && o.token == "":
		return o, errors.New("--auth needs --token")
	}
	switch testrelay.Auth(o.auth) {
	case testrelay.NoAuth, testrelay.BearerAuth, testrelay.MessageAuth, testrelay.AccessAuth:
		return o, nil
	}
	return o, fmt.Errorf("--auth %q is none of bearer, message, access", o.auth)
}

// announce says where the relay is, and one line to try it with. The line
// names no token: what is printed is often kept.
func announce(w io.Writer, addr string, o options) {
	scheme := "ws"
	if o.tls {
		scheme = "wss"
	}
	for _, way := range []string{"in", "out", "bi"} {
		fmt.Fprintf(w, "%s://%s/%s/<topic>\n", scheme, addr, way)
	}
	fmt.Fprintf(w, "try: %s\n", try(scheme+"://"+addr+"/bi/chat", o))
}

// try is a command line for websocat, which takes an unknown CA if told to.
func try(url string, o options) string {
	insecure := ""
	if o.tls {
		insecure = " --insecure"
	}
	switch testrelay.Auth(o.auth) {
	case testrelay.BearerAuth:
		return fmt.Sprintf(`websocat%s -H "Authorization: Bearer $TOKEN" %s`, insecure, url)
	case testrelay.AccessAuth:
		post := strings.Replace(url, "ws", "http", 1)
		return fmt.Sprintf(`websocat%s "$(curl%s -s -X POST -H "Authorization: $TOKEN" %s | jq -r .uri)"`, insecure, insecure, post)
	}
	return fmt.Sprintf("websocat%s %s", insecure, url)
}
