package doctor

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"vw/agent/link"
	"vw/agent/status"
	"vw/cmd/vw/cli"
)

// clockSlack is how far a clock may be off before certificates and tokens
// begin to be refused for it.
const clockSlack = time.Minute

// A request is what one request without token, path or query brought to light.
type request struct {
	tls  *tls.ConnectionState // nil: there was no handshake
	date time.Time            // of the server's Date header; zero: none
	here time.Time            // when that was
	err  error
}

// head makes the request. The certificate is judged later, so that the clock of
// a server can be read that this machine's makes look invalid.
func (c *checkup) head(ctx context.Context) (r request) {
	ctx, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	t := c.Dialer.TLS.Clone()
	t.InsecureSkipVerify = true
	t.VerifyConnection = func(s tls.ConnectionState) error {
		r.tls = &s
		return nil
	}
	client := c.Dialer.Client(c.to, t)
	req, err := http.NewRequestWithContext(ctx, http.MethodHead, "https://"+c.url.Host+"/", nil)
	if err != nil {
		r.err = errors.New("it is no URL")
		return r
	}
	begun := time.Now()
	resp, err := client.Do(req)
	if err != nil {
		r.err = c.Dialer.Describe(err)
		return r
	}
	resp.Body.Close()
	r.date, _ = http.ParseTime(resp.Header.Get("Date"))
	r.here = begun.Add(time.Since(begun) / 2)
	return r
}

func (c *checkup) checkTLS(ctx context.Context) Result {
	if !link.Secure(c.url) {
		return skipped("%s:// does without", c.url.Scheme)
	}
	c.request = c.head(ctx)
	s := c.request.tls
	if s == nil {
		return failed(c.request.err)
	}
	// of TLS 1.3 a client hears after its handshake that its certificate is missing
	switch link.CodeOf(c.request.err) {
	case link.CodeWantsCertificate, link.CodeBadCertificate:
		return failed(c.request.err)
	}
	leaf := s.PeerCertificates[0]
	found := fmt.Sprintf("%s, certificate for %s by %s, valid from %s to %s", tls.VersionName(s.Version), certified(leaf),
		authorityOf(leaf), leaf.NotBefore.Format(time.DateOnly), leaf.NotAfter.Format(time.DateOnly))
	others := x509.NewCertPool()
	for _, cert := range s.PeerCertificates[1:] {
		others.AddCert(cert)
	}
	_, err := leaf.Verify(x509.VerifyOptions{DNSName: c.url.Hostname(), Roots: c.Dialer.TLS.RootCAs, Intermediates: others})
	if err != nil {
		f := failed(c.Dialer.Describe(err))
		f.Found += "; " + found
		return f
	}
	return fine("%s", found)
}

// certified are the names that a certificate is for, the first few.
func certified(cert *x509.Certificate) string {
	names := slices.Clone(cert.DNSNames)
	for _, ip := range cert.IPAddresses {
		names = append(names, ip.String())
	}
	const few = 4
	switch {
	case len(names) == 0:
		return "no name"
	case len(names) > few:
		return fmt.Sprintf("%s and %d more", strings.Join(names[:few], ", "), len(names)-few)
	}
	return strings.Join(names, ", ")
}

func authorityOf(cert *x509.Certificate) string {
	for _, name := range append([]string{cert.Issuer.CommonName}, cert.Issuer.Organization...) {
		if name != "" {
			return name
		}
	}
	return "an authority without a name"
}

// checkClock compares this machine's clock with the server's.
func (c *checkup) checkClock(context.Context) Result {
	if !link.Secure(c.url) {
		return skipped("no certificate depends on it")
	}
	if c.request.date.IsZero() {
		return skipped("the server's is not known: it told no date")
	}
	off := c.request.here.Sub(c.request.date)
	here, there := c.request.here.UTC().Format(time.DateTime), c.request.date.UTC().Format(time.DateTime)
	switch {
	case off > clockSlack:
		return Result{State: Failed, Do: status.Advice(link.CodeNotYetValid),
			Found: fmt.Sprintf("this machine's says %s UTC, the server's %s: it is %s ahead", here, there, cli.Span(off))}
	case off < -clockSlack:
		return Result{State: Failed, Do: status.Advice(link.CodeNotYetValid),
			Found: fmt.Sprintf("this machine's says %s UTC, the server's %s: it is %s behind", here, there, cli.Span(-off))}
	}
	return fine("%s UTC, as the server's says, within %s", here, cli.Span(max(off, -off)+time.Second))
}
