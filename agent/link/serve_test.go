package link_test

import (
	"bufio"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha1"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"io"
	"math/big"
	"net"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"

	"vw/agent/link"
)

// A seat is the place of a ResponseWriter that has been hijacked.
type seat struct {
	net.Conn
	header http.Header
}

func (s seat) Header() http.Header { return s.header }
func (s seat) WriteHeader(int)     {}
func (s seat) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return s.Conn, bufio.NewReadWriter(bufio.NewReader(s.Conn), bufio.NewWriter(s.Conn)), nil
}

// A narrow connection takes so many bytes a second.
type narrow struct {
	net.Conn
	rate int
}

func (n narrow) Read(b []byte) (int, error) {
	time.Sleep(50 * time.Millisecond)
	return n.Conn.Read(b[:min(len(b), n.rate/20)])
}

// upgrading dials by pipes whose other end serve gets.
func upgrading(c link.Config, far func(net.Conn) net.Conn, header http.Header, serve func(*websocket.Conn)) *link.Dialer {
	c.Policy.Loopback = true
	c.Dial = func(context.Context, string, string) (net.Conn, error) {
		near, end := net.Pipe()
		go func() {
			defer end.Close()
			req, err := http.ReadRequest(bufio.NewReader(end))
			if err != nil {
				return
			}
			if ws, err := (&websocket.Upgrader{}).Upgrade(seat{far(end), http.Header{}}, req, header); err == nil {
				serve(ws)
			}
		}()
		return near, nil
	}
	return link.New(c)
}

func open(net net.Conn) net.Conn { return net }

// A message of 64 KiB takes 1.6 s here.
func TestPingsAreAnsweredOnASlowLink(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var pongs atomic.Int32
		d := upgrading(link.Config{}, func(c net.Conn) net.Conn { return narrow{c, 40_000} }, nil, func(ws *websocket.Conn) {
			ws.SetPongHandler(func(string) error { pongs.Add(1); return nil })
			for {
				if _, r, err := ws.NextReader(); err != nil {
					return
				} else if _, err := io.Copy(io.Discard, r); err != nil {
					return
				}
				_ = ws.WriteControl(websocket.PingMessage, nil, time.Now().Add(time.Second))
			}
		})
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		c, err := d.Open(ctx, link.Target{URL: "ws://localhost/in/x"})
		if err != nil {
			t.Fatal(err)
		}
		sent := 0
		_ = c.Serve(ctx, 0, func([]byte, bool) {}, func(life context.Context) error {
			for ; life.Err() == nil; sent++ {
				if err := c.Write(false, make([]byte, 64<<10)); err != nil {
					return err
				}
			}
			return nil
		})
		time.Sleep(time.Second) // the relay sees its end
		if sent < 30 || int(pongs.Load()) < sent*4/5 {
			t.Errorf("%d messages, each with a ping; %d pongs", sent, pongs.Load())
		}
	})
}

// A link that has been given up may be open for a while: its other end takes
// what was sent before.
func TestNothingIsTakenFromALinkThatIsGivenUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		said := make(chan error, 2)
		ctx, cancel := context.WithCancel(t.Context())
		d := upgrading(link.Config{}, open, nil, func(ws *websocket.Conn) {
			ws.SetCloseHandler(func(int, string) error {
				said <- ws.WriteMessage(websocket.TextMessage, []byte("late"))
				return nil
			})
			said <- ws.WriteMessage(websocket.TextMessage, []byte("early"))
			for {
				if _, _, err := ws.NextReader(); err != nil {
					return
				}
			}
		})
		c, err := d.Open(ctx, link.Target{URL: "ws://localhost/in/x"})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		_ = c.Serve(ctx, 100, func(data []byte, _ bool) { got = append(got, string(data)) }, func(life context.Context) error {
			synctest.Wait()
			cancel()
			return nil
		})
		if e1, e2 := <-said, <-said; e1 != nil || e2 != nil || len(got) != 1 || got[0] != "early" {
			t.Errorf("taken: %q, %v, %v", got, e1, e2)
		}
		time.Sleep(time.Second)
	})
}

func TestExtensionsThatWereNotOfferedAreRefused(t *testing.T) {
	t.Parallel()
	refusesHandshakes(t, "Sec-WebSocket-Extensions", "other", "permessage-deflate",
		"permessage-deflate; server_no_context_takeover; client_no_context_takeover")
	refusesHandshakes(t, "Sec-WebSocket-Protocol", "other")
}

