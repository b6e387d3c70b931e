package main

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
)

// clockSlack is how far a clock may be off before certificates and tokens
// begin to be refused for it.
const clockSlack = time.Minute

// A probe is what one request without token, path or query brought to light.
type probe struct {
	tls  *tls.ConnectionState // nil: there was no handshake
	date time.Time            // of the server's Date header; zero: none
	here time.Time            // when that was
	err  error
}

// look makes the request. The certificate is judged later, so that the clock of
// a server can be read that this machine's makes look invalid.
func (c *checkup) look(ctx context.Context) (p probe) {
	ctx, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	t := c.Dialer.TLS.Clone()
	t.InsecureSkipVerify = true
	t.VerifyConnection = func(s tls.ConnectionState) error {
		p.tls = &s
		return nil
	}
	client := c.Dialer.Client(c.to, t)
	req, err := http.NewRequestWithContext(ctx, http.MethodHead, "https://"+c.url.Host+"/", nil)
	if err != nil {
		p.err = errors.New("it is no URL")
		return p
	}
	begun := time.Now()
	resp, err := client.Do(req)
	if err != nil {
		p.err = c.Dialer.Describe(err)
		return p
	}
	resp.Body.Close()
	p.date, _ = http.ParseTime(resp.Header.Get("Date"))
	p.here = begun.Add(time.Since(begun) / 2)
	return p
}

func (c *checkup) checkTLS(ctx context.Context) step {
	if !secure(c.url) {
		return skipped("%s:// does without", c.url.Scheme)
	}
	c.probe = c.look(ctx)
	s := c.probe.tls
	if s == nil {
		return failed(c.probe.err)
	}
	// of TLS 1.3 a client hears after its handshake that its certificate is missing
	switch link.CodeOf(c.probe.err) {
	case link.CodeWantsCertificate, link.CodeBadCertificate:
		return failed(c.probe.err)
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
func (c *checkup) checkClock(context.Context) step {
	if !secure(c.url) {
		return skipped("no certificate depends on it")
	}
	if c.probe.date.IsZero() {
		return skipped("the server's is not known: it told no date")
	}
	off := c.probe.here.Sub(c.probe.date)
	here, there := c.probe.here.UTC().Format(time.DateTime), c.probe.date.UTC().Format(time.DateTime)
	switch {
	case off > clockSlack:
		return step{State: stateFailed, Do: status.Advice(link.CodeNotYetValid),
			Found: fmt.Sprintf("this machine's says %s UTC, the server's %s: it is %s ahead", here, there, span(off))}
	case off < -clockSlack:
		return step{State: stateFailed, Do: status.Advice(link.CodeNotYetValid),
			Found: fmt.Sprintf("this machine's says %s UTC, the server's %s: it is %s behind", here, there, span(-off))}
	}
	return fine("%s UTC, as the server's says, within %s", here, span(max(off, -off)+time.Second))
}
