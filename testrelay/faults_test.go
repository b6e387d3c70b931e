package testrelay_test

import (
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"vw/testrelay"
)

// while is how long nothing must happen, where nothing is what is expected.
const while = 200 * time.Millisecond

// wantSilence breaks the link for reading.
func wantSilence(t *testing.T, ws *websocket.Conn) {
	t.Helper()
	ws.SetReadDeadline(time.Now().Add(while))
	_, data, err := ws.ReadMessage()
	var timeout net.Error // gorilla hides os.ErrDeadlineExceeded
	if !errors.As(err, &timeout) || !timeout.Timeout() {
		t.Fatalf("silence expected, got %q, %v", data, err)
	}
}

func TestLongestPrefixDecidesInWholeSegments(t *testing.T) {
	s := listen(t, testrelay.Config{})
	s.SetFaults("/", testrelay.Faults{Refuse: 500})
	s.SetFaults("/in", testrelay.Faults{Refuse: 501})
	s.SetFaults("/in/a", testrelay.Faults{Refuse: 502})
	s.SetFaults("/in/a/fine", testrelay.Faults{})
	for path, want := range map[string]int{
		"/": 500, "/inn": 500, "/out/a": 500, "/in": 501, "/in/ab": 501, "/in/a": 502, "/in/a/b": 502, "/in/a/fine": 426,
	} {
		if resp, _ := get(t, s, path); resp.StatusCode != want {
			t.Errorf("%s: %d, want %d", path, resp.StatusCode, want)
		}
	}
	s.SetFaults("/in/a", testrelay.Faults{})
	dial(t, s, "/in/a")
}

func TestRefusalAndRedirectAreAnsweredAsTold(t *testing.T) {
	s := listen(t, testrelay.Config{})
	s.SetFaults("/in/a", testrelay.Faults{Refuse: 503, RetryAfter: "7", RefuseText: "token invalid"})
	resp, body := get(t, s, "/in/a")
	if resp.StatusCode != 503 || resp.Header.Get("Retry-After") != "7" || body != "token invalid" {
		t.Errorf("%s, %q, %q", resp.Status, resp.Header.Get("Retry-After"), body)
	}
	s.SetFaults("/in/b", testrelay.Faults{Redirect: s.URL() + "/in/target"})
	_, resp, err := websocket.DefaultDialer.Dial(s.URL()+"/in/b", nil)
	if !errors.Is(err, websocket.ErrBadHandshake) || resp.StatusCode != http.StatusFound || resp.Header.Get("Location") != s.URL()+"/in/target" {
		t.Errorf("redirect: %v, %+v", err, resp)
	}
	if v := s.Visits("/in/target"); len(v) != 0 {
		t.Errorf("target: %+v", v)
	}
	if v := s.Visits("/in/b"); len(v) != 1 || v[0].Status != http.StatusFound {
		t.Errorf("visits %+v", v)
	}
}

