package link_test

import (
	"bufio"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"

	"vw/agent/link"
)

// saying dials what answers every request with those bytes.
func saying(answer func() string) *link.Dialer {
	return link.New(link.Config{Policy: link.Policy{Loopback: true}, Dial: func(context.Context, string, string) (net.Conn, error) {
		near, far := net.Pipe()
		go func() {
			defer far.Close()
			if _, err := http.ReadRequest(bufio.NewReader(far)); err == nil {
				_, _ = io.WriteString(far, answer())
			}
		}()
		return near, nil
	}})
}

func TestWhatAnswersIsToldByCodeWithoutItsWords(t *testing.T) {
	t.Parallel()
	body := func(status int, text string) string {
		return fmt.Sprintf("HTTP/1.1 %d canary\r\nServer: canary\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s", status, len(text), text)
	}
	for _, c := range []struct {
		url, answer string
		code        link.Code
		words       string
	}{
		{"ws://localhost/x", "SSH-2.0-canary\r\n", link.CodeNoHTTP, "speaks no HTTP"},
		{"http://localhost/x", "SSH-2.0-canary\r\n", link.CodeNoHTTP, "speaks no HTTP"},
		{"ws://localhost/x", "HTTP/1.1 canary\r\n\r\n", link.CodeNoHTTP, "speaks no HTTP"},
		{"http://localhost/x", "HTTP/1.1 200 OK\r\ncanary\r\n\r\n", link.CodeNoHTTP, "speaks no HTTP"},
		{"ws://localhost/x", "\x15\x03\x01\x00\x02\x02\x46", link.CodeWantsTLS, "TLS is spoken there"},
		{"ws://localhost/x", "", link.CodeHungUp, ""},
		{"ws://localhost/x", body(400, "canary"), link.CodeBadRequest, "HTTP 400 Bad Request"},
		{"ws://localhost/x", body(426, "canary"), link.CodeNoWebsocket, "HTTP 426 Upgrade Required"},
		{"ws://localhost/x", body(200, "canary"), link.CodeNoWebsocket, "HTTP 200"},
		{"ws://localhost/x", body(500, "canary"), link.CodeRelayTrouble, "HTTP 500 Internal Server Error"},
		{"http://localhost/x", body(404, "canary"), link.CodeNotFound, "HTTP 404 Not Found"},
		{"http://localhost/x", body(500, "canary"), link.CodeRelayTrouble, "HTTP 500 Internal Server Error"},
		{"http://localhost/x", body(500, "bad token: canary"), link.CodeTokenRefused, "the relay refused the token (HTTP 500)"},
		{"http://localhost/x", body(200, "canary"), link.CodeNoAccess, "named no URL"},
		{"http://localhost/x", body(500, `{"code":500,"message":"aud [a] does not match this host b, s3cret"}`), link.CodeTokenRefused,
			`(HTTP 500): "aud [a] does not match this host b, (token)"`},
		{"http://localhost/x", body(503, `{"reason":"`+strings.Repeat("y", 300)+`\u202e\u001b"}`), link.CodeRelayTrouble, `"` + strings.Repeat("y", 200) + `"`},
	} {
		_, err := saying(func() string { return c.answer }).Open(t.Context(), link.Target{URL: c.url, Token: "s3cret"})
		if link.CodeOf(err) != c.code || !strings.Contains(err.Error(), c.words) || strings.Contains(err.Error(), "canary") || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s, %.60q: %s, %v", c.url, c.answer, link.CodeOf(err), err)
		}
	}
}

func TestRetryAfterMayBeADate(t *testing.T) {
	t.Parallel()
	for skew, told := range map[time.Duration]bool{0: false, -24 * time.Hour: true} { // of the relay's clock
		synctest.Test(t, func(t *testing.T) {
			var dials []time.Time
			d := saying(func() string {
				dials = append(dials, time.Now())
				now, date := time.Now().Add(skew), ""
				if told {
					date = "Date: " + now.UTC().Format(http.TimeFormat) + "\r\n"
				}
				return "HTTP/1.1 503 Busy\r\n" + date + "Retry-After: " + now.Add(50*time.Second).UTC().Format(http.TimeFormat) + "\r\nContent-Length: 0\r\n\r\n"
			})
			ctx, cancel := context.WithTimeout(t.Context(), 80*time.Second)
			defer cancel()
			newIdle(d, link.Target{URL: "ws://localhost/x"}).Run(ctx)
			if len(dials) != 2 || dials[1].Sub(dials[0]) < 49*time.Second {
				t.Errorf("dialled at %v", dials)
			}
		})
	}
}

