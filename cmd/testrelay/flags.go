package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/spf13/pflag"

	"vw/cmd/vw/manual"
	"vw/testrelay"
)

const head = "testrelay relays websocket messages from /in/<topic> and /bi/<topic> to /out/<topic> and /bi/<topic>, and plays a topic in a browser at /view/<topic>.\n"

// options is the command line.
type options struct {
	listen, tokens, cert, key, logFormat string
	clients, topics, message, queue      int
	ping                                 time.Duration

	auth, token, caOut string // for tests
	tls, glue          bool
}

// parse returns pflag.ErrHelp where what was wanted has been printed.
func parse(args []string, stdout io.Writer) (options, error) {
	var o options
	flags := pflag.NewFlagSet("testrelay", pflag.ContinueOnError)
	flags.SortFlags = false
	flags.Usage = func() {
		fmt.Fprintf(stdout, "%s\n%s", head, flags.FlagUsages())
	}
	flags.StringVar(&o.listen, "listen", "127.0.0.1:8090", "address to listen on; port 0 takes a free one. Beyond this machine it wants --tokens")
	flags.StringVar(&o.tokens, "tokens", "", "file of tokens, a line each: token or sha256:SUM, in, out or bi, pattern of topics, day of its end; read again when it changes")
	flags.StringVar(&o.cert, "cert", "", "PEM file of the certificate: speak TLS; read again when it changes")
	flags.StringVar(&o.key, "key", "", "PEM file of the certificate's key")
	flags.IntVar(&o.clients, "max-clients", 1000, "clients at a time")
	flags.IntVar(&o.topics, "max-topics", 100, "topics at a time")
	flags.IntVar(&o.message, "max-message", 4<<20, "bytes of one message; a longer one ends its sender's link")
	flags.IntVar(&o.queue, "queue", 2<<20, "bytes that wait for one client; beyond that it goes on at the next key frame")
	flags.DurationVar(&o.ping, "ping", 20*time.Second, "time between pings; a client is cut off after three without an answer")
	flags.StringVar(&o.logFormat, "log-format", "", "how it is logged: text or json (default: text on a terminal, json elsewhere)")
	flags.BoolVar(&o.tls, "tls", false, "for tests: speak TLS, with a throw-away CA and a certificate for localhost, 127.0.0.1 and ::1")
	flags.StringVar(&o.caOut, "ca-out", "", "with --tls: write the CA's certificate to this file")
	flags.StringVar(&o.token, "token", "", "for tests: demand this token from every client; others on this machine can read it in the list of processes")
	flags.StringVar(&o.auth, "auth", "", "how --token is shown: bearer (header), message (first text message) or access (POST, then a code) (default bearer)")
	flags.BoolVar(&o.glue, "glue", false, "for tests: join messages that are waiting together, with a newline, as relays do under load")
	page := flags.Bool("manual", false, "print the manual page")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if *page {
		p := manual.Program{Name: "testrelay", Summary: "relay of websocket messages for one laboratory, and for tests of vw", Commands: []manual.Command{{Help: head, Flags: flags}}}
		return o, cmp.Or(p.Page(stdout, ""), pflag.ErrHelp)
	}
	if flags.NArg() > 0 {
		return o, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	if o.token != "" && o.auth == "" {
		o.auth = string(testrelay.BearerAuth)
	}
	return o, o.check()
}

// check reports what does not go together.
func (o options) check() error {
	switch {
	case o.caOut != "" && !o.tls:
		return errors.New("--ca-out needs --tls")
	case o.auth != "" && o.token == "":
		return errors.New("--auth needs --token")
	case o.token != "" && o.tokens != "":
		return errors.New("--token and --tokens exclude each other")
	case (o.cert == "") != (o.key == ""):
		return errors.New("--cert and --key need each other")
	case o.cert != "" && o.tls:
		return errors.New("--tls has a certificate of its own: leave out --tls or --cert")
	case min(o.clients, o.topics, o.message, o.queue) < 1:
		return errors.New("--max-clients, --max-topics, --max-message and --queue are at least 1")
	case o.ping < time.Second:
		return errors.New("--ping is at least 1s")
	case o.logFormat != "" && o.logFormat != "text" && o.logFormat != "json":
		return fmt.Errorf("--log-format %q is none of text, json", o.logFormat)
	}
	switch testrelay.Auth(o.auth) {
	case testrelay.NoAuth, testrelay.BearerAuth, testrelay.MessageAuth, testrelay.AccessAuth:
		return o.checkAddress()
	}
	return fmt.Errorf("--auth %q is none of bearer, message, access", o.auth)
}

// checkAddress wants tokens of a relay that others than this machine can reach.
func (o options) checkAddress() error {
	addr, err := net.ResolveTCPAddr("tcp", o.listen)
	if err != nil {
		return fmt.Errorf("--listen: %w", err)
	}
	if addr.IP.IsLoopback() || o.tokens != "" || o.token != "" {
		return nil
	}
	return fmt.Errorf("whoever reaches %s could watch and send: name a file of tokens with --tokens, or listen on 127.0.0.1", o.listen)
}
