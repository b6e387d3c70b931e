package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"vw/agent/link"
	"vw/agent/status"
	"vw/cmd/vw/cli"
	"vw/cmd/vw/doctor"
	"vw/testrelay"
)

// narrow is a way to a relay that takes so many bytes a second, and holds back
// as much as the kernel will.
func narrow(t *testing.T, r *testrelay.Server, rate int) (to string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	t.Cleanup(func() {
		ln.Close()
		wg.Wait()
	})
	wg.Go(func() {
		for {
			near, err := ln.Accept()
			if err != nil {
				return
			}
			far, err := net.Dial("tcp", strings.TrimPrefix(r.URL(), "ws://"))
			if err != nil {
				near.Close()
				return
			}
			wg.Go(func() {
				defer near.Close()
				_, _ = io.Copy(near, far)
			})
			wg.Go(func() {
				defer far.Close()
				tick := time.NewTicker(20 * time.Millisecond)
				defer tick.Stop()
				for range tick.C {
					if _, err := io.CopyN(far, near, int64(rate/50)); err != nil {
						return
					}
				}
			})
		}
	})
	return "ws://" + ln.Addr().String()
}

func TestDoctorMeasuresWhatArrivesNotWhatKernelsHold(t *testing.T) {
	t.Parallel()
	const rate = 125_000 // bytes a second
	r := relay(t, testrelay.Config{})
	d, code, _ := examined(t, nil, "--load-time", "2s", narrow(t, r, rate)+"/in/lab")
	if code != cli.OK || d.Uplink == nil || d.Uplink.Taken < 0.6*8*rate || d.Uplink.Taken > 1.2*8*rate {
		t.Errorf("code %d, %+v, want about %d bit/s", code, d.Uplink, 8*rate)
	}
	s := result(t, d, "uplink")
	if d.Uplink.PingMaxMs < 2*d.RoundTrip.Max || d.Uplink.PingMaxMs < 100 || !strings.Contains(s.Do, "kbit/s at most, all feeds together") {
		t.Errorf("pings were not delayed: %+v, %+v", d.Uplink, s)
	}
}

func TestDoctorMeasuresARelayThatReadsSlowly(t *testing.T) {
	t.Parallel()
	r := relay(t, testrelay.Config{})
	r.SetFaults("/in/lab", testrelay.Faults{ReadRate: 40_000})
	d, code, _ := examined(t, nil, "--load-time", "2s", r.URL()+"/in/lab")
	got := float64(r.Visits("/in/lab")[0].Bytes) * 8 / 2
	if code != cli.OK || d.Uplink == nil || d.Uplink.Taken < 0.6*got || d.Uplink.Taken > 1.4*got {
		t.Errorf("code %d, %+v, the relay got %.0f bit/s", code, d.Uplink, got)
	}
}

func TestDoctorSendsAtTheRateItIsGiven(t *testing.T) {
	t.Parallel()
	r := relay(t, testrelay.Config{})
	d, code, _ := examined(t, nil, "--load-time", "1s", "--rate", "2", r.URL()+"/in/lab")
	got := float64(r.Visits("/in/lab")[0].Bytes) * 8
	if s := result(t, d, "uplink"); code != cli.OK || got < 1.6e6 || got > 2.2e6 || !strings.HasPrefix(s.Found, "carried all of 2.0 Mbit/s") {
		t.Errorf("code %d, %+v, the relay got %.0f bit/s", code, s, got)
	}
}

func TestDoctorSaysThatALinkWasLostUnderLoad(t *testing.T) {
	t.Parallel()
	r := relay(t, testrelay.Config{})
	go func() {
		_, _ = r.Await(t.Context(), "/in/lab", func(v []testrelay.Visit) bool { return len(v) > 0 && v[0].Bytes > 100_000 })
		r.Drop("/in/lab")
	}()
	d, code, _ := examined(t, nil, "--load-time", "20s", r.URL()+"/in/lab")
	if s := result(t, d, "uplink"); code != cli.Failed || s.State != doctor.Failed || !strings.Contains(s.Found, "lost under load") {
		t.Errorf("code %d, %+v", code, s)
	}
}

func TestDoctorSaysThatARelayStallsUnderLoad(t *testing.T) {
	t.Parallel()
	r := relay(t, testrelay.Config{})
	go func() {
		_, _ = r.Await(t.Context(), "/in/lab", func(v []testrelay.Visit) bool { return len(v) > 0 && v[0].Bytes > 50_000 })
		r.SetFaults("/in/lab", testrelay.Faults{Stall: true})
	}()
	d, code, _ := examined(t, nil, "--load-time", "1s", r.URL()+"/in/lab")
	if code != cli.OK || d.Uplink.Taken > 4e6 || d.Uplink.PingMaxMs < 400 {
		t.Errorf("code %d, %+v", code, d.Uplink)
	}
}

func TestDoctorLoadsNoTopicThatMayBeACommandChannel(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		path, flag string
		loaded     bool
	}{{"/in/lab", "--load=false", true}, {"/in/lab", "--no-load", false}, {"/bi/lab", "--load=false", false}, {"/bi/lab", "--load", true}, {"/out/lab", "--load=false", false}} {
		r := relay(t, testrelay.Config{})
		d, code, _ := examined(t, nil, c.flag, r.URL()+c.path)
		if v := r.Visits(c.path)[0]; code != cli.OK || (v.Messages > 0) != c.loaded || (d.Uplink != nil) != c.loaded {
			t.Errorf("%s %s: code %d, %d messages, %+v", c.path, c.flag, code, v.Messages, result(t, d, "uplink"))
		}
	}
}

