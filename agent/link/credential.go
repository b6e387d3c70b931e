package link

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"
)

const (
	// maxCredential bounds a token's file, maxToken the token, in bytes.
	maxCredential = 16 << 10
	maxToken      = 8 << 10
	// renewEvery is the time between two looks for a newer token, once the one
	// that a link was dialled with nears its end.
	renewEvery = time.Minute
)

var (
	errRenewed     = newError(CodeOther, "its token was renewed: dialled anew with that")
	errDiskOfToken = newError(CodeCredential, "the disk of the token's file does not answer")
)

// WithToken returns a target with the token that the file of its credential holds
// now, so that whoever replaces the file renews the token.
func (d *Dialer) WithToken(ctx context.Context, t Target) (Target, error) {
	if t.Credential == "" {
		return t, nil
	}
	timer := time.NewTimer(d.Timeout)
	defer timer.Stop()
	select { // one at a time: a disk that hangs holds one goroutine
	case d.reading <- struct{}{}:
	case <-timer.C:
		return t, errDiskOfToken
	case <-ctx.Done():
		return t, ctx.Err()
	}
	type result struct {
		text string
		err  error
	}
	read := make(chan result, 1)
	go func() {
		text, err := d.readCredential(t.Credential)
		<-d.reading
		read <- result{text, err}
	}()
	select {
	case r := <-read:
		if r.err != nil {
			return t, credentialError(t.Credential, r.err)
		}
		return t.withToken(r.text)
	case <-timer.C:
		return t, errDiskOfToken
	case <-ctx.Done():
		return t, ctx.Err()
	}
}

// readCredential reads the file of a credential: a path, or a name in the folder
// of credentials, which no link leads out of.
func (d *Dialer) readCredential(name string) (string, error) {
	stat, open := os.Stat, os.Open
	if !filepath.IsAbs(name) {
		root, err := os.OpenRoot(d.Credentials)
		if err != nil {
			return "", err
		}
		defer root.Close()
		stat, open = root.Stat, root.Open
	}
	info, err := stat(name) // a pipe would hold open up
	if err != nil {
		return "", err
	}
	if !info.Mode().IsRegular() {
		return "", errors.New("it is no file")
	}
	f, err := open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxCredential+1))
	if len(text) > maxCredential {
		return "", fmt.Errorf("it is longer than %d bytes", maxCredential)
	}
	return string(text), err
}

// withToken returns a target with the token of a credential's text: its first
// line. The others name the hosts that it is for; none: every host.
func (t Target) withToken(text string) (Target, error) {
	token, rest, _ := strings.Cut(strings.TrimSpace(text), "\n")
	token = strings.TrimSpace(token)
	hosts := strings.FieldsFunc(rest, func(char rune) bool { return char <= ' ' || char == ',' })
	u, err := url.Parse(t.URL)
	switch {
	case token == "":
		err = errors.New("it is empty")
	case len(token) > maxToken:
		err = fmt.Errorf("its token is longer than %d bytes", maxToken)
	case strings.ContainsFunc(token, func(char rune) bool { return char < ' ' || char > '~' }):
		err = errors.New("its first line is no token: it holds a control character or a letter beyond ASCII")
	case err == nil && t.URL != "" && !(Policy{Hosts: hosts}).allows(normalHost(u.Hostname())):
		err = errors.New("it says below its token for which hosts that is, and this is none of them")
	}
	if err != nil {
		return t, credentialError(t.Credential, err)
	}
	t.Token, t.Credential = token, ""
	return t, nil
}

// credentialError says why a credential cannot be had, without a path.
func credentialError(name string, err error) *Error {
	what := fmt.Sprintf("the file of credential %q", name)
	if filepath.IsAbs(name) {
		what = "the token's file"
	}
	if at := (*fs.PathError)(nil); errors.As(err, &at) {
		err = at.Err
	}
	if errors.Is(err, fs.ErrNotExist) {
		return newError(CodeCredentialMissing, "%s is not there", what)
	}
	return newError(CodeCredential, "%s cannot be used: %v", what, err)
}

// untilRenewed returns a context that ends, with errRenewed, when the target's
// credential holds another token than t has, which nears its end. Stop has to be
// called.
func (l *Link) untilRenewed(life context.Context, unread, t Target) (ctx context.Context, stop func()) {
	from := t.Claims().Renew
	if unread.Credential == "" || from == nil {
		return life, func() {}
	}
	ctx, cancel := context.WithCancelCause(life)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(renewEvery)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case now := <-tick.C:
				if now.Before(*from) {
					continue
				}
			}
			if newer, err := l.Dialer.WithToken(ctx, unread); err == nil && newer.Token != t.Token {
				cancel(errRenewed)
			}
		}
	}()
	return ctx, func() {
		cancel(nil)
		<-ended
	}
}
