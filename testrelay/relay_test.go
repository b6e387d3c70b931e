package testrelay_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"vw/testrelay"
)

// patience bounds every wait for something that must happen.
const patience = 10 * time.Second

func listen(t *testing.T, cfg testrelay.Config) *testrelay.Server {
	t.Helper()
	s, err := testrelay.Listen(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return s
}

func patient(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

// dial returns a link that the relay counts as up.
func dial(t *testing.T, s *testrelay.Server, path string) *websocket.Conn {
	t.Helper()
	before := len(s.Visits(path))
	ws := dialUnheard(t, s, path)
	if _, err := s.Await(patient(t), path, func(v []testrelay.Visit) bool { return testrelay.Up(v[before:]) == 1 }); err != nil {
		t.Fatalf("%s does not come up: %v", path, err)
	}
	return ws
}

// dialUnheard returns a link of which nothing is known but that it was upgraded.
func dialUnheard(t *testing.T, s *testrelay.Server, path string) *websocket.Conn {
	t.Helper()
	ws, _, err := websocket.DefaultDialer.DialContext(patient(t), s.URL()+path, nil)
	if err != nil {
		t.Fatalf("dial %s: %v", path, err)
	}
	t.Cleanup(func() { ws.Close() })
	ws.SetReadDeadline(time.Now().Add(patience))
	return ws
}

func send(t *testing.T, ws *websocket.Conn, kind int, text string) {
	t.Helper()
	ws.SetWriteDeadline(time.Now().Add(patience))
	if err := ws.WriteMessage(kind, []byte(text)); err != nil {
		t.Fatal(err)
	}
}

func wantMessage(t *testing.T, ws *websocket.Conn, kind int, text string) {
	t.Helper()
	k, data, err := ws.ReadMessage()
	if err != nil || k != kind || string(data) != text {
		t.Fatalf("got %d %q, %v; want %d %q", k, data, err, kind, text)
	}
}

func httpURL(s *testrelay.Server) string {
	return strings.Replace(s.URL(), "ws", "http", 1)
}

// get is one request on a connection of its own, its redirects not followed.
func get(t *testing.T, s *testrelay.Server, path string) (*http.Response, string) {
	t.Helper()
	client := http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	resp, err := client.Get(httpURL(s) + path)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(body)
}

func TestMessagesGoToEverybodyElseOnTheTopic(t *testing.T) {
	s := listen(t, testrelay.Config{})
	in, out := dial(t, s, "/in/a"), dial(t, s, "/out/a")
	bi1, bi2 := dial(t, s, "/bi/a"), dial(t, s, "/bi/a")
	other := dial(t, s, "/bi/b")
	const text, binary = websocket.TextMessage, websocket.BinaryMessage

	send(t, in, binary, "1")
	for _, ws := range []*websocket.Conn{out, bi1, bi2} {
		wantMessage(t, ws, binary, "1")
	}
	send(t, bi1, text, "2")
	for _, ws := range []*websocket.Conn{out, bi2} {
		wantMessage(t, ws, text, "2")
	}
	// What a reader sends goes nowhere. The 4 that follows on every topic
	// shows that nothing came before it.
	send(t, out, text, "3")
	if _, err := s.Await(patient(t), "/out/a", func(v []testrelay.Visit) bool { return v[0].Messages == 1 }); err != nil {
		t.Fatal(err)
	}
	if n := s.Send("/", text, []byte("4")); n != 4 {
		t.Errorf("sent to %d clients, want 4: two of /bi/a, one of /bi/b, one of /out/a", n)
	}
	for _, ws := range []*websocket.Conn{out, bi1, bi2, other} {
		wantMessage(t, ws, text, "4")
	}
	// /in is given nothing, ever: its first message is the close frame.
	s.Disconnect("/in/a", websocket.CloseServiceRestart)
	if _, _, err := in.ReadMessage(); !websocket.IsCloseError(err, websocket.CloseServiceRestart) {
		t.Errorf("/in was given: %v", err)
	}
}

func TestTopicsMayHoldSlashesAndOtherPathsAreNotFound(t *testing.T) {
	s := listen(t, testrelay.Config{})
	out := dial(t, s, "/out/stream/front/large")
	send(t, dial(t, s, "/in/stream/front/large"), websocket.TextMessage, "x")
	wantMessage(t, out, websocket.TextMessage, "x")
	for _, path := range []string{"/in", "/in/", "/inn/a", "/healthcheck"} {
		_, resp, err := websocket.DefaultDialer.Dial(s.URL()+path, nil)
		if !errors.Is(err, websocket.ErrBadHandshake) || resp.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %v", path, err)
		}
		if v := s.Visits(path); len(v) != 1 || v[0].Status != http.StatusNotFound || !v[0].Gone {
			t.Errorf("%s: visits %+v", path, v)
		}
	}
}

func TestPlainRequestsAreToldWhatThisIs(t *testing.T) {
	s := listen(t, testrelay.Config{})
	resp, body := get(t, s, "/")
	if resp.StatusCode != http.StatusOK || !strings.Contains(body, "/bi/<topic>") {
		t.Errorf("%s: %q", resp.Status, body)
	}
	if resp, _ := get(t, s, "/in/a"); resp.StatusCode != http.StatusUpgradeRequired {
		t.Errorf("/in/a without an upgrade: %s", resp.Status)
	}
}

func TestPingsAreAnswered(t *testing.T) {
	s := listen(t, testrelay.Config{})
	if got := ping(t, dial(t, s, "/in/a"), patience); got != "payload" {
		t.Errorf("pong %q", got)
	}
}

// ping returns what the pong that came within d held.
func ping(t *testing.T, ws *websocket.Conn, d time.Duration) string {
	t.Helper()
	var got string
	enough := errors.New("enough")
	ws.SetPongHandler(func(data string) error { got = data; return enough })
	if err := ws.WriteMessage(websocket.PingMessage, []byte("payload")); err != nil {
		t.Fatal(err)
	}
	ws.SetReadDeadline(time.Now().Add(d))
	if _, data, err := ws.ReadMessage(); err == nil {
		t.Fatalf("message %q instead of a pong", data)
	}
	return got
}

func TestSlowReaderDelaysNobodyAndLosesTheOldest(t *testing.T) {
	const size, count = 64 << 10, 320 // 20 MiB: far more than the kernel takes
	s := listen(t, testrelay.Config{QueueBytes: 4 * size})
	slow, fast, in := dial(t, s, "/out/a"), dial(t, s, "/out/a"), dial(t, s, "/in/a")
	message := make([]byte, size)
	for i := range uint32(count) {
		binary.BigEndian.PutUint32(message, i)
		send(t, in, websocket.BinaryMessage, string(message))
		_, data, err := fast.ReadMessage()
		if err != nil || binary.BigEndian.Uint32(data) != i {
			t.Fatalf("message %d does not get through: %v", i, err)
		}
	}
	last, got := -1, 0
	for last != count-1 {
		_, data, err := slow.ReadMessage()
		if err != nil {
			t.Fatal(err)
		}
		i := int(binary.BigEndian.Uint32(data))
		if i <= last {
			t.Fatalf("%d after %d", i, last)
		}
		last, got = i, got+1
	}
	if got == count {
		t.Error("nothing was dropped: the queue has no bound")
	}
}

func TestTooLongMessageEndsItsSendersLink(t *testing.T) {
	s := listen(t, testrelay.Config{QueueBytes: 1000})
	out, in := dial(t, s, "/out/a"), dial(t, s, "/in/a")
	send(t, in, websocket.BinaryMessage, strings.Repeat("x", 1000))
	wantMessage(t, out, websocket.BinaryMessage, strings.Repeat("x", 1000))
	send(t, in, websocket.BinaryMessage, strings.Repeat("x", 1001))
	if _, _, err := in.ReadMessage(); !websocket.IsCloseError(err, websocket.CloseMessageTooBig) {
		t.Errorf("sender: %v", err)
	}
}

func TestSubscriptionGetsEveryMessageWithTypeAndTime(t *testing.T) {
	s := listen(t, testrelay.Config{})
	in, bi := dial(t, s, "/in/a"), dial(t, s, "/bi/a")
	send(t, bi, websocket.TextMessage, "before")
	wantVisit(t, s, "/bi/a", func(v testrelay.Visit) bool { return v.Messages == 1 })
	sub := s.Subscribe("a")
	began := time.Now()
	const count = 1000
	for range count {
		send(t, in, websocket.BinaryMessage, "packet")
	}
	wantVisit(t, s, "/in/a", func(v testrelay.Visit) bool { return v.Messages == count })
	send(t, bi, websocket.TextMessage, "after")
	for range count {
		m, err := sub.Next(patient(t))
		if err != nil || m.Type != websocket.BinaryMessage || string(m.Data) != "packet" || m.Path != "/in/a" || m.Topic != "a" {
			t.Fatalf("%+v, %v", m, err)
		}
		if m.At.Before(began) || m.At.After(time.Now()) {
			t.Fatalf("arrived at %v", m.At)
		}
	}
	m, err := sub.Next(patient(t))
	if err != nil || m.Type != websocket.TextMessage || string(m.Data) != "after" || m.Path != "/bi/a" {
		t.Fatalf("%+v, %v", m, err)
	}
	sub.Close()
	send(t, bi, websocket.TextMessage, "later")
	wantVisit(t, s, "/bi/a", func(v testrelay.Visit) bool { return v.Messages == 3 })
	if late := sub.Drain(); len(late) != 0 {
		t.Errorf("after Close: %+v", late)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := sub.Next(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Next with nothing waiting: %v", err)
	}
}

// wantVisit waits until the latest visit to a path is as it should be.
func wantVisit(t *testing.T, s *testrelay.Server, path string, ok func(testrelay.Visit) bool) testrelay.Visit {
	t.Helper()
	visits, err := s.Await(patient(t), path, func(v []testrelay.Visit) bool { return len(v) > 0 && ok(v[len(v)-1]) })
	if err != nil {
		t.Fatalf("%s: %v, visits %+v", path, err, visits)
	}
	return visits[len(visits)-1]
}

func TestKeepRecordsFromTheFirstByte(t *testing.T) {
	s := listen(t, testrelay.Config{Keep: true})
	in := dialUnheard(t, s, "/in/a")
	send(t, in, websocket.BinaryMessage, "1")
	send(t, in, websocket.BinaryMessage, "2")
	wantVisit(t, s, "/in/a", func(v testrelay.Visit) bool { return v.Messages == 2 })
	for range 2 { // what is kept stays kept
		sub := s.Subscribe("a")
		var got []byte
		for _, m := range sub.Drain() {
			got = append(got, m.Data...)
		}
		if !bytes.Equal(got, []byte("12")) {
			t.Errorf("kept %q", got)
		}
	}
	sub := s.Subscribe("a")
	send(t, in, websocket.BinaryMessage, "3")
	for _, want := range []string{"1", "2", "3"} {
		if m, err := sub.Next(patient(t)); err != nil || string(m.Data) != want {
			t.Errorf("got %q, %v; want %q", m.Data, err, want)
		}
	}
}

func TestVisitsTellHeadersCountsAndCloseCodes(t *testing.T) {
	s := listen(t, testrelay.Config{})
	header := http.Header{"Authorization": {"Bearer t0ken"}}
	ws, _, err := websocket.DefaultDialer.Dial(s.URL()+"/in/a?x=y", header)
	if err != nil {
		t.Fatal(err)
	}
	defer ws.Close()
	if err := s.AwaitClient(patient(t), "/in/a"); err != nil {
		t.Fatal(err)
	}
	v := s.Visits("/in/a")[0]
	if v.Header.Get("Authorization") != "Bearer t0ken" || v.Query.Get("x") != "y" || v.Method != "GET" ||
		v.Status != 101 || !v.Up || v.Gone || v.CloseCode != 0 {
		t.Errorf("%+v", v)
	}
	send(t, ws, websocket.BinaryMessage, "12345")
	for _, c := range []struct {
		how  func(*websocket.Conn)
		code int
	}{
		{func(ws *websocket.Conn) {
			ws.WriteMessage(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseGoingAway, ""))
		}, websocket.CloseGoingAway},
		{func(ws *websocket.Conn) { ws.WriteMessage(websocket.CloseMessage, nil) }, websocket.CloseNoStatusReceived},
		{func(ws *websocket.Conn) { ws.NetConn().Close() }, websocket.CloseAbnormalClosure},
		{func(ws *websocket.Conn) { ws.NetConn().(*net.TCPConn).SetLinger(0); ws.NetConn().Close() }, websocket.CloseAbnormalClosure},
	} {
		c.how(ws)
		v := wantVisit(t, s, "/in/a", func(v testrelay.Visit) bool { return v.Gone })
		if v.CloseCode != c.code || v.Up {
			t.Errorf("close code %d, want %d: %+v", v.CloseCode, c.code, v)
		}
		ws = dial(t, s, "/in/a")
	}
	visits := s.Visits("/in/a")
	if len(visits) != 5 || testrelay.Up(visits) != 1 || s.Accepted() != 5 {
		t.Errorf("%d visits, %d up, %d accepted", len(visits), testrelay.Up(visits), s.Accepted())
	}
	if visits[0].Messages != 1 || visits[0].Bytes != 5 {
		t.Errorf("first link: %d messages, %d bytes", visits[0].Messages, visits[0].Bytes)
	}
}