func TestHangUpAtTheDoorReadsNothing(t *testing.T) {
	s := listen(t, testrelay.Config{})
	s.SetFaults("", testrelay.Faults{HangUp: true})
	c, err := net.Dial("tcp", strings.TrimPrefix(s.URL(), "ws://"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetReadDeadline(time.Now().Add(patience))
	if n, err := c.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("read %d, %v", n, err)
	}
	if s.Accepted() != 1 {
		t.Errorf("%d accepted", s.Accepted())
	}
	s.SetFaults("", testrelay.Faults{})
	dial(t, s, "/in/a")
}

func TestHangUpAnswersNothing(t *testing.T) {
	s := listen(t, testrelay.Config{})
	s.SetFaults("/in/a", testrelay.Faults{HangUp: true})
	_, resp, err := websocket.DefaultDialer.Dial(s.URL()+"/in/a", nil)
	if err == nil || resp != nil {
		t.Errorf("%v, %+v", err, resp)
	}
	if v := s.Visits("/in/a"); len(v) != 1 || v[0].Status != 0 {
		t.Errorf("visits %+v", v)
	}
}

func TestHangUpUpgradedIsWithoutACloseFrame(t *testing.T) {
	s := listen(t, testrelay.Config{})
	s.SetFaults("/in/a", testrelay.Faults{HangUpUpgraded: true})
	ws := dialUnheard(t, s, "/in/a")
	if _, _, err := ws.ReadMessage(); !websocket.IsCloseError(err, websocket.CloseAbnormalClosure) {
		t.Errorf("%v", err)
	}
}

func TestDropResetAndDisconnectEndLinksEachInItsWay(t *testing.T) {
	s := listen(t, testrelay.Config{})
	other := dial(t, s, "/in/other")
	for name, c := range map[string]struct {
		end func(path string) int
		saw func(error) bool
	}{
		"drop":  {s.Drop, func(err error) bool { return errors.Is(err, io.ErrUnexpectedEOF) || websocket.IsCloseError(err, 1006) }},
		"reset": {s.Reset, func(err error) bool { return errors.Is(err, syscall.ECONNRESET) }},
		"disconnect": {func(path string) int { return s.Disconnect(path, websocket.CloseTryAgainLater) }, func(err error) bool {
			return websocket.IsCloseError(err, websocket.CloseTryAgainLater)
		}},
	} {
		path := "/in/" + name // a link that has ended still counts for a moment
		ws1, ws2 := dial(t, s, path), dial(t, s, path+"/b")
		if n := c.end(path); n != 2 {
			t.Errorf("%s: %d links, want 2", name, n)
		}
		for _, ws := range []*websocket.Conn{ws1, ws2} {
			if _, _, err := ws.ReadMessage(); !c.saw(err) {
				t.Errorf("%s: %v", name, err)
			}
		}
		wantVisit(t, s, path, func(v testrelay.Visit) bool { return v.Gone && !v.Up })
	}
	if ping(t, other, patience) == "" {
		t.Error("the other path's link has ended too")
	}
}

func TestDelayHoldsTheHandshakeUp(t *testing.T) {
	s := listen(t, testrelay.Config{})
	const delay = 300 * time.Millisecond
	s.SetFaults("/in/a", testrelay.Faults{Delay: delay})
	began := time.Now()
	dialUnheard(t, s, "/in/a")
	if d := time.Since(began); d < delay {
		t.Errorf("handshake took %v", d)
	}
	s.SetFaults("/in/a", testrelay.Faults{Delay: time.Hour})
	dialer := websocket.Dialer{HandshakeTimeout: while}
	if _, _, err := dialer.Dial(s.URL()+"/in/a", nil); err == nil {
		t.Error("no delay")
	}
	wantVisit(t, s, "/in/a", func(v testrelay.Visit) bool { return v.Gone && v.Status == 0 })
}

func TestStalledDoorAcceptsAndSaysNothingUntilItOpens(t *testing.T) {
	for _, cfg := range []testrelay.Config{{}, {TLS: &testrelay.TLS{}}} {
		s := listen(t, cfg)
		s.SetFaults("", testrelay.Faults{Stall: true})
		c, err := net.Dial("tcp", s.URL()[strings.Index(s.URL(), "127"):])
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		io.WriteString(c, "GET / HTTP/1.0\r\n\r\n")
		c.SetReadDeadline(time.Now().Add(while))
		if n, err := c.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("read %d, %v", n, err)
		}
		s.SetFaults("", testrelay.Faults{})
		c.SetReadDeadline(time.Now().Add(patience))
		if n, err := c.Read(make([]byte, 1)); n != 1 { // a status line, or a TLS alert
			t.Errorf("opened: %v", err)
		}
	}
}

// fill writes until the kernels have no more room, and says how much that was.
func fill(t *testing.T, ws *websocket.Conn) int {
	t.Helper()
	ws.NetConn().(*net.TCPConn).SetWriteBuffer(4 << 10)
	packet, n := make([]byte, 1316), 0
	for ; ; n += len(packet) {
		ws.SetWriteDeadline(time.Now().Add(while))
		if err := ws.WriteMessage(websocket.BinaryMessage, packet); err != nil {
			return n
		}
		if n > 8<<20 {
			t.Fatalf("%d bytes taken by a relay that does not read", n)
		}
	}
}

