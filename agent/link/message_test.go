package link_test

import (
	"context"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"

	"vw/agent/link"
)

const limit = 1 << 20

// All links of a dialer share the memory of long messages: relays that send all
// of one but its end hold 32 MiB at the most, and for 20 s.
func TestLongMessagesOfAllLinksShareABound(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const links = 100
		ctx, cancel := context.WithCancel(t.Context())
		d := upgrading(link.Config{}, open, nil, func(ws *websocket.Conn) {
			w, _ := ws.NextWriter(websocket.BinaryMessage)
			_, _ = w.Write(make([]byte, limit-1))
			<-ctx.Done() // and no end
		})
		var mu sync.Mutex
		ended := map[string]int{}
		var wg sync.WaitGroup
		serve := func() {
			defer wg.Done()
			c, err := d.Open(ctx, link.Target{URL: "ws://localhost/in/x"})
			if err != nil {
				t.Error(err)
				return
			}
			err = c.Serve(ctx, limit, func([]byte, bool) {}, func(life context.Context) error { <-life.Done(); return nil })
			mu.Lock()
			ended[err.Error()]++
			mu.Unlock()
		}
		for range links {
			wg.Add(1)
			go serve()
		}
		time.Sleep(10 * time.Second)
		mu.Lock()
		if n := ended["no memory for a message of more than 8 KiB: those of all links together may take 32 MiB"]; n < links-40 || n == links {
			t.Errorf("after 10 s: %v", ended)
		}
		mu.Unlock()
		time.Sleep(30 * time.Second)
		mu.Lock()
		if n := len(ended); n != 2 || ended["a long message took more than 20s to come in"] == 0 {
			t.Errorf("after 40 s: %v", ended)
		}
		mu.Unlock()
		cancel()
		wg.Wait()
		time.Sleep(time.Second)
	})
}

func TestALinkThatEndsWaitsForNoMemory(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		all, cancel := context.WithCancel(t.Context())
		d := upgrading(link.Config{}, open, nil, func(ws *websocket.Conn) {
			w, _ := ws.NextWriter(websocket.BinaryMessage)
			_, _ = w.Write(make([]byte, limit-1))
			<-all.Done() // and no end
		})
		run := func(ctx context.Context) { newIdle(d, link.Target{URL: "ws://localhost/in/x"}).Run(ctx) }
		var others sync.WaitGroup
		for range 40 { // more than there is room for
			others.Go(func() { run(all) })
		}
		time.Sleep(time.Second)
		one, end := context.WithTimeout(all, time.Second)
		defer end()
		run(one)
		deadline, _ := one.Deadline()
		if took := time.Since(deadline); took > time.Second {
			t.Errorf("the end took %v", took)
		}
		cancel()
		others.Wait()
	})
}

func TestMessagesComeInWhole(t *testing.T) {
	t.Parallel()
	for _, size := range []int{0, 1, 511, 512, 8191, 8192, 8193, 65536, limit - 1, limit, limit + 1, 3 * limit} {
		synctest.Test(t, func(t *testing.T) {
			d := upgrading(link.Config{}, open, nil, func(ws *websocket.Conn) {
				for range 40 { // more together than there is room
					if ws.WriteMessage(websocket.TextMessage, []byte(strings.Repeat("x", size))) != nil {
						return
					}
				}
				ws.Close()
			})
			c, err := d.Open(t.Context(), link.Target{URL: "ws://localhost/in/x"})
			if err != nil {
				t.Fatal(err)
			}
			got := 0
			err = c.Serve(t.Context(), limit, func(data []byte, isText bool) {
				got++
				if (data == nil) != (size > limit) || data != nil && len(data) != size || !isText {
					t.Errorf("%d bytes came as %d, nil %v", size, len(data), data == nil)
				}
			}, func(life context.Context) error { <-life.Done(); return nil })
			if got != 40 {
				t.Errorf("%d bytes: %d messages, %v", size, got, err)
			}
			time.Sleep(time.Second)
		})
	}
}

// An allowance of dials is the host's, whatever port or path a rule has.
func TestDialsToOneHostAreBoundedOverAllRules(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		dialled := map[string]int{}
		d := link.New(link.Config{Policy: link.Policy{Plaintext: true}, Dial: func(_ context.Context, _, address string) (net.Conn, error) {
			mu.Lock()
			defer mu.Unlock()
			host, _, _ := net.SplitHostPort(address)
			dialled[host]++
			return nil, &net.OpError{Op: "dial", Err: net.ErrClosed}
		}})
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		var wg sync.WaitGroup
		attack := func(url string, target link.Target) {
			for ctx.Err() == nil { // a rule is added again and again
				once, end := context.WithTimeout(ctx, time.Millisecond)
				l := newIdle(d, target)
				l.Run(once)
				end()
			}
		}
		for _, url := range []string{"ws://a.example:1/x", "ws://A.example.:2/y", "ws://a.example:3/z", "ws://a.example:4"} {
			wg.Go(func() { attack(url, link.Target{URL: url}) })
		}
		wg.Go(func() { attack("", link.Target{URL: "ws://owner.example", Local: true}) })
		wg.Go(func() { newIdle(d, link.Target{URL: "ws://b.example"}).Run(ctx) })
		wg.Wait()
		if n := dialled["a.example"]; n < 100 || n > 100+200+4 {
			t.Errorf("one host was dialled %d times in 10 s", n)
		}
		if n := dialled["b.example"]; n < 2 {
			t.Errorf("another was dialled %d times", n)
		}
		if n := dialled["owner.example"]; n < 5000 {
			t.Errorf("the owner's was dialled %d times", n)
		}
	})
}

func TestAThousandLinksToOneRelayComeUpWithinAMinute(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := upgrading(link.Config{}, open, http.Header{}, func(ws *websocket.Conn) {
			for {
				if _, _, err := ws.NextReader(); err != nil {
					return
				}
			}
		})
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		links := make([]*link.Link, 1000)
		for i := range links {
			links[i] = newIdle(d, link.Target{URL: "ws://localhost/in/x"})
			wg.Go(func() { links[i].Run(ctx) })
		}
		time.Sleep(time.Second)
		if i := links[999].Info(); i.State == link.Waiting && (i.ErrorCode != link.CodeManyDials || i.RetryAt == nil) {
			t.Errorf("one that waits is told as %+v", i)
		}
		time.Sleep(time.Minute)
		for _, l := range links {
			if i := l.Info(); i.State != link.Up {
				t.Fatalf("%+v", i)
			}
		}
		cancel()
		wg.Wait()
		time.Sleep(time.Second)
	})
}
