package link_test

import (
	"bufio"
	"context"
	"encoding/base64"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"

	"vw/agent/link"
)

// A visitor shows the token of its credential wherever it leads.
type visitor struct{ link.Target }

func (v visitor) Next() (link.Target, bool) { return v.Target, false }
func (visitor) Serve(life context.Context, _ *link.Conn) error {
	<-life.Done()
	return context.Cause(life)
}
func (visitor) Receive(*link.Conn, []byte, bool) {}

func TestLinkWhoseTokenNearsItsEndIsDialledAnewWithANewerOne(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		write := func(lasts time.Duration) (token string) {
			claims := fmt.Sprintf(`{"iat":%d,"exp":%d}`, begun.Unix(), begun.Add(lasts).Unix())
			token = "e30." + base64.RawURLEncoding.EncodeToString([]byte(claims)) + ".c2ln"
			if err := os.WriteFile(filepath.Join(dir, "relay1"), []byte(token), 0o600); err != nil {
				t.Fatal(err)
			}
			return token
		}
		var shown atomic.Pointer[[]string]
		shown.Store(&[]string{})
		d := link.New(link.Config{Policy: link.Policy{Loopback: true}, Credentials: dir, Dial: func(context.Context, string, string) (net.Conn, error) {
			near, far := net.Pipe()
			go func() {
				defer far.Close()
				req, err := http.ReadRequest(bufio.NewReader(far))
				if err != nil {
					return
				}
				all := append(*shown.Load(), req.Header.Get("Authorization"))
				shown.Store(&all)
				ws, err := (&websocket.Upgrader{}).Upgrade(seat{far, http.Header{}}, req, nil)
				for err == nil {
					_, _, err = ws.ReadMessage()
				}
			}()
			return near, nil
		}})
		l := &link.Link{Dialer: d, Session: visitor{link.Target{URL: "ws://localhost/in/x", Credential: "relay1"}}, Log: slog.New(slog.DiscardHandler)}
		first := write(time.Hour)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			l.Run(ctx)
		}()
		wants := func(at time.Duration, tokens ...string) {
			t.Helper()
			time.Sleep(time.Until(begun.Add(at)))
			synctest.Wait()
			var want []string
			for _, token := range tokens {
				want = append(want, "Bearer "+token)
			}
			if got := *shown.Load(); fmt.Sprint(got) != fmt.Sprint(want) || l.Info().State != link.Up {
				t.Errorf("after %v: %q, %s", at, got, l.Info().State)
			}
		}
		wants(56*time.Minute, first) // its file is the same
		second := write(3 * time.Hour)
		wants(58*time.Minute, first, second)
		third := write(4 * time.Hour)
		wants(160*time.Minute, first, second) // far from its end
		wants(165*time.Minute, first, second, third)
		if at := l.Info().Expires; at == nil || !at.Equal(begun.Add(4*time.Hour)) {
			t.Errorf("it is told to end at %v", at)
		}
		cancel()
		<-ended
	})
}
