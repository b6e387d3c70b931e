package keypair_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"vw/testrelay"
	"vw/testrelay/keypair"
)

// renew writes a certificate of this serial number and its key, as old as at says.
func renew(t *testing.T, dir string, serial int64, at time.Time) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := x509.Certificate{SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "relay"},
		NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "cert.pem"), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), at)
	write(t, filepath.Join(dir, "key.pem"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}), at)
}

func write(t *testing.T, path string, b []byte, at time.Time) {
	t.Helper()
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(path, at, at); err != nil {
		t.Fatal(err)
	}
}

func TestRenewedCertificateIsShownToTheNextHandshake(t *testing.T) {
	dir, log, at := t.TempDir(), &bytes.Buffer{}, time.Now().Add(-time.Hour)
	renew(t, dir, 1, at)
	files, err := keypair.Open(filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem"), slog.New(slog.NewTextHandler(log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	relay, err := testrelay.Listen(testrelay.Config{Certificate: files.Certificate})
	if err != nil {
		t.Fatal(err)
	}
	defer relay.Close()
	shown := func() int64 {
		t.Helper()
		c, err := tls.Dial("tcp", strings.TrimPrefix(relay.URL(), "wss://"), &tls.Config{InsecureSkipVerify: true})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		return c.ConnectionState().PeerCertificates[0].SerialNumber.Int64()
	}
	if n := shown(); n != 1 {
		t.Errorf("certificate %d at first", n)
	}
	renew(t, dir, 2, at.Add(time.Minute))
	if n := shown(); n != 2 {
		t.Errorf("certificate %d after it was renewed", n)
	}
	write(t, filepath.Join(dir, "cert.pem"), []byte("half of it"), at.Add(2*time.Minute))
	for range 3 {
		if n := shown(); n != 2 {
			t.Errorf("certificate %d while the file is damaged", n)
		}
	}
	if err := os.Remove(filepath.Join(dir, "key.pem")); err != nil {
		t.Fatal(err)
	}
	if n := shown(); n != 2 {
		t.Errorf("certificate %d while the key is away", n)
	}
	renew(t, dir, 3, at.Add(3*time.Minute))
	if n := shown(); n != 3 {
		t.Errorf("certificate %d at last", n)
	}
	relay.Close()
	if n := strings.Count(log.String(), "level=ERROR"); n != 2 {
		t.Errorf("%d errors logged, want one for the damaged file and one for the missing key: %s", n, log)
	}
	if _, err := keypair.Open(filepath.Join(dir, "none.pem"), filepath.Join(dir, "key.pem"), nil); err == nil {
		t.Error("a missing file is taken")
	}
}
