package testrelay_test

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"vw/media/mpegts"
	"vw/testrelay"
)

// allowed is what tokens may do: "token way topic".
type allowed struct {
	mu  sync.Mutex
	all map[string]bool
}

func allow(lines ...string) *allowed {
	a := &allowed{}
	a.set(lines...)
	return a
}

func (a *allowed) set(lines ...string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.all = map[string]bool{}
	for _, line := range lines {
		a.all[line] = true
	}
}

func (a *allowed) Allows(token, way, topic string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.all[token+" "+way+" "+topic]
}

// logged is a log that can be read while it is written.
type logged struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func TestTokenIsTakenInEveryWayAndOnlyForWhatItMay(t *testing.T) {
	log := &logged{}
	s := listen(t, testrelay.Config{Auth: testrelay.AnyAuth, Log: slog.New(slog.NewJSONHandler(log, nil)),
		Tokens: allow("camera in lab", "student out lab", "student out metrics", "agent bi lab", "agent in lab", "agent out lab")})
	header := func(token string) http.Header { return http.Header{"Authorization": {"Bearer " + token}} }
	for _, c := range []struct {
		path   string
		header http.Header
		status int
	}{
		{"/in/lab", header("camera"), 101},
		{"/out/lab", header("camera"), 401},
		{"/bi/lab", header("camera"), 401},
		{"/in/other", header("camera"), 401},
		{"/out/lab", header("student"), 101},
		{"/bi/lab", header("agent"), 101},
		{"/out/lab?token=student", nil, 101},
		{"/out/lab?token=camera", nil, 401},
		{"/in/lab?token=camera", nil, 101}, // and then it is asked for a message
		{"/bi/lab?code=wrong", nil, 401},
		{"/in/lab", http.Header{"Authorization": {"Basic xyz"}}, 401},
	} {
		ws, resp, err := websocket.DefaultDialer.Dial(s.URL()+c.path, c.header)
		if err == nil {
			ws.Close()
		}
		if resp == nil || resp.StatusCode != c.status {
			t.Errorf("%s %v: %v, want %d", c.path, c.header, resp, c.status)
		}
	}
	ws := dialUnheard(t, s, "/in/lab?token=camera")
	send(t, ws, websocket.TextMessage, "student")
	if _, data, _ := ws.ReadMessage(); !strings.Contains(string(data), `"authorised":false`) {
		t.Errorf("a student's token on /in: %s", data)
	}
	ws = dialUnheard(t, s, "/out/lab")
	send(t, ws, websocket.TextMessage, "student")
	if _, data, _ := ws.ReadMessage(); !strings.Contains(string(data), `"authorised":true`) {
		t.Errorf("a student's token as a message on /out: %s", data)
	}
	status, uri := access(t, http.DefaultClient, httpURL(s)+"/bi/lab", "agent")
	if status != http.StatusOK {
		t.Fatalf("access: %d", status)
	}
	if ws := dialUnheard(t, s, strings.TrimPrefix(uri, s.URL())); ping(t, ws, patience) == "" {
		t.Error("a code does not let in")
	}
	for path, status := range map[string]int{"/metrics": 401, "/metrics?token=camera": 401, "/metrics?token=student": 200, "/healthz": 200} {
		if resp, body := get(t, s, path); resp.StatusCode != status || status == 200 && body == "" {
			t.Errorf("%s: %s", path, resp.Status)
		}
	}
	for _, token := range []string{"camera", "student", "agent"} {
		if strings.Contains(log.String(), token) {
			t.Errorf("%s is logged: %s", token, log)
		}
	}
}

func TestClientsLeaveWithTheirToken(t *testing.T) {
	tokens := allow("one out lab", "two out lab")
	s := listen(t, testrelay.Config{Auth: testrelay.AnyAuth, Tokens: tokens})
	one, two := dialUnheard(t, s, "/out/lab?token=one"), dialUnheard(t, s, "/out/lab?token=two")
	tokens.set("two out lab")
	if _, _, err := one.ReadMessage(); !websocket.IsCloseError(err, websocket.ClosePolicyViolation) {
		t.Errorf("whose token was taken back: %v", err)
	}
	if ping(t, two, patience) == "" {
		t.Error("the other has gone too")
	}
}