func TestStallReadsNothingButGoesOnGiving(t *testing.T) {
	s := listen(t, testrelay.Config{})
	ws := dial(t, s, "/bi/a")
	sub := s.Subscribe("a")
	s.SetFaults("/bi/a", testrelay.Faults{Stall: true})
	s.Send("/bi/a", websocket.TextMessage, []byte("still giving"))
	wantMessage(t, ws, websocket.TextMessage, "still giving")
	send(t, ws, websocket.TextMessage, "held up")
	if got := ping(t, ws, while); got != "" {
		t.Error("a stalled relay answers pings")
	}
	if m := sub.Drain(); len(m) != 0 {
		t.Errorf("a stalled relay took %q", m[0].Data)
	}
	s.SetFaults("/bi/a", testrelay.Faults{})
	if m, err := sub.Next(patient(t)); err != nil || string(m.Data) != "held up" {
		t.Errorf("resumed: %q, %v", m.Data, err)
	}
}

func TestStallBuildsABacklogQuickly(t *testing.T) {
	s := listen(t, testrelay.Config{})
	s.SetFaults("/in/a", testrelay.Faults{Stall: true})
	if n := fill(t, dialUnheard(t, s, "/in/a")); n > 128<<10 {
		t.Errorf("stalled from the start: the kernels took %d bytes", n)
	}
	// Traffic makes the kernel's buffers grow.
	ws, message := dial(t, s, "/in/b"), strings.Repeat("x", 1<<20)
	for range 32 {
		send(t, ws, websocket.BinaryMessage, message)
	}
	wantVisit(t, s, "/in/b", func(v testrelay.Visit) bool { return v.Messages == 32 })
	s.SetFaults("/in/b", testrelay.Faults{Stall: true})
	if n := fill(t, ws); n > 512<<10 {
		t.Errorf("stalled after traffic: the kernels took %d bytes", n)
	}
}

func TestStalledLinkIsAsFastAsEverLater(t *testing.T) {
	s := listen(t, testrelay.Config{})
	s.SetFaults("/in/a", testrelay.Faults{Stall: true})
	ws, message := dial(t, s, "/in/a"), strings.Repeat("x", 1<<20)
	s.SetFaults("/in/a", testrelay.Faults{})
	began := time.Now()
	for range 32 {
		send(t, ws, websocket.BinaryMessage, message)
	}
	wantVisit(t, s, "/in/a", func(v testrelay.Visit) bool { return v.Messages == 32 })
	if d := time.Since(began); d > patience {
		t.Errorf("32 MiB took %v", d)
	}
}

func TestReadRateIsKeptTo(t *testing.T) {
	s := listen(t, testrelay.Config{})
	s.SetFaults("/in/a", testrelay.Faults{ReadRate: 10_000})
	ws := dialUnheard(t, s, "/in/a")
	sub := s.Subscribe("a")
	began := time.Now()
	send(t, ws, websocket.BinaryMessage, strings.Repeat("x", 5_000))
	m, err := sub.Next(patient(t))
	if d := time.Since(began); err != nil || d < 400*time.Millisecond || d > 5*time.Second {
		t.Errorf("5,000 bytes at 10,000 a second took %v, %v", d, err)
	}
	if len(m.Data) != 5_000 {
		t.Errorf("%d bytes arrived", len(m.Data))
	}
	s.SetFaults("/in/a", testrelay.Faults{ReadRate: 1})
	send(t, ws, websocket.BinaryMessage, strings.Repeat("y", 5_000))
	s.SetFaults("/in/a", testrelay.Faults{}) // a change is felt at once
	if _, err := sub.Next(patient(t)); err != nil {
		t.Error(err)
	}
}

