// Package keypair is a certificate and its key in two files that are renewed
// while a server runs. It knows the files alone.
package keypair

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"
)

// Files are a certificate and its key, as PEM. Its methods are for any goroutine.
type Files struct {
	cert, key string
	log       *slog.Logger

	mu      sync.Mutex
	pair    *tls.Certificate
	seen    [2]time.Time // when they had been modified
	failure string       // the last that was logged
}

// Open reads the files.
func Open(cert, key string, log *slog.Logger) (*Files, error) {
	f := &Files{cert: cert, key: key, log: log}
	if _, err := f.read(); err != nil {
		return nil, fmt.Errorf("certificate: %w", err)
	}
	return f, nil
}

// Certificate returns the newest certificate, for tls.Config.GetCertificate. It
// looks at the files for every handshake. What cannot be read, or is a certificate
// without its key yet, changes nothing and is logged.
func (f *Files) Certificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	changed, err := f.read()
	switch {
	case changed:
		f.log.Info("certificate read again", "file", f.cert, "until", f.pair.Leaf.NotAfter)
		f.failure = ""
	case err != nil && err.Error() != f.failure:
		f.failure = err.Error()
		f.log.Error("the certificate is as it was: it cannot be read again", "err", err)
	}
	return f.pair, nil
}

// read reports whether there was something new to read.
func (f *Files) read() (bool, error) {
	var now [2]time.Time
	for i, name := range []string{f.cert, f.key} {
		info, err := os.Stat(name)
		if err != nil {
			return false, err
		}
		now[i] = info.ModTime()
	}
	if now == f.seen {
		return false, nil
	}
	pair, err := tls.LoadX509KeyPair(f.cert, f.key)
	if err != nil {
		return false, err
	}
	f.pair, f.seen = &pair, now
	return true, nil
}
