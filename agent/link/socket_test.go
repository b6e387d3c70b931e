package link_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gorilla/websocket"

	"vw/agent/link"
)

// numbered is a message of 64 KiB that shows what is missing or damaged of it.
func numbered(n int) []byte {
	return bytes.Repeat(binary.BigEndian.AppendUint64(nil, uint64(n)), 8<<10)
}

// reading dials a relay that reads nothing before start, and then sends each message.
func reading(t *testing.T, secure bool, start <-chan struct{}) (c *link.Conn, messages <-chan []byte) {
	got := make(chan []byte)
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer close(got)
		ws, err := (&websocket.Upgrader{}).Upgrade(w, r, nil)
		if err != nil {
			return
		}
		defer ws.Close()
		<-start
		for {
			_, b, err := ws.ReadMessage()
			if err != nil {
				return
			}
			got <- b
		}
	}))
	roots := x509.NewCertPool()
	if secure {
		s.StartTLS()
		roots.AddCert(s.Certificate())
	} else {
		s.Start()
	}
	t.Cleanup(s.Close)
	c, err := link.New(link.Config{TLS: &tls.Config{RootCAs: roots}}).Open(t.Context(), link.Target{URL: strings.Replace(s.URL, "http", "ws", 1), Local: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Abort)
	return c, got
}

// If TryWrite waited, the test would not end: the relay reads only when it has
// reported that it could not write all.
func TestTryWriteDoesNotWaitAndNothingOfItIsLost(t *testing.T) {
	for name, secure := range map[string]bool{"plain": false, "TLS": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			start := make(chan struct{})
			c, messages := reading(t, secure, start)
			sent := 0
			for c.TryWrite(false, numbered(sent)) {
				sent++
			}
			if sent == 0 {
				t.Error("nothing is written without waiting")
			}
			if c.TryWrite(false, numbered(sent)) {
				t.Error("all of a message is written, though the one before it was not")
			}
			pinging, stop := context.WithCancel(t.Context())
			pinged := make(chan struct{})
			go func() { // what others write comes in between messages
				defer close(pinged)
				for pinging.Err() == nil {
					if err := c.Ping(""); err != nil {
						t.Error(err)
					}
				}
			}()
			close(start)
			wrote := make(chan error, 1)
			go func() {
				var err error
				for n := sent; n < sent+200 && err == nil; n++ {
					if n == sent || !c.TryWrite(false, numbered(n)) {
						err = c.Write(false, numbered(n))
					}
				}
				wrote <- err
			}()
			for n := range sent + 200 {
				if b, ok := <-messages; !ok || !bytes.Equal(b, numbered(n)) {
					t.Fatalf("message %d of %d: %d bytes, %.8x", n, sent+200, len(b), b)
				}
			}
			if err := <-wrote; err != nil {
				t.Error(err)
			}
			stop()
			<-pinged
		})
	}
}

func TestTryWriteOfABrokenLinkLeavesTheErrorToWrite(t *testing.T) {
	t.Parallel()
	start := make(chan struct{})
	defer close(start)
	c, _ := reading(t, false, start)
	c.Abort()
	if c.TryWrite(false, numbered(0)) {
		t.Error("written")
	}
	if err := c.Write(false, numbered(0)); err == nil {
		t.Error("no error")
	}
}