func TestSilenceAnswersNothingAndPassesNothingOn(t *testing.T) {
	s := listen(t, testrelay.Config{})
	sub := s.Subscribe("a")
	ws := dial(t, s, "/bi/a")
	s.SetFaults("/bi/a", testrelay.Faults{Silent: true})
	send(t, ws, websocket.TextMessage, "to nobody")
	send(t, dial(t, s, "/in/a"), websocket.TextMessage, "from elsewhere")
	if m, err := sub.Next(patient(t)); err != nil || string(m.Data) != "from elsewhere" {
		t.Errorf("%q, %v", m.Data, err)
	}
	wantVisit(t, s, "/bi/a", func(v testrelay.Visit) bool { return v.Messages == 1 })
	if err := ws.WriteMessage(websocket.PingMessage, nil); err != nil {
		t.Fatal(err)
	}
	ws.SetPongHandler(func(string) error { t.Error("a silent relay answers pings"); return nil })
	wantSilence(t, ws)
	// Not even a close frame is answered: the link just ends.
	ws2 := dial(t, s, "/bi/a")
	if err := ws2.WriteMessage(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseNormalClosure, "")); err != nil {
		t.Fatal(err)
	}
	if _, _, err := ws2.ReadMessage(); !websocket.IsCloseError(err, websocket.CloseAbnormalClosure) {
		t.Errorf("close frame answered by %v", err)
	}
}

func TestHalfOpenNeitherReadsNorWrites(t *testing.T) {
	s := listen(t, testrelay.Config{})
	s.SetFaults("/bi/a", testrelay.Faults{Stall: true, Silent: true})
	sub := s.Subscribe("a")
	ws := dial(t, s, "/bi/a")
	send(t, ws, websocket.TextMessage, "x")
	if err := ws.WriteMessage(websocket.PingMessage, nil); err != nil {
		t.Fatal(err)
	}
	ws.SetPongHandler(func(string) error { t.Error("pong"); return nil })
	s.Send("/bi/a", websocket.TextMessage, []byte("y"))
	wantSilence(t, ws)
	if v := s.Visits("/bi/a"); v[0].Messages != 0 || !v[0].Up || len(sub.Drain()) != 0 {
		t.Errorf("%+v", v)
	}
}

func TestExpireQuietensThePresentClientsForGood(t *testing.T) {
	s := listen(t, testrelay.Config{})
	sub := s.Subscribe("a")
	old := dial(t, s, "/bi/a")
	if n := s.Expire("/bi"); n != 1 {
		t.Errorf("%d expired", n)
	}
	send(t, old, websocket.TextMessage, "to nobody")
	wantVisit(t, s, "/bi/a", func(v testrelay.Visit) bool { return v.Messages == 1 })
	fresh := dial(t, s, "/bi/a")
	send(t, fresh, websocket.TextMessage, "heard")
	if m, err := sub.Next(patient(t)); err != nil || string(m.Data) != "heard" {
		t.Errorf("%q, %v", m.Data, err)
	}
	if err := old.WriteMessage(websocket.PingMessage, nil); err != nil {
		t.Fatal(err)
	}
	old.SetPongHandler(func(string) error { t.Error("pong"); return nil })
	wantSilence(t, old)
}

func TestGlueJoinsMessagesOfOneTypeThatWaitTogether(t *testing.T) {
	s := listen(t, testrelay.Config{})
	ws := dial(t, s, "/out/a")
	together := []byte("123")
	three := [][]byte{together[:1], together[1:2], together[2:]}
	s.Send("/out/a", websocket.TextMessage, three...)
	for _, want := range []string{"1", "2", "3"} {
		wantMessage(t, ws, websocket.TextMessage, want)
	}
	s.SetFaults("/out/a", testrelay.Faults{Glue: true})
	for range 2 { // and the messages themselves are not changed
		s.Send("/out/a", websocket.TextMessage, three...)
		wantMessage(t, ws, websocket.TextMessage, "1\n2\n3")
	}
}
