package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gorilla/websocket"

	"vw/cmd/vw/cli"
	"vw/cmd/vw/doctor"
	"vw/media/mpegts"
	"vw/testrelay"
)

// examined is what vw doctor --json prints, and its code.
func examined(t *testing.T, environ []string, args ...string) (d doctor.Report, code int, out string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code = run(t.Context(), append([]string{"doctor", "--json", "--load-time", "200ms"}, args...), environ, nil, &stdout, &stderr)
	if err := json.Unmarshal(stdout.Bytes(), &d); err != nil || stderr.Len() > 0 {
		t.Fatalf("%v\n%s%s", err, stdout.String(), stderr.String())
	}
	if (code == cli.OK) != d.OK || code != cli.OK && code != cli.Failed {
		t.Errorf("code %d where ok is %v", code, d.OK)
	}
	return d, code, stdout.String()
}

// result is the one of that name.
func result(t *testing.T, d doctor.Report, name string) doctor.Result {
	t.Helper()
	i := slices.IndexFunc(d.Steps, func(s doctor.Result) bool { return s.Name == name })
	if i < 0 {
		t.Fatalf("no step %s in %+v", name, d.Steps)
	}
	return d.Steps[i]
}

func caFile(t *testing.T, pem []byte) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(name, pem, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestDoctorFindsAnOpenWayByEachFlow(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		auth  testrelay.Auth
		flag  string
		steps string
	}{
		{testrelay.NoAuth, "", "url proxy name connect tls clock websocket token ping uplink"},
		{testrelay.BearerAuth, "", "url proxy name connect tls clock websocket token ping uplink"},
		{testrelay.MessageAuth, "message", "url proxy name connect tls clock websocket token ping uplink"},
		{testrelay.AccessAuth, "access", "url proxy name connect tls clock token websocket ping uplink"},
	} {
		r := relay(t, testrelay.Config{TLS: &testrelay.TLS{}, Auth: c.auth, Token: "canary"})
		viewer := r.Subscribe("lab")
		defer viewer.Close()
		to := r.URL() + "/in/lab?key=canary"
		environ := []string{"VW_TOKEN=canary", "VW_AUTH=" + c.flag, "VW_CA_FILE=" + caFile(t, r.CA())}
		switch c.auth {
		case testrelay.AccessAuth:
			to = strings.Replace(to, "wss://", "https://", 1)
		case testrelay.NoAuth:
			environ[0] = "VW_TOKEN="
		}
		d, code, out := examined(t, environ, to)
		var names []string
		for _, s := range d.Steps {
			names = append(names, s.Name)
			if s.State != doctor.OK && (s.Name != "token" || c.auth != testrelay.NoAuth) {
				t.Errorf("%s: %+v", c.auth, s)
			}
		}
		if got := strings.Join(names, " "); code != cli.OK || got != c.steps {
			t.Errorf("%s: code %d, steps %s", c.auth, code, got)
		}
		if strings.Contains(out, "canary") || strings.Contains(out, "code=") {
			t.Errorf("%s: a token or query is in\n%s", c.auth, out)
		}
		if d.RoundTrip == nil || d.RoundTrip.Min <= 0 || d.RoundTrip.Avg < d.RoundTrip.Min || d.RoundTrip.Max < d.RoundTrip.Avg {
			t.Errorf("%s: round trip %+v", c.auth, d.RoundTrip)
		}
		load := viewer.Drain()
		for _, m := range load {
			for p := range mpegts.Packets(m.Data) {
				if p.PID() != mpegts.NullPID || len(m.Data)%mpegts.PacketSize != 0 || m.Type != websocket.BinaryMessage {
					t.Fatalf("%s: the topic got a message of %d bytes, type %d, with a packet of PID %d", c.auth, len(m.Data), m.Type, p.PID())
				}
			}
		}
		if len(load) == 0 || d.Uplink == nil {
			t.Errorf("%s: %d messages, uplink %+v", c.auth, len(load), d.Uplink)
		}
	}
}

