package main

import (
	"bytes"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"vw/cmd/vw/cli"
	"vw/testrelay"
)

func TestSendShowsItsTokenAsTheRelayWants(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		auth    testrelay.Auth
		flag    string // --auth
		faults  testrelay.Faults
		refused string
	}{
		{"bearer", testrelay.BearerAuth, "", testrelay.Faults{}, "the relay refused the token (HTTP 401)"},
		{"message", testrelay.MessageAuth, "message", testrelay.Faults{}, `the relay refused the token: "token is missing or wrong"`},
		{"access", testrelay.AccessAuth, "access", testrelay.Faults{}, "the relay refused the token (HTTP 401)"},
		{"access, said as 500", testrelay.AccessAuth, "", testrelay.Faults{Refuse: 500, RefuseText: "invalid token"}, "the relay refused the token (HTTP 500)"},
		{"no answer", testrelay.MessageAuth, "message", testrelay.Faults{NoReply: true}, "the relay did not answer the token within 1s"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := relay(t, testrelay.Config{Auth: c.auth, Token: "canary"})
			to := r.URL() + "/bi/lab"
			if c.auth == testrelay.AccessAuth {
				to = strings.Replace(to, "ws://", "http://", 1)
			}
			send := func(token string) (code int, out string) {
				var stdout, stderr bytes.Buffer
				args := []string{"--to", to, "--auth", c.flag, "--timeout", "1s", healthcheck}
				code = run(t.Context(), append([]string{"send"}, args...), []string{"VW_TOKEN=" + token}, nil, &stdout, &stderr)
				return code, stdout.String() + stderr.String()
			}
			if c.faults == (testrelay.Faults{}) {
				// let in, and nobody there
				if code, out := send("canary"); code != cli.Failed || !strings.Contains(out, "no agent answers") || strings.Contains(out, "canary") {
					t.Errorf("code %d, %s", code, out)
				}
			}
			r.SetFaults("/", c.faults)
			r.SetToken("another")
			if code, out := send("canary"); code != cli.Failed || !strings.Contains(out, c.refused) || strings.Contains(out, "canary") {
				t.Errorf("refused: code %d, %s", code, out)
			}
		})
	}
}

func TestSendSaysWhyThereIsNoLink(t *testing.T) {
	t.Parallel()
	sound := relay(t, testrelay.Config{TLS: &testrelay.TLS{}, Auth: testrelay.BearerAuth, Token: "canary"})
	old := relay(t, testrelay.Config{TLS: &testrelay.TLS{MaxVersion: 0x302}})
	elsewhere := relay(t, testrelay.Config{})
	bad := relay(t, testrelay.Config{})
	bad.SetFaults("/bi/moved", testrelay.Faults{Redirect: strings.Replace(elsewhere.URL(), "ws://", "http://", 1) + "/bi/lab"})
	bad.SetFaults("/bi/busy", testrelay.Faults{Refuse: 503})
	bad.SetFaults("/bi/silent", testrelay.Faults{Silent: true})
	bad.SetFaults("/bi/gone", testrelay.Faults{HangUpUpgraded: true})
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, sound.CA(), 0o600); err != nil {
		t.Fatal(err)
	}
	nobody, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody.Close()
	mute, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer mute.Close()
	for _, c := range []struct {
		to, why string
		flags   []string
	}{
		{sound.URL() + "/bi/lab", "certificate signed by unknown authority", []string{"--token", "canary"}},
		{sound.URL() + "/bi/lab", "the relay wants a token (HTTP 401)", []string{"--ca-file", ca}},
		{sound.URL() + "/bi/lab", "no agent answers", []string{"--ca-file", ca, "--token", "canary"}},
		{old.URL() + "/bi/lab", "protocol version", []string{"--token", "canary"}},
		{bad.URL() + "/bi/moved", "a redirect (HTTP 302), which is not followed", nil},
		{strings.Replace(bad.URL(), "ws://", "http://", 1) + "/bi/moved", "a redirect (HTTP 302), which is not followed", []string{"--token", "canary"}},
		{bad.URL() + "/bi/busy", "HTTP 503 Service Unavailable", nil},
		{bad.URL() + "/bi/silent", "not even to a ping", nil},
		{bad.URL() + "/bi/gone", "the link was lost", nil},
		{"ws://" + nobody.Addr().String() + "/bi/lab", "connection refused", nil},
		{"ws://" + mute.Addr().String() + "/bi/lab", "no answer within 700ms", nil},
	} {
		args := append(c.flags, "--timeout", "700ms", "--to", c.to+"?code=canary", healthcheck)
		code, out, complaint := sent(t.Context(), nil, args...)
		if code != cli.Failed || out != "" || !strings.Contains(complaint, c.why) || !strings.Contains(complaint, c.to+": ") || strings.Contains(complaint, "canary") {
			t.Errorf("%s %q: code %d, %s%s", c.to, c.flags, code, out, complaint)
		}
	}
	if n := elsewhere.Accepted(); n != 0 {
		t.Errorf("the redirect's target was dialled %d times", n)
	}
	for _, v := range old.Visits("/bi/lab") {
		t.Errorf("TLS 1.1 was spoken: %+v", v)
	}
}

// What a relay says may hold what it was shown.
func TestSendNeverPrintsItsToken(t *testing.T) {
	r := relay(t, testrelay.Config{})
	impostor(t, r, "/bi/lab", func(_, text string) string {
		return `{"authorised":false,"reason":"no such token: ` + text + `"}`
	})
	code, out, complaint := sent(t.Context(), nil, "--to", r.URL()+"/bi/lab", "--token", "canary", "--auth", "message", healthcheck)
	if code != cli.Failed || !strings.Contains(complaint, "no such token: (token)") || strings.Contains(out+complaint, "canary") {
		t.Errorf("code %d, %s%s", code, out, complaint)
	}
}
