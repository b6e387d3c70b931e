package testrelay

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"time"
)

// TLS says what is wrong with a relay's TLS. The zero value is sound for a
// client that trusts CA: a certificate for localhost, 127.0.0.1 and ::1, and
// TLS up to 1.3.
type TLS struct {
	// Expired makes the certificate one that ended an hour ago.
	Expired bool
	// WrongHost makes the certificate one for another host.
	WrongHost bool
	// MaxVersion is the newest version offered, such as tls.VersionTLS10.
	// Defaults to the newest there is; TLS 1.0 is always the oldest.
	MaxVersion uint16
	// ClientCert demands a certificate of the relay's CA; see ClientPair.
	ClientCert bool
}

// authority is a certificate authority that is thrown away with its relay.
type authority struct {
	config     *tls.Config
	ca         []byte // PEM
	clientCert []byte // PEM
	clientKey  []byte // PEM
}

func newAuthority(t TLS) (*authority, error) {
	now := time.Now()
	caTemplate := template(1, now.Add(24*time.Hour))
	caTemplate.Subject.CommonName = "test authority" // OpenSSL takes a certificate of its issuer's name for self-signed
	caTemplate.IsCA, caTemplate.BasicConstraintsValid = true, true
	caTemplate.KeyUsage = x509.KeyUsageCertSign
	ca, err := issue(caTemplate, nil)
	if err != nil {
		return nil, err
	}
	until := now.Add(24 * time.Hour)
	if t.Expired {
		until = now.Add(-time.Hour)
	}
	serverTemplate := template(2, until)
	serverTemplate.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	serverTemplate.DNSNames = []string{"localhost"}
	serverTemplate.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}
	if t.WrongHost {
		serverTemplate.DNSNames, serverTemplate.IPAddresses = []string{"elsewhere.invalid"}, nil
	}
	server, err := issue(serverTemplate, ca)
	if err != nil {
		return nil, err
	}
	clientTemplate := template(3, now.Add(24*time.Hour))
	clientTemplate.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	client, err := issue(clientTemplate, ca)
	if err != nil {
		return nil, err
	}
	return newConfig(t, ca, server, client)
}

func newConfig(t TLS, ca, server, client *tls.Certificate) (*authority, error) {
	config := &tls.Config{
		Certificates: []tls.Certificate{*server},
		MinVersion:   tls.VersionTLS10,
		MaxVersion:   t.MaxVersion,
		NextProtos:   []string{"http/1.1"},
	}
	if t.ClientCert {
		config.ClientAuth = tls.RequireAndVerifyClientCert
		config.ClientCAs = x509.NewCertPool()
		config.ClientCAs.AddCert(ca.Leaf)
	}
	key, err := x509.MarshalPKCS8PrivateKey(client.PrivateKey)
	if err != nil {
		return nil, fmt.Errorf("encode client key: %w", err)
	}
	return &authority{
		config:     config,
		ca:         encode("CERTIFICATE", ca.Leaf.Raw),
		clientCert: encode("CERTIFICATE", client.Leaf.Raw),
		clientKey:  encode("PRIVATE KEY", key),
	}, nil
}

func template(serial int64, until time.Time) *x509.Certificate {
	return &x509.Certificate{
		SerialNumber: big.NewInt(serial),
		Subject:      pkix.Name{CommonName: "test relay"},
		NotBefore:    until.Add(-48 * time.Hour),
		NotAfter:     until,
		KeyUsage:     x509.KeyUsageDigitalSignature,
	}
}

// issue signs with parent's key, or with the new one's own if there is none.
func issue(t *x509.Certificate, parent *tls.Certificate) (*tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make key: %w", err)
	}
	issuer, signer := t, any(key)
	if parent != nil {
		issuer, signer = parent.Leaf, parent.PrivateKey
	}
	der, err := x509.CreateCertificate(rand.Reader, t, issuer, key.Public(), signer)
	if err != nil {
		return nil, fmt.Errorf("make certificate: %w", err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("read certificate: %w", err)
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}, nil
}

func encode(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

// CA returns the certificate that a client has to trust, as PEM; nil without TLS.
func (a *authority) CA() []byte {
	if a == nil {
		return nil
	}
	return a.ca
}

// ClientPair returns a certificate of the CA's for a client and its key, as PEM;
// nil without TLS.
func (a *authority) ClientPair() (cert, key []byte) {
	if a == nil {
		return nil, nil
	}
	return a.clientCert, a.clientKey
}