func TestFullRelaySaysSo(t *testing.T) {
	log := &logged{}
	s := listen(t, testrelay.Config{MaxClients: 3, MaxTopics: 2, Log: slog.New(slog.NewTextHandler(log, nil))})
	dial(t, s, "/in/a")
	second := dial(t, s, "/out/b")
	refused := func(path, words string) {
		t.Helper()
		_, resp, err := websocket.DefaultDialer.Dial(s.URL()+path, nil)
		if err == nil || resp == nil || resp.StatusCode != http.StatusServiceUnavailable || resp.Header.Get("Retry-After") == "" {
			t.Fatalf("%s: %v, %v", path, resp, err)
		}
		body, _ := io.ReadAll(resp.Body)
		if !strings.Contains(string(body), words) || !strings.Contains(log.String(), words) {
			t.Errorf("%s: %q, logged %s", path, body, log)
		}
	}
	refused("/out/c", "topics")
	dial(t, s, "/out/a")
	refused("/out/b", "clients")
	second.Close()
	if _, err := s.Await(patient(t), "/out/b", func(v []testrelay.Visit) bool { return v[0].Gone }); err != nil {
		t.Fatal(err)
	}
	dial(t, s, "/out/c") // the topic b has gone with its last client
	if _, metrics := get(t, s, "/metrics"); !strings.Contains(metrics, `vw_relay_refused_total{reason="full"} 2`) || !strings.Contains(metrics, "vw_relay_clients 3") {
		t.Errorf("metrics: %s", metrics)
	}
}

// clip is a transport stream with a key frame every 12 pictures.
func clip(t *testing.T) []byte {
	t.Helper()
	words := "-nostdin -v error -f lavfi -i testsrc2=size=320x240:rate=25 -f lavfi -i sine=sample_rate=48000 -t 4 " +
		"-c:v mpeg1video -b:v 800k -g 12 -bf 0 -c:a mp2 -b:a 96k -f mpegts pipe:1"
	b, err := exec.Command("ffmpeg", strings.Fields(words)...).Output()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// probe says how ffprobe finds a transport stream: the kinds of its packets of
// video in order, K for key frames, and whether a decoder complains.
func probe(t *testing.T, ts []byte) (frames string, complaints string) {
	t.Helper()
	var out, errs bytes.Buffer
	cmd := exec.Command("ffprobe", "-v", "error", "-f", "mpegts", "-select_streams", "v", "-show_frames", "-show_entries", "frame=key_frame", "-of", "json", "pipe:0")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(ts), &out, &errs
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v: %s", err, errs.String())
	}
	var found struct {
		Frames []struct {
			KeyFrame int `json:"key_frame"`
		}
	}
	if err := json.Unmarshal(out.Bytes(), &found); err != nil {
		t.Fatal(err)
	}
	for _, f := range found.Frames {
		frames += string("-K"[f.KeyFrame])
	}
	return frames, errs.String()
}

// all reads what a viewer gets until the text "end".
func all(t *testing.T, ws *websocket.Conn) (got []byte) {
	t.Helper()
	for {
		kind, data, err := ws.ReadMessage()
		if err != nil {
			t.Fatal(err)
		}
		if kind == websocket.TextMessage {
			return got
		}
		got = append(got, data...)
	}
}

func TestWhoJoinsBeginsWithTablesAndAKeyFrame(t *testing.T) {
	packets := clip(t)
	s := listen(t, testrelay.Config{KeyFrames: true})
	in, first := dial(t, s, "/in/a"), dial(t, s, "/out/a")
	at := len(packets) / 3 / 188 * 188
	give(t, in, packets[:at])
	wantVisit(t, s, "/in/a", func(v testrelay.Visit) bool { return int(v.Bytes) == at })
	late := dial(t, s, "/out/a")
	give(t, in, packets[at:])
	send(t, in, websocket.TextMessage, "end")
	for name, ws := range map[string]*websocket.Conn{"the first": first, "who came late": late} {
		got := all(t, ws)
		if pid := int(got[1]&0x1f)<<8 | int(got[2]); got[0] != 0x47 || pid != 0 {
			t.Errorf("%s begins with PID %d", name, pid)
		}
		frames, complaints := probe(t, got)
		if !strings.HasPrefix(frames, "K") || complaints != "" {
			t.Errorf("%s: frames %s, %s", name, frames, complaints)
		}
		if name == "the first" != (len(frames) > 95) || len(frames) < 50 {
			t.Errorf("%s has %d frames", name, len(frames))
		}
	}
}