// Crossbar sends its refusal as text and then closes with 1008.
func TestARelayThatClosesWithAPolicyViolationWantsAToken(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		target link.Target
		denial string
		code   link.Code
		words  string
	}{
		{link.Target{}, "", link.CodeTokenMissing, "the relay wants a token"},
		{link.Target{}, "no token", link.CodeTokenMissing, `the relay wants a token: "no token"`},
		{link.Target{Token: "s3cret"}, "", link.CodeTokenRefused, "the relay refused the token"},
		{link.Target{Token: "s3cret"}, "what is s3cret", link.CodeTokenRefused, `the relay refused the token: "what is (token)"; it may want it as the first message: "auth":"message"`},
	} {
		synctest.Test(t, func(t *testing.T) {
			d := upgrading(link.Config{}, open, nil, func(ws *websocket.Conn) {
				go func() {
					for {
						if _, _, err := ws.NextReader(); err != nil {
							return
						}
					}
				}()
				if c.denial != "" {
					_ = ws.WriteMessage(websocket.TextMessage, []byte(`{"topic":"x","token":"","authorised":false,"reason":"`+c.denial+`"}`))
				}
				_ = ws.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(1008, ""), time.Now().Add(time.Second))
			})
			c.target.URL = "ws://localhost/in/x"
			l := newIdle(d, c.target)
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan struct{})
			go func() { defer close(done); l.Run(ctx) }()
			time.Sleep(time.Minute)
			if i := l.Info(); i.ErrorCode != c.code || i.LastError != c.words || i.Dials != 1 {
				t.Errorf("%q, %+v: %+v", c.denial, c.target, i)
			}
			cancel()
			<-done
			time.Sleep(time.Second)
		})
	}
}

func TestAClosedLinkIsToldWithItsReasonWhereThereIsOne(t *testing.T) {
	t.Parallel()
	for reason, words := range map[string]string{"": "the relay closed the link (1001)", "bye": `the relay closed the link (1001): "bye"`} {
		synctest.Test(t, func(t *testing.T) {
			d := upgrading(link.Config{}, open, nil, func(ws *websocket.Conn) {
				go func() { _, _, _ = ws.NextReader() }() // pipes hold nothing
				_ = ws.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(1001, reason), time.Now().Add(time.Second))
			})
			l := newIdle(d, link.Target{URL: "ws://localhost/in/x"})
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan struct{})
			go func() { defer close(done); l.Run(ctx) }()
			time.Sleep(time.Minute)
			if i := l.Info(); i.LastError != words {
				t.Errorf("%q: %+v", reason, i)
			}
			cancel()
			<-done
			time.Sleep(time.Second)
		})
	}
}

// The text of a reset connection names this end's port, which is another each time.
func TestAFailureThatGoesOnIsLoggedOnce(t *testing.T) {
	t.Parallel()
	dials := make(chan struct{}, 100)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		c, _, err := w.(http.Hijacker).Hijack()
		if err == nil {
			_ = c.(*net.TCPConn).SetLinger(0)
			c.Close()
		}
		dials <- struct{}{}
	}))
	defer s.Close()
	var log strings.Builder
	l := newIdle(link.New(link.Config{Policy: link.Policy{Loopback: true}}), link.Target{URL: strings.Replace(s.URL, "http", "ws", 1)})
	l.Log = slog.New(slog.NewTextHandler(&log, nil))
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); l.Run(ctx) }()
	for range 4 {
		<-dials
	}
	cancel()
	<-done
	if n := strings.Count(log.String(), "link down"); n != 1 || l.Info().ErrorCode != link.CodeHungUp {
		t.Errorf("%d lines, %s:\n%s", n, l.Info().ErrorCode, log.String())
	}
}

func TestTokenIsConcealedButNotInsideOtherWords(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ token, text, want string }{
		{"", "all", "all"},
		{"e", "the token e was refused, e", "the token (token) was refused, (token)"},
		{"e", `"e"`, `"(token)"`},
		{"abc", "abcabc xabc abc.", "abcabc xabc (token)."},
		{"abcdef", "xabcdefabcdefx", "x(token)(token)x"},
		{"a.b", "a.b é a.bé", "(token) é a.bé"},
	} {
		if got := (link.Target{Token: c.token}).Conceal(c.text); got != c.want {
			t.Errorf("%q in %q: %q", c.token, c.text, got)
		}
	}
}

func TestClaimsOfATokenAreRead(t *testing.T) {
	t.Parallel()
	for claims, want := range map[string]struct {
		exp      int64
		readOnly bool
	}{
		`{"exp":1790000000.5}`:                 {1790000000, false},
		`{"exp":1790000000,"scopes":["read"]}`: {1790000000, true},
		`{"exp":"no","scopes":["read"]}`:       {0, true},
		`{"scopes":["read","write"]}`:          {0, false},
		`{"scopes":[]}`:                        {0, false},
		`{"exp":1790000000,"scopes":"read"}`:   {1790000000, false},
		`{"exp":1e300}`:                        {0, false},
		`no JSON`:                              {0, false},
	} {
		c := link.Target{Token: "e30." + base64.RawURLEncoding.EncodeToString([]byte(claims)) + ".c2ln"}.Claims()
		if c.ReadOnly != want.readOnly || (c.Expires == nil) != (want.exp == 0) || c.Expires != nil && c.Expires.Unix() != want.exp {
			t.Errorf("%s: %+v", claims, c)
		}
	}
}
