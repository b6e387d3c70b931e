package agent_test

import (
	"context"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/gorilla/websocket"

	"vw/agent"
)

// A drain is a relay that does nothing but read.
type drain struct {
	*httptest.Server
	mu   sync.Mutex
	cond *sync.Cond
	got  int
}

func newDrain(b *testing.B, tls bool) *drain {
	d := &drain{}
	d.cond = sync.NewCond(&d.mu)
	upgrader := websocket.Upgrader{ReadBufferSize: 64 << 10}
	d.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ws, err := upgrader.Upgrade(w, r, nil)
		if err != nil {
			return
		}
		defer ws.Close()
		buf := make([]byte, 64<<10)
		for {
			_, message, err := ws.NextReader()
			for err == nil {
				var n int
				n, err = message.Read(buf)
				d.mu.Lock()
				d.got += n
				d.cond.Broadcast()
				d.mu.Unlock()
			}
			if err != io.EOF {
				return
			}
		}
	}))
	if tls {
		d.StartTLS()
	} else {
		d.Start()
	}
	b.Cleanup(d.CloseClientConnections)
	return d
}

// await returns when n bytes have been read in all.
func (d *drain) await(n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for d.got < n {
		d.cond.Wait()
	}
}

// BenchmarkLink is the whole way of a feed, from the HTTP body to a websocket;
// floor is the least that can be done for that: a body read, one write.
func BenchmarkLink(b *testing.B) {
	for _, tls := range []bool{false, true} {
		name := "plain"
		if tls {
			name = "tls"
		}
		b.Run("floor/"+name, func(b *testing.B) { carryThrough(b, newDrain(b, tls), floor) })
		b.Run("vw/"+name, func(b *testing.B) { carryThrough(b, newDrain(b, tls), forwarder) })
	}
}

// carryThrough posts to where carrier says, no more than 512 KiB ahead of what
// the relay has read.
func carryThrough(b *testing.B, to *drain, carrier func(*testing.B, *drain) (url string)) {
	const ahead = 512 << 10
	url := carrier(b, to)
	chunk := numbered(0x100, 0, 32768/packetSize)
	read, write := io.Pipe()
	req, err := http.NewRequestWithContext(context.Background(), http.MethodPost, url, read)
	if err != nil {
		b.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		if resp, err := http.DefaultTransport.RoundTrip(req); err == nil {
			resp.Body.Close()
		}
	})
	sent := 0
	b.SetBytes(int64(len(chunk)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := write.Write(chunk); err != nil {
			b.Fatal(err)
		}
		sent += len(chunk)
		to.await(sent - ahead)
	}
	to.await(sent)
	write.Close()
	wg.Wait()
}

// forwarder is an agent with one rule.
func forwarder(b *testing.B, to *drain) string {
	c := agent.Config{}
	if to.TLS != nil {
		c.CAFile = writeFile(b, "ca.pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: to.Certificate().Raw}))
	}
	a := start(b, nil, c)
	a.request(b, "POST", "/api/destinations", `{"id":"0","stream":"v","destination":"`+strings.Replace(to.URL, "http", "ws", 1)+`"}`)
	a.log.await(b, `"link up"`)
	return a.URL() + "/ts/v"
}

// floor reads a body and writes what it read.
func floor(b *testing.B, to *drain) string {
	dialer := websocket.Dialer{WriteBufferSize: 64 << 10}
	if to.TLS != nil {
		dialer.TLSClientConfig = to.Client().Transport.(*http.Transport).TLSClientConfig
	}
	ws, _, err := dialer.Dial(strings.Replace(to.URL, "http", "ws", 1), nil)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { ws.Close() })
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		buf := make([]byte, 64<<10)
		for {
			n, err := r.Body.Read(buf)
			if n > 0 && ws.WriteMessage(websocket.BinaryMessage, buf[:n]) != nil || err != nil {
				return
			}
		}
	}))
	b.Cleanup(s.Close)
	return s.URL
}