// notYet is a server whose certificate begins tomorrow, by this machine's clock,
// which says itself that tomorrow is over.
func notYet(t *testing.T, date time.Time) (url, ca string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	cert := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "relay"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(24 * time.Hour), NotAfter: time.Now().Add(72 * time.Hour), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, cert, cert, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Date", date.UTC().Format(http.TimeFormat))
		if r.URL.Path != "/" || r.URL.RawQuery != "" || r.Header.Get("Authorization") != "" {
			t.Errorf("a server that is not known to be the right one was told %s", r.URL)
		}
	}))
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // of connections without a request
	s.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
	s.StartTLS()
	t.Cleanup(s.Close)
	return "wss://" + s.Listener.Addr().String() + "/in/lab?key=canary",
		caFile(t, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

func TestDoctorTellsAWrongClockFromAWrongCertificate(t *testing.T) {
	for _, c := range []struct {
		off          time.Duration
		state, found string
	}{
		{48 * time.Hour, doctor.Failed, "it is 1 d 23 h behind"}, // the Date header has whole seconds
		{-50 * time.Hour, doctor.Failed, "it is 2 d 2 h ahead"},
		{0, doctor.OK, "as the server's says"},
	} {
		to, ca := notYet(t, time.Now().Add(c.off))
		d, code, out := examined(t, []string{"VW_TOKEN=canary"}, "--ca-file", ca, to)
		s := result(t, d, "tls")
		if code != cli.Failed || !strings.HasPrefix(s.Found, "certificate not yet valid, this machine's clock says "+time.Now().Format(time.DateOnly)) || s.Do != status.Advice(link.CodeNotYetValid) {
			t.Errorf("%v: code %d, %+v", c.off, code, s)
		}
		if s := result(t, d, "clock"); s.State != c.state || !strings.Contains(s.Found, c.found) || (s.State == doctor.Failed) != (s.Do == status.Advice(link.CodeNotYetValid)) {
			t.Errorf("%v: %+v", c.off, s)
		}
		if strings.Contains(out, "canary") {
			t.Error(out)
		}
	}
}

func TestDoctorReadsWhenATokenEnds(t *testing.T) {
	for left, want := range map[time.Duration]string{-3*time.Hour - time.Minute: "it ended 3 h 1 min ago", 2*time.Hour + 30*time.Second: "it ends in 2 h 0 min"} {
		claims := base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, `{"exp":%d}`, time.Now().Add(left).Unix()))
		token := "e30." + claims + ".c2ln"
		r := relay(t, testrelay.Config{Auth: testrelay.BearerAuth, Token: "another"})
		file := filepath.Join(t.TempDir(), "token")
		if err := os.WriteFile(file, []byte(token+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		d, _, out := examined(t, []string{"VW_TOKEN_FILE=" + file}, r.URL()+"/in/lab")
		if s := result(t, d, "token"); s.State != doctor.Failed || !strings.Contains(s.Found, want) || s.Do != status.Advice(link.CodeTokenRefused) || strings.Contains(out, claims) {
			t.Errorf("%v: %+v", left, s)
		}
	}
}

func TestDoctorSaysThatATokenMayNotWrite(t *testing.T) {
	t.Parallel()
	token := "e30." + base64.RawURLEncoding.EncodeToString([]byte(`{"scopes":["read"]}`)) + ".c2ln"
	for path, state := range map[string]string{"/in/lab": doctor.Failed, "/out/lab": doctor.OK} {
		r := relay(t, testrelay.Config{Auth: testrelay.BearerAuth, Token: token})
		d, _, _ := examined(t, []string{"VW_TOKEN=" + token}, r.URL()+path)
		if s := result(t, d, "token"); s.State != state || state == doctor.Failed && !strings.Contains(s.Found+s.Do, "its scopes lack write") {
			t.Errorf("%s: %+v", path, s)
		}
	}
}

// What a relay says goes to a terminal.
func TestDoctorMakesAStrangersWordsHarmless(t *testing.T) {
	r := relay(t, testrelay.Config{})
	impostor(t, r, "/bi/lab", func(_, text string) string {
		return `{"authorised":false,"reason":"no \u001b[31m such token: ` + text + `"}`
	})
	r.SetFaults("/in/moved", testrelay.Faults{Redirect: "https://new.example/%1b[31mcanary"})
	for path, word := range map[string]string{"/bi/lab": "such token: (token)", "/in/moved": `new.example/\u001b[31m(token)`} {
		var stdout, stderr bytes.Buffer
		code := run(t.Context(), []string{"doctor", "--token", "canary", "--auth", "message", r.URL() + path}, nil, nil, &stdout, &stderr)
		if text := stdout.String(); code != cli.Failed || !strings.Contains(text, word) || strings.Contains(text, "\x1b") || strings.Contains(text, "canary") {
			t.Errorf("code %d\n%s", code, text)
		}
	}
}
