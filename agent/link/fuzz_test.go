package link_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"vw/agent/link"
)

// ways are those to show a token, and where each leads.
var ways = []link.Target{
	{URL: "ws://localhost/in/x?code=canary", Auth: "bearer"},
	{URL: "ws://localhost/in/x?code=canary", Auth: "message"},
	{URL: "http://localhost/session?code=canary", Auth: "access"},
}

// Whatever a relay answers to a token of each way, raw or once it has upgraded: the
// dial ends in time, with words that show neither the token nor the URL.
func FuzzAnswers(f *testing.F) {
	for way := range ways {
		for _, text := range []string{
			"", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: x\r\n\r\n",
			"HTTP/1.1 200 OK\r\nContent-Length: 37\r\n\r\n{\"uri\":\"wss://localhost/in?code=once\"}",
			"HTTP/1.1 500 no\r\nContent-Length: 28\r\n\r\n{\"message\":\"token canary 3\"}",
			"HTTP/1.1 302 Found\r\nLocation: http://localhost/other\r\nRetry-After: 9\r\n\r\n",
			"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"uri\r\n", "SSH-2.0-OpenSSH\r\n", "\x15\x03\x03\x00\x02\x02\x46",
			"\x81\x5a{\"topic\":\"t\",\"token\":\"canary\",\"authorised\":false,\"reason\":\"the token canary has no scope\"}",
			"\x81\x15{\"authorised\":true   }", "\x88\x02\x03\xf0", "\x81\x7f\xff\xff\xff\xff\xff\xff\xff\xff",
		} {
			f.Add(byte(way), true, []byte(text))
			f.Add(byte(way), false, []byte(text))
		}
	}
	f.Fuzz(func(t *testing.T, way byte, upgrades bool, text []byte) {
		target := ways[int(way)%len(ways)]
		target.Token, target.Local = "canary-token", true
		synctest.Test(t, func(t *testing.T) {
			d := link.New(link.Config{Policy: link.Policy{Loopback: true}, Dial: func(context.Context, string, string) (net.Conn, error) {
				near, far := net.Pipe()
				go answerWith(far, upgrades, text)
				return near, nil
			}})
			begun := time.Now()
			c, err := d.Open(t.Context(), target)
			if took := time.Since(begun); took > 30*time.Second {
				t.Errorf("it took %v", took)
			}
			var known *link.Error
			switch {
			case err == nil:
				c.Abort()
			case !errors.As(err, &known) && link.CodeOf(err) == "":
				t.Errorf("no code: %v", err)
			case strings.Contains(err.Error(), "canary-token") || strings.Contains(err.Error(), "code=canary"):
				t.Errorf("the token or the URL is shown: %v", err)
			}
			time.Sleep(time.Minute) // the other end sees its end
		})
	})
}

// answerWith sends text in answer to a request, after an upgrade if that is asked for.
func answerWith(c net.Conn, upgrades bool, text []byte) {
	defer c.Close()
	in := bufio.NewReader(c)
	req, err := http.ReadRequest(in)
	if err != nil {
		return
	}
	go func() { // what else comes is read, so that nobody waits
		_, _ = io.Copy(io.Discard, in)
	}()
	if upgrades {
		_, _ = io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "+
			acceptKey(req.Header.Get("Sec-WebSocket-Key"))+"\r\n\r\n")
	}
	_, _ = c.Write(text)
	time.Sleep(40 * time.Second) // neither sends more nor hangs up
}