func TestHandshakeAgainstTheStandardIsRefused(t *testing.T) {
	t.Parallel()
	refusesHandshakes(t, "Sec-WebSocket-Accept", acceptKey("another"), "")
	refusesHandshakes(t, "Upgrade", "h2c", "")
	refusesHandshakes(t, "Connection", "close", "")
}

// refusesHandshakes tries answers with each value of a header, "" for without it.
func refusesHandshakes(t *testing.T, name string, values ...string) {
	t.Helper()
	for _, value := range values {
		synctest.Test(t, func(t *testing.T) {
			d := link.New(link.Config{Policy: link.Policy{Loopback: true}, Dial: func(context.Context, string, string) (net.Conn, error) {
				near, far := net.Pipe()
				go answer(far, func(h http.Header) {
					if h.Set(name, value); value == "" {
						h.Del(name)
					}
				})
				return near, nil
			}})
			if _, err := d.Open(t.Context(), link.Target{URL: "ws://localhost/in/x"}); link.CodeOf(err) != link.CodeBadHandshake {
				t.Errorf("%s: %q: %v", name, value, err)
			}
		})
	}
}

// answer upgrades by hand, with a header that is changed.
func answer(c net.Conn, change func(http.Header)) {
	defer c.Close()
	req, err := http.ReadRequest(bufio.NewReader(c))
	if err != nil {
		return
	}
	header := http.Header{"Upgrade": {"websocket"}, "Connection": {"Upgrade"}, "Sec-Websocket-Accept": {acceptKey(req.Header.Get("Sec-WebSocket-Key"))}}
	change(header)
	_, _ = io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\n")
	_ = header.Write(c)
	_, _ = io.WriteString(c, "\r\n")
	_, _ = io.Copy(io.Discard, c)
}

func acceptKey(key string) string {
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11")) // RFC 6455, 4.2.2
	return base64.StdEncoding.EncodeToString(sum[:])
}

// Whatever else it says meanwhile.
func TestRelayThatDoesNotAnswerTheTokenIsGivenUpAfterTenSeconds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := upgrading(link.Config{}, open, nil, func(ws *websocket.Conn) {
			_, _, err := ws.ReadMessage()
			for ; err == nil; time.Sleep(time.Second) {
				err = ws.WriteControl(websocket.PongMessage, nil, time.Now().Add(time.Second))
			}
		})
		begun := time.Now()
		_, err := d.Open(t.Context(), link.Target{URL: "ws://localhost/in/x", Token: "t", Auth: "message"})
		if took := time.Since(begun); link.CodeOf(err) != link.CodeTokenUnanswered || took != 10*time.Second {
			t.Errorf("after %v: %v", took, err)
		}
		time.Sleep(2 * time.Second)
	})
}

// A stalled connection passes so many bytes on, and swallows the rest.
type stalled struct {
	net.Conn
	left int
}

func (s *stalled) Write(b []byte) (int, error) {
	n := min(s.left, len(b))
	s.left -= n
	if n > 0 {
		if _, err := s.Conn.Write(b[:n]); err != nil {
			return 0, err
		}
	}
	return len(b), nil
}

// Wherever in it: before the server's hello, within it, within its certificate.
func TestTLSThatStallsIsGivenUpAfterTenSeconds(t *testing.T) {
	t.Parallel()
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	leaf := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"localhost"}}
	certificate, err := x509.CreateCertificate(rand.Reader, leaf, leaf, public, private)
	if err != nil {
		t.Fatal(err)
	}
	config := &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{certificate}, PrivateKey: private}}}
	for _, n := range []int{0, 1, 5, 50, 150, 250} {
		synctest.Test(t, func(t *testing.T) {
			d := link.New(link.Config{Policy: link.Policy{Loopback: true}, Dial: func(context.Context, string, string) (net.Conn, error) {
				near, far := net.Pipe()
				go func() {
					_ = tls.Server(&stalled{far, n}, config).Handshake() // it fails
					_ = far.Close()
				}()
				return near, nil
			}})
			begun := time.Now()
			_, err := d.Open(t.Context(), link.Target{URL: "wss://localhost/in/x"})
			if took := time.Since(begun); link.CodeOf(err) != link.CodeTimeout || took != 10*time.Second {
				t.Errorf("after %d bytes: %v, %v", n, took, err)
			}
		})
	}
}
