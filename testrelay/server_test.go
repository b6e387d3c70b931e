package testrelay_test

import (
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"vw/testrelay"
)

func TestCloseSaysGoodbyeAndReopenIsFoundAtTheSameAddress(t *testing.T) {
	s := listen(t, testrelay.Config{})
	url := s.URL()
	if !strings.HasPrefix(url, "ws://127.0.0.1:") {
		t.Fatalf("URL %q", url)
	}
	sub := s.Subscribe("a")
	ws := dial(t, s, "/bi/a")
	answered := make(chan error, 1)
	go func() {
		_, _, err := ws.ReadMessage()
		answered <- err
	}()
	for range 2 {
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if err := <-answered; !websocket.IsCloseError(err, websocket.CloseGoingAway) {
		t.Errorf("client saw %v", err)
	}
	if v := s.Visits("/bi/a"); len(v) != 1 || !v[0].Gone || v[0].CloseCode != websocket.CloseGoingAway {
		t.Errorf("visits %+v", v)
	}
	if _, _, err := websocket.DefaultDialer.Dial(url+"/bi/a", nil); err == nil {
		t.Fatal("a closed relay can be dialled")
	}
	for range 2 {
		if err := s.Reopen(); err != nil {
			t.Fatal(err)
		}
	}
	if s.URL() != url {
		t.Errorf("reopened at %s, not %s", s.URL(), url)
	}
	send(t, dial(t, s, "/in/a"), websocket.TextMessage, "again")
	if m, err := sub.Next(patient(t)); err != nil || string(m.Data) != "again" {
		t.Errorf("%q, %v", m.Data, err)
	}
}

// TestCloseLeavesNoGoroutine closes a relay while every kind of client that
// could hold it up is there.
func TestCloseLeavesNoGoroutine(t *testing.T) {
	before := runtime.NumGoroutine()
	s, err := testrelay.Listen(testrelay.Config{Auth: testrelay.MessageAuth, Token: "t0ken"})
	if err != nil {
		t.Fatal(err)
	}
	s.SetFaults("/in/stalled", testrelay.Faults{Stall: true, Silent: true})
	s.SetFaults("/in/slow", testrelay.Faults{ReadRate: 1})
	s.SetFaults("/in/late", testrelay.Faults{Delay: time.Hour})
	for _, path := range []string{"/in/tokenless", "/in/stalled", "/in/slow"} {
		dialUnheard(t, s, path)
	}
	blocked := dialUnheard(t, s, "/bi/blocked")
	send(t, blocked, websocket.TextMessage, "t0ken")
	if err := s.AwaitClient(patient(t), "/bi/blocked"); err != nil {
		t.Fatal(err)
	}
	for range 16 { // 16 MiB: more than the kernel takes of what nobody reads
		s.Send("/bi/blocked", websocket.BinaryMessage, make([]byte, 1<<20))
	}
	addr := strings.TrimPrefix(s.URL(), "ws://")
	s.SetFaults("", testrelay.Faults{})
	for _, said := range []string{"", "GET /in/late HTTP/1.1\r\nHost: relay\r\n\r\n"} {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if _, err := c.Write([]byte(said)); err != nil {
			t.Fatal(err)
		}
	}
	wantVisit(t, s, "/in/late", func(testrelay.Visit) bool { return true })
	s.SetFaults("", testrelay.Faults{Stall: true})
	mute, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer mute.Close()
	if _, err := s.Await(patient(t), "", func([]testrelay.Visit) bool { return s.Accepted() == 7 }); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if d := time.Since(began); d > 5*time.Second {
		t.Errorf("close took %v", d)
	}
	for _, path := range []string{"/in/tokenless", "/in/stalled", "/in/slow", "/in/late", "/bi/blocked"} {
		if v := s.Visits(path); len(v) != 1 || !v[0].Gone {
			t.Errorf("%s goes on after Close: %+v", path, v)
		}
	}
	// http.Server says that a connection is over just before its goroutine is.
	for runtime.NumGoroutine() > before {
		if time.Since(began) > patience {
			t.Fatalf("%d goroutines before, %d after", before, runtime.NumGoroutine())
		}
		runtime.Gosched()
	}
}
