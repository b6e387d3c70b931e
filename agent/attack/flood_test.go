package attack_test

import (
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"vw/agent"
)

// flood is a relay that sends n empty messages on every link to it, as fast as
// they are taken, once it is let go. It counts what it has sent.
func flood(t testing.TB, n int) (url string, begin func(), sent *atomic.Int64) {
	t.Helper()
	gate := make(chan struct{})
	sent = new(atomic.Int64)
	upgrader := websocket.Upgrader{CheckOrigin: func(*http.Request) bool { return true }}
	frames := make([]byte, 0, 32<<10)
	for len(frames) < cap(frames) {
		frames = append(frames, 0x82, 0x00) // a whole empty binary message
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ws, err := upgrader.Upgrade(w, r, nil)
		if err != nil {
			return
		}
		defer ws.Close()
		gone := make(chan struct{})
		go func() {
			defer close(gone)
			for {
				if _, _, err := ws.ReadMessage(); err != nil {
					return
				}
			}
		}()
		select {
		case <-gate:
		case <-gone:
			return
		}
		for left := n; left > 0; left -= len(frames) / 2 {
			part := frames[:2*min(left, len(frames)/2)]
			if _, err := ws.NetConn().Write(part); err != nil {
				return
			}
			sent.Add(int64(len(part) / 2))
		}
		<-gone
	}))
	t.Cleanup(server.CloseClientConnections)
	return "ws" + strings.TrimPrefix(server.URL, "http"), sync.OnceFunc(func() { close(gate) }), sent
}

// A drip posts a packet of PID 0x100 every 10 ms, until the test ends.
func (v *victim) drip(feed string) {
	body := v.post(feed)
	quit := make(chan struct{})
	var ended sync.WaitGroup
	ended.Go(func() {
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for n := 0; ; n += 7 {
			select {
			case <-tick.C:
			case <-quit:
				return
			}
			if _, err := body.Write(packets(0x100, n, 7)); err != nil {
				return
			}
		}
	})
	v.t.Cleanup(func() { close(quit); ended.Wait() })
}

// Whoever writes to one topic, even empty messages to a program that reads
// none, holds up no other feed and not the owner's mute.
func TestFloodOfEmptyMessagesHoldsUpNothingElse(t *testing.T) {
	const messages = 5_000_000
	lasts := time.Duration(count(4, 60)) * time.Second
	v := start(t, agent.Config{})
	url, begin, sent := flood(t, messages)
	v.add(rule{ID: "cam", Stream: "cam", Destination: v.relay.URL() + "/in/cam"})
	v.add(rule{ID: "data", Stream: "data", Destination: url + "/bi/data"})
	v.settled("cam")
	v.settled("data")
	client := v.local("/ws/data") // a program that reads nothing
	_ = client.NetConn().(*net.TCPConn).SetReadBuffer(4096)
	v.drip("cam")
	arrives := v.relay.Subscribe("cam")
	last, err := arrives.Next(patient(t))
	if err != nil {
		t.Fatal(err)
	}
	var undisturbed, longest, mute time.Duration
	next := func(silence *time.Duration) {
		t.Helper()
		m, err := arrives.Next(patient(t))
		if err != nil {
			t.Fatalf("nothing arrives any more: %v", err)
		}
		*silence, last = max(*silence, m.At.Sub(last.At)), m
	}
	for began := time.Now(); time.Since(began) < time.Second; {
		next(&undisturbed) // what a busy machine does by itself
	}
	begin()
	for began := time.Now(); sent.Load() < messages && time.Since(began) < lasts; {
		next(&longest)
		if mute == 0 && (sent.Load() > messages/2 || time.Since(began) > lasts*3/4) {
			asked := time.Now()
			v.owner(http.MethodPut, "/api/mutes/data", "")
			mute = time.Since(asked)
		}
	}
	t.Logf("%d empty messages were taken", sent.Load())
	t.Logf("without the flood another feed was silent for %v", undisturbed)
	within(t, "the longest silence of another feed", longest-undisturbed, 100*time.Millisecond)
	within(t, "a mute", mute, 500*time.Millisecond)
}
