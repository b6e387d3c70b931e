package main

import (
	"crypto/tls"
	"strings"
	"testing"
	"time"

	"vw/cmd/vw/cli"
	"vw/cmd/vw/doctor"
	"vw/testrelay"
)

// A deadEnd is a way that leads nowhere.
type deadEnd struct {
	to, step  string
	found, do string // what that step says
	flags     []string
}

func TestDoctorSaysWhereTheWayEndsAndWhatToDo(t *testing.T) {
	t.Parallel()
	for _, c := range append(closedTLS(t), deadEnds(t)...) {
		t.Run(c.step+", "+c.found, func(t *testing.T) {
			t.Parallel()
			d, code, out := examined(t, nil, append(c.flags, "--timeout", "2s", c.to)...)
			s := result(t, d, c.step)
			if code != cli.Failed || s.State != doctor.Failed || !strings.Contains(s.Found, c.found) || !strings.Contains(s.Do, c.do) || (c.do == "") != (s.Do == "") {
				t.Errorf("%s: code %d, %+v", c.to, code, s)
			}
			if strings.Contains(out, "canary") {
				t.Errorf("%s: a secret is in\n%s", c.to, out)
			}
			if last := result(t, d, "uplink"); last.State != doctor.Skipped || last.Found != "since "+c.step+" failed" {
				t.Errorf("%s: after it %+v", c.to, last)
			}
			for _, s := range d.Steps {
				if s.State == doctor.Failed && s.Name != c.step {
					t.Errorf("%s: %+v too", c.to, s)
				}
			}
		})
	}
}

// tlsRelay is a relay with that fault, and a file with its authority.
func tlsRelay(t *testing.T, c testrelay.Config) (url, ca string) {
	t.Helper()
	r := relay(t, c)
	return r.URL() + "/in/lab", caFile(t, r.CA())
}

// closedTLS are those where TLS, or the token behind it, is not in order.
func closedTLS(t *testing.T) []deadEnd {
	sound, trusted := tlsRelay(t, testrelay.Config{TLS: &testrelay.TLS{}, Auth: testrelay.BearerAuth, Token: "right"})
	expired, expiredCA := tlsRelay(t, testrelay.Config{TLS: &testrelay.TLS{Expired: true}})
	elsewhere, elsewhereCA := tlsRelay(t, testrelay.Config{TLS: &testrelay.TLS{WrongHost: true}})
	old, oldCA := tlsRelay(t, testrelay.Config{TLS: &testrelay.TLS{MaxVersion: tls.VersionTLS11}})
	mutual, mutualCA := tlsRelay(t, testrelay.Config{TLS: &testrelay.TLS{ClientCert: true}})
	return []deadEnd{
		{expired, "tls", "certificate ended on ", "needs a new certificate", []string{"--ca-file", expiredCA}},
		{elsewhere, "tls", "certificate for elsewhere.invalid", "write the name", []string{"--ca-file", elsewhereCA}},
		{old, "tls", "protocol version", "TLS 1.2", []string{"--ca-file", oldCA}},
		{mutual, "tls", "certificate required", "VW_CERT_FILE", []string{"--ca-file", mutualCA}},
		{sound, "tls", "unknown authority; TLS 1.3, certificate for localhost", "VW_CA_FILE", nil},
		{sound, "token", "wants a token (HTTP 401)", "VW_TOKEN", []string{"--ca-file", trusted}},
		{sound, "token", "refused the token (HTTP 401)", "valid now", []string{"--ca-file", trusted, "--token", "canary"}},
	}
}

// deadEnds are those without TLS, or that do not get so far.
func deadEnds(t *testing.T) []deadEnd {
	message := relay(t, testrelay.Config{Auth: testrelay.MessageAuth, Token: "right"})
	message.SetFaults("/in/noreply", testrelay.Faults{NoReply: true})
	access := relay(t, testrelay.Config{Auth: testrelay.AccessAuth, Token: "right"})
	bad := relay(t, testrelay.Config{})
	bad.SetFaults("/in/moved", testrelay.Faults{Redirect: "https://new.example/in/canary?key=canary"})
	bad.SetFaults("/in/busy", testrelay.Faults{Refuse: 503})
	bad.SetFaults("/in/silent", testrelay.Faults{Silent: true})
	bad.SetFaults("/in/stalled", testrelay.Faults{Stall: true})
	bad.SetFaults("/in/gone", testrelay.Faults{HangUpUpgraded: true})
	bad.SetFaults("/in/slow", testrelay.Faults{Delay: 20 * time.Second})
	bad.SetFaults("/in/closed", testrelay.Faults{CloseUpgraded: 1008})
	bad.SetFaults("/in/denied", testrelay.Faults{Deny: "no token came"})
	shut := relay(t, testrelay.Config{TLS: &testrelay.TLS{}})
	shut.SetFaults("", testrelay.Faults{Stall: true})
	nobody := "127.0.0.1:" + gonePort()
	plain := strings.TrimPrefix(bad.URL(), "ws://")
	return []deadEnd{
		{"wss://u:canary@relay.example/in/lab", "url", "user name or password", "", nil},
		{"ws://relay.example/in/lab", "url", "can be read on the way", "", nil},
		{"wss://169.254.169.254/in/lab", "url", "link-local", "DNS", nil},
		{"wss://relay.invalid/in/lab", "name", "relay.invalid", "name", nil},
		{"ws://" + nobody + "/in/lab", "connect", nobody + ": connect: connection refused", "nothing listens there", nil},
		{"wss://" + plain + "/in/lab", "tls", "HTTP response to HTTPS client", "is the port right", nil},
		{shut.URL() + "/in/lab", "tls", "no answer within 2s", "open outward", nil},
		{message.URL() + "/in/lab", "token", "token is missing or wrong", "valid now", []string{"--token", "canary", "--auth", "message"}},
		{message.URL() + "/in/noreply", "token", "did not answer the token", "auth", []string{"--token", "canary", "--auth", "message"}},
		{strings.Replace(access.URL(), "ws", "http", 1) + "/in/lab", "token", "refused the token (HTTP 401)", "valid now", []string{"--token", "canary"}},
		{access.URL() + "/in/lab?code=canary", "ping", "answers no ping", "may fall silent", nil},
		{bad.URL() + "/in/moved", "websocket", "redirect (HTTP 302)", "new.example/in/(token): write that", []string{"--token", "canary"}},
		{bad.URL() + "/in/busy", "websocket", "HTTP 503 Service Unavailable", "trouble of its own", nil},
		{bad.URL() + "/nothing", "websocket", "HTTP 404", "path right", nil},
		{bad.URL() + "/in/slow", "websocket", "no answer within 2s", "open outward", nil},
		{bad.URL() + "/in/closed", "ping", "the relay wants a token", "VW_TOKEN", nil},
		{bad.URL() + "/in/denied", "ping", `"auth":"message"`, "valid now", []string{"--token", "canary"}},
		{bad.URL() + "/in/silent", "ping", "answers no ping", "may fall silent", nil},
		{bad.URL() + "/in/stalled", "ping", "answers no ping", "may fall silent", nil},
		{bad.URL() + "/in/gone", "ping", "the link was lost", "hung up", nil},
	}
}
