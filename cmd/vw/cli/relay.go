package cli

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"vw/agent/link"
	"vw/agent/link/mqtt"
	"vw/command"
)

// A Relay is how relays are dialled, as flags say.
type Relay struct {
	Token, Auth string
	TokenFile   string        // that Token was read of, by its absolute path, "" for none
	Timeout     time.Duration // of each dial, or of each step of one
	Dialer      *link.Dialer
}

// Relay adds the flags that say how relays are dialled, and returns what makes
// the dialer of them, once they were read.
func (f *FlagSet) Relay(timeoutUsage string) func() (Relay, error) {
	r := Relay{}
	var policy link.Policy
	f.StringVar(&r.Token, "token", "", "`TOKEN` for the relay (better set the variable: others can see flags)")
	file := f.String("token-file", "", "`FILE` that holds the token (default: none)")
	f.StringVar(&r.Auth, "auth", "", "how the token is shown, a `WAY`: bearer, message or access (default: bearer, and access for https://)")
	f.DurationVar(&r.Timeout, "timeout", 10*time.Second, timeoutUsage)
	f.BoolVar(&policy.Plaintext, "allow-plaintext", false, "allow ws:// to other machines, though never with a token")
	ca := f.String("ca-file", "", "PEM `FILE` of certificates to trust besides the system's")
	cert := f.String("cert-file", "", "PEM `FILE` of the certificate to show to the relay")
	key := f.String("key-file", "", "PEM `FILE` of that certificate's key")
	return func() (Relay, error) {
		if r.Timeout <= 0 {
			return r, Usagef("timeout %v is not above zero", r.Timeout)
		}
		tls, err := link.TLS(*ca, *cert, *key)
		if err != nil {
			return r, UsageError{Err: err}
		}
		r.Dialer = link.New(link.Config{Policy: policy, TLS: tls, Timeout: r.Timeout})
		if *file == "" {
			return r, nil
		}
		if r.Token != "" {
			return r, Usagef("the token is given twice: leave out token or token-file")
		}
		if r.TokenFile, err = filepath.Abs(*file); err == nil {
			r.Token, err = r.ReadToken(r.TokenFile)
		}
		if err != nil {
			return r, UsageError{Err: fmt.Errorf("%s: %w", *file, err)}
		}
		return r, nil
	}
}

// ReadToken returns the token that a file holds, which is named by its absolute path.
func (r Relay) ReadToken(path string) (string, error) {
	t, err := r.Dialer.WithToken(context.Background(), link.Target{Credential: path})
	return t.Token, err
}

// Target returns where a URL leads. Whoever is on this machine has given it.
func (r Relay) Target(url string) link.Target {
	return link.Target{URL: url, Token: r.Token, Auth: r.Auth, Local: true}
}

// Check returns why a URL cannot be dialled. An agent's rules for the URL of its
// command channel hold.
func (r Relay) Check(url string) error {
	url, _, err := mqtt.SplitURL(url)
	if err != nil {
		return err
	}
	rule := command.Destination{ID: "apiRule", Stream: "api", Destination: url, Token: r.Token, Auth: r.Auth}
	if err := rule.Check(); err != nil {
		return err
	}
	return r.Dialer.Policy.Check(r.Target(url))
}