func TestWhatIsNoTransportStreamIsNotHeldBack(t *testing.T) {
	s := listen(t, testrelay.Config{KeyFrames: true})
	in, out := dial(t, s, "/in/a"), dial(t, s, "/out/a")
	send(t, in, websocket.TextMessage, `{"temperature":20}`)
	send(t, in, websocket.BinaryMessage, strings.Repeat("x", 188))
	wantMessage(t, out, websocket.TextMessage, `{"temperature":20}`)
	wantMessage(t, out, websocket.BinaryMessage, strings.Repeat("x", 188))
}

func TestSlowViewerGoesOnAtAKeyFrameAndIsToldOf(t *testing.T) {
	packets, log := clip(t), &logged{}
	s := listen(t, testrelay.Config{KeyFrames: true, QueueBytes: 64 << 10, Log: slog.New(slog.NewTextHandler(log, nil))})
	in, fast, slow := dial(t, s, "/in/a"), dial(t, s, "/out/a"), dialUnheard(t, s, "/out/a")
	read := make(chan []byte, 1)
	go func() { read <- all(t, fast) }()
	sent := 0
	for range 60 { // far more than the kernel takes
		give(t, in, packets)
		sent += len(packets)
	}
	wantVisit(t, s, "/in/a", func(v testrelay.Visit) bool { return int(v.Bytes) == sent })
	send(t, in, websocket.TextMessage, "end")
	if got := <-read; len(got) < len(packets) {
		t.Errorf("the fast one got %d bytes", len(got))
	}
	got := all(t, slow)
	if len(got) >= sent || len(got)%188 != 0 {
		t.Errorf("the slow one got %d of %d bytes", len(got), sent)
	}
	counters, pids := map[uint16]byte{}, []uint16{}
	for p := range mpegts.Packets(got) {
		before, known := counters[p.PID()]
		gap := !known || p.HasPayload() && p.Continuity() != (before+1)&15
		if counters[p.PID()] = p.Continuity(); gap && p.PID() == 256 && (!p.RandomAccessPoint("mpeg2video") || !slices.Contains(pids, 0)) {
			t.Error("after a gap comes no PAT and key frame")
		}
		pids = append(pids[max(0, len(pids)-4):], p.PID())
	}
	if !strings.Contains(log.String(), "too slow") {
		t.Errorf("logged: %s", log)
	}
	if _, metrics := get(t, s, "/metrics"); strings.Contains(metrics, "vw_relay_dropped_messages_total 0") {
		t.Error("nothing is counted as dropped")
	}
}

// give sends packets in messages of seven, as an agent may.
func give(t *testing.T, ws *websocket.Conn, packets []byte) {
	t.Helper()
	for len(packets) > 0 {
		n := min(7*188, len(packets))
		send(t, ws, websocket.BinaryMessage, string(packets[:n]))
		packets = packets[n:]
	}
}

func TestClientThatAnswersNoPingIsCutOff(t *testing.T) {
	s := listen(t, testrelay.Config{PingInterval: 100 * time.Millisecond})
	answers, dead := dial(t, s, "/out/a"), dialUnheard(t, s, "/out/b")
	pinged := make(chan struct{}, 100)
	answers.SetReadDeadline(time.Time{})
	answers.SetPingHandler(func(data string) error {
		pinged <- struct{}{}
		return answers.WriteControl(websocket.PongMessage, []byte(data), time.Now().Add(patience))
	})
	go answers.ReadMessage()
	dead.SetPingHandler(func(string) error { return nil })
	go dead.ReadMessage()
	wantVisit(t, s, "/out/b", func(v testrelay.Visit) bool { return v.Gone })
	for range 5 {
		<-pinged
	}
	if v := s.Visits("/out/a"); v[0].Gone {
		t.Error("who answers is cut off")
	}
}