func TestDoctorShowsItsCertificate(t *testing.T) {
	r := relay(t, testrelay.Config{TLS: &testrelay.TLS{ClientCert: true}})
	cert, key := r.ClientPair()
	environ := []string{"VW_CA_FILE=" + caFile(t, r.CA()), "VW_CERT_FILE=" + caFile(t, cert), "VW_KEY_FILE=" + caFile(t, key)}
	if d, code, out := examined(t, environ, "--no-load", r.URL()+"/in/lab"); code != cli.OK || result(t, d, "uplink").State != doctor.Skipped {
		t.Errorf("code %d\n%s", code, out)
	}
}

func TestDoctorTellsAPersonStepByStep(t *testing.T) {
	r := relay(t, testrelay.Config{TLS: &testrelay.TLS{}})
	var stdout, stderr bytes.Buffer
	if code := run(t.Context(), []string{"doctor", r.URL() + "/in/lab?x=canary"}, nil, nil, &stdout, &stderr); code != cli.Failed || stderr.Len() > 0 {
		t.Errorf("code %d, %s", code, stderr.String())
	}
	for _, want := range []string{
		r.URL() + "/in/lab\n\nok       url        ", "\nok       connect    127.0.0.1:", "\nFAILED   tls        x509: ",
		"\n                    if you trust its authority, give its certificate: VW_CA_FILE\n", "\nskipped  websocket  since tls failed\n",
		"\nThe way to this relay is not open: ",
	} {
		if !strings.Contains(stdout.String(), want) {
			t.Errorf("%q is not in\n%s", want, stdout.String())
		}
	}
	stdout.Reset()
	code := run(t.Context(), []string{"doctor", "--ca-file", caFile(t, r.CA()), "--no-load", r.URL() + "/in/lab"}, nil, nil, &stdout, &stderr)
	if code != cli.OK || !strings.HasSuffix(stdout.String(), "\nThe way to this relay is open.\n") {
		t.Errorf("code %d\n%s", code, stdout.String())
	}
}

func TestDoctorRefusesWhatMakesNoSense(t *testing.T) {
	const to = "wss://relay.example/in/lab"
	file := caFile(t, []byte("canary"))
	for why, args := range map[string][]string{
		"which relay?":      nil,
		"one URL":           {to, to},
		"not above zero":    {"--timeout", "0", to},
		"load time":         {"--load-time", "-1s", to},
		"rate 0 ":           {"--rate", "0", to},
		"rate NaN":          {"--rate", "nan", to},
		"opposites":         {"--load", "--no-load", to},
		"go together":       {"--cert-file", file, to},
		"no certificate in": {"--ca-file", file, to},
		"client cert":       {"--cert-file", file, "--key-file", file, to},
		"--frob":            {"--frob", to},
	} {
		var stdout, stderr bytes.Buffer
		code := run(t.Context(), append([]string{"doctor"}, args...), []string{"VW_TOKEN=canary"}, nil, &stdout, &stderr)
		complaint := stderr.String()
		if code != cli.Usage || stdout.Len() > 0 || !strings.HasPrefix(complaint, "vw doctor: ") || !strings.Contains(complaint, why) || strings.Contains(complaint, "canary") || strings.Count(complaint, "\n") != 1 {
			t.Errorf("%q: code %d, %s%s", args, code, stdout.String(), complaint)
		}
	}
}

func TestDoctorEndsWhenInterrupted(t *testing.T) {
	stalled, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer stalled.Close()
	ctx, interrupt := context.WithCancel(t.Context())
	go func() {
		for range 2 { // to connect, and for TLS
			if c, err := stalled.Accept(); err == nil {
				defer c.Close()
			}
		}
		interrupt()
		<-t.Context().Done()
	}()
	var stdout, stderr bytes.Buffer
	code := run(ctx, []string{"doctor", "--timeout", "1h", "wss://" + stalled.Addr().String() + "/in/lab"}, nil, nil, &stdout, &stderr)
	if code != cli.Failed || stderr.String() != "vw doctor: interrupted\n" {
		t.Errorf("code %d, %s", code, stderr.String())
	}
}
