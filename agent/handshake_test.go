package agent_test

import (
	"io"
	"net"
	"strings"
	"testing"

	"vw/agent"
)

// A relay that answers a handshake with a header that does not end fills no
// memory: it is given up after 256 KiB.
func TestHandshakeThatDoesNotEndIsGivenUp(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	wrote := make(chan int64, 100)
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				_, _ = io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nX: ")
				n, _ := io.Copy(c, io.LimitReader(endless{}, 1<<30))
				wrote <- n
			}()
		}
	}()
	a := start(t, nil, agent.Config{})
	a.request(t, "POST", "/api/destinations", `{"id":"0","stream":"v","destination":"ws://`+ln.Addr().String()+`/in/v"}`)
	select {
	case n := <-wrote:
		if n > 64<<20 { // what the kernel takes comes on top of what was read
			t.Errorf("%d bytes were taken", n)
		}
	case <-patient(t).Done():
		t.Fatal("it is still being read")
	}
	eventually(t, "status tells", func() bool { return strings.Contains(a.destination(t, "0").LastError, "too long") })
}

// endless reads as one long word.
type endless struct{}

func (endless) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = 'x'
	}
	return len(b), nil
}
