package testrelay_test

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/gorilla/websocket"

	"vw/testrelay"
)

// trusting is a client's TLS configuration that trusts the relay's CA.
func trusting(t *testing.T, s *testrelay.Server) *tls.Config {
	t.Helper()
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(s.CA()) {
		t.Fatalf("no CA: %q", s.CA())
	}
	return &tls.Config{RootCAs: pool}
}

func dialTLS(s *testrelay.Server, config *tls.Config) (*websocket.Conn, error) {
	dialer := websocket.Dialer{TLSClientConfig: config, HandshakeTimeout: patience}
	ws, _, err := dialer.Dial(s.URL()+"/bi/a", nil)
	return ws, err
}

func TestTLSIsSoundForWhoTrustsItsCA(t *testing.T) {
	s := listen(t, testrelay.Config{TLS: &testrelay.TLS{}})
	if !strings.HasPrefix(s.URL(), "wss://127.0.0.1:") {
		t.Errorf("URL %q", s.URL())
	}
	ws, err := dialTLS(s, trusting(t, s))
	if err != nil {
		t.Fatal(err)
	}
	defer ws.Close()
	if state := ws.NetConn().(*tls.Conn).ConnectionState(); state.Version != tls.VersionTLS13 {
		t.Errorf("TLS version %x", state.Version)
	}
	if ping(t, ws, patience) == "" {
		t.Error("no pong")
	}
	var unknown x509.UnknownAuthorityError
	if _, err := dialTLS(s, &tls.Config{}); !errors.As(err, &unknown) {
		t.Errorf("without its CA: %v", err)
	}
	if n := len(s.Visits("/bi/a")); n != 1 {
		t.Errorf("%d visits", n)
	}
	other := listen(t, testrelay.Config{TLS: &testrelay.TLS{}})
	if _, err := dialTLS(s, trusting(t, other)); !errors.As(err, &unknown) {
		t.Errorf("with another relay's CA: %v", err)
	}
}

func TestTLSCanBeWrongInEveryWay(t *testing.T) {
	expired := listen(t, testrelay.Config{TLS: &testrelay.TLS{Expired: true}})
	var invalid x509.CertificateInvalidError
	if _, err := dialTLS(expired, trusting(t, expired)); !errors.As(err, &invalid) || invalid.Reason != x509.Expired {
		t.Errorf("expired: %v", err)
	}
	foreign := listen(t, testrelay.Config{TLS: &testrelay.TLS{WrongHost: true}})
	var host x509.HostnameError
	if _, err := dialTLS(foreign, trusting(t, foreign)); !errors.As(err, &host) {
		t.Errorf("wrong host: %v", err)
	}
	for _, version := range []uint16{tls.VersionTLS10, tls.VersionTLS11} {
		old := listen(t, testrelay.Config{TLS: &testrelay.TLS{MaxVersion: version}})
		config := trusting(t, old)
		config.MinVersion = tls.VersionTLS12
		if _, err := dialTLS(old, config); err == nil {
			t.Errorf("version %x: a modern client got in", version)
		}
		config.MinVersion = tls.VersionTLS10 // it is the version alone that is wrong
		ws, err := dialTLS(old, config)
		if err != nil {
			t.Fatalf("version %x: %v", version, err)
		}
		if got := ws.NetConn().(*tls.Conn).ConnectionState().Version; got != version {
			t.Errorf("version %x, want %x", got, version)
		}
		ws.Close()
	}
}

func TestTLSCanDemandAClientCertificate(t *testing.T) {
	s := listen(t, testrelay.Config{TLS: &testrelay.TLS{ClientCert: true}})
	config := trusting(t, s)
	if _, err := dialTLS(s, config); err == nil {
		t.Error("let in without a certificate")
	}
	if n := len(s.Visits("/bi/a")); n != 0 {
		t.Errorf("%d visits", n)
	}
	pair, err := tls.X509KeyPair(s.ClientPair())
	if err != nil {
		t.Fatal(err)
	}
	config.Certificates = []tls.Certificate{pair}
	ws, err := dialTLS(s, config)
	if err != nil {
		t.Fatal(err)
	}
	ws.Close()
}

func TestAccessAuthOverTLSGivesASecureURI(t *testing.T) {
	s := listen(t, testrelay.Config{TLS: &testrelay.TLS{}, Auth: testrelay.AccessAuth, Token: "t0ken"})
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: trusting(t, s), DisableKeepAlives: true}}
	status, uri := access(t, client, httpURL(s)+"/bi/a", "t0ken")
	if status != http.StatusOK || !strings.HasPrefix(uri, s.URL()+"/bi/a?code=") {
		t.Fatalf("%d %q", status, uri)
	}
	dialer := websocket.Dialer{TLSClientConfig: trusting(t, s)}
	ws, _, err := dialer.Dial(uri, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer ws.Close()
	if ping(t, ws, patience) == "" {
		t.Error("no pong")
	}
}

func TestWithoutTLSThereIsNoCA(t *testing.T) {
	s := listen(t, testrelay.Config{})
	if cert, key := s.ClientPair(); s.CA() != nil || cert != nil || key != nil {
		t.Error("certificates of a plaintext relay")
	}
}
