package agent_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"vw/agent"
	"vw/agent/status"
	"vw/testrelay"
)

// The transcript of the loopback HTTP side. An empty reply is one of which only
// the status counts; "*" is any words.
func TestRESTFollowsItsTranscript(t *testing.T) {
	t.Parallel()
	relay := listen(t, testrelay.Config{})
	a := start(t, relay, agent.Config{})
	api := `"apiRule":{"id":"apiRule","stream":"api","destination":"` + relay.URL() + `/bi/agent1"}`
	to := func(id, stream, path string) string {
		return `{"id":"` + id + `","stream":"` + stream + `","destination":"` + relay.URL() + path + `"}`
	}
	const large = `{"stream":"stream/front/large","feeds":["video0","audio0"]}`
	for _, c := range []struct {
		method, path, body string
		status             int
		reply              string
	}{
		{"GET", "/healthcheck", "", 200, `"ok"`},
		{"GET", "/api/streams/all", "", 200, `{}`},
		{"POST", "/api/streams", large, 200, large},
		{"GET", "/api/streams/all", "", 200, `{"stream/front/large":["video0","audio0"]}`},
		{"GET", "/api/streams/stream/front/large", "", 200, `["video0","audio0"]`},
		{"GET", "/api/streams/stream/front", "", 404, `{"error":"*"}`},
		{"PUT", "/api/streams", `{"stream":"/video0","feeds":["/video0"]}`, 200, `{"stream":"video0","feeds":["video0"]}`},
		{"UPDATE", "/api/streams", `{"stream":"video0","feeds":[]}`, 200, `{"stream":"video0","feeds":[]}`},
		{"GET", "/api/streams/video0", "", 200, `[]`},
		{"GET", "/api/streams//video0", "", 200, `[]`},
		{"POST", "/api/streams", `{"stream":"x"}`, 400, `{"error":"*"}`},
		{"POST", "/api/streams", `{"stream":"api","feeds":[]}`, 400, `{"error":"*"}`},
		{"POST", "/api/streams", `{"stream":"all","feeds":[]}`, 400, `{"error":"*"}`},
		{"POST", "/api/streams", `{"stream":"x","feeds":["stream/x"]}`, 400, `{"error":"*"}`},
		{"POST", "/api/streams", `no JSON`, 400, `{"error":"*"}`},
		{"POST", "/api/streams", ``, 400, `{"error":"*"}`},
		{"POST", "/api/streams", `{"stream":"x","feeds":[]}` + strings.Repeat(" ", 1<<20), 413, `{"error":"*"}`},
		{"GET", "/api/streams", "", 405, `{"error":"*"}`},
		{"DELETE", "/api/streams", "", 405, `{"error":"*"}`},
		{"POST", "/api/streams/video0", large, 405, `{"error":"*"}`},
		{"DELETE", "/api/streams/video0", "", 200, `"video0"`},
		{"DELETE", "/api/streams/video0", "", 200, `"video0"`},
		{"DELETE", "/api/streams/stream/front/large", "", 200, `"stream/front/large"`},
		{"GET", "/api/streams/all", "", 200, `{}`},
		{"POST", "/api/streams", large, 200, large},
		{"DELETE", "/api/streams/all", "", 200, `"deleteAll"`},
		{"GET", "/api/streams/all", "", 200, `{}`},

		{"GET", "/api/destinations/all", "", 200, `{` + api + `}`},
		{"POST", "/api/destinations", to("0", "/stream/front/large", "/in/a"), 200, to("0", "stream/front/large", "/in/a")},
		{"PUT", "/api/destinations", to("0", "video0", "/in/b"), 200, to("0", "video0", "/in/b")},
		{"UPDATE", "/api/destinations", to("1", "video0", "/in/c"), 200, to("1", "video0", "/in/c")},
		{"GET", "/api/destinations/0", "", 200, to("0", "video0", "/in/b")},
		{"GET", "/api/destinations/all", "", 200, `{"0":` + to("0", "video0", "/in/b") + `,"1":` + to("1", "video0", "/in/c") + `,` + api + `}`},
		{"GET", "/api/destinations/2", "", 404, `{"error":"*"}`},
		{"POST", "/api/destinations", `{"id":"0","stream":"video0"}`, 400, `{"error":"*"}`},
		{"POST", "/api/destinations", to("0", "api", "/in/a"), 400, `{"error":"*"}`},
		{"POST", "/api/destinations", `{"id":"0","stream":"x","destination":"ws://relay.example/in/x"}`, 400, `{"error":"*"}`},
		{"POST", "/api/destinations", strings.Repeat(" ", 1<<20+1), 413, `{"error":"*"}`},
		{"PATCH", "/api/destinations", to("0", "video0", "/in/b"), 405, `{"error":"*"}`},
		{"PUT", "/api/destinations/0", to("0", "video0", "/in/b"), 405, `{"error":"*"}`},
		{"DELETE", "/api/destinations/0", "", 200, `"0"`},
		{"DELETE", "/api/destinations/all", "", 200, `"deleteAll"`},
		{"GET", "/api/destinations/all", "", 200, `{` + api + `}`},
		{"DELETE", "/api/destinations/apiRule", "", 200, `"apiRule"`},
		{"GET", "/api/destinations/apiRule", "", 404, `{"error":"*"}`},
		{"GET", "/api/destinations/all", "", 200, `{}`},

		{"GET", "/api/feeds/all", "", 200, ``},
		{"GET", "/api/stats", "", 200, ``},
		{"POST", "/api/feeds/all", "", 405, `{"error":"*"}`},
		{"DELETE", "/api/stats", "", 405, `{"error":"*"}`},
		{"POST", "/healthcheck", "", 405, `{"error":"*"}`},
		{"GET", "/api", "", 404, `{"error":"*"}`},
		{"GET", "/api/nothing", "", 404, `{"error":"*"}`},
		{"GET", "/debug/pprof/", "", 404, `{"error":"*"}`},
		{"DELETE", "/ts/video0", "", 405, `{"error":"*"}`},
		{"POST", "/ts/", "", 400, `{"error":"*"}`},
		{"POST", "/ts/api", "", 400, `{"error":"*"}`},
		{"POST", "/ts/stream/x", "", 400, `{"error":"*"}`},
		{"POST", "/ts/../x", "", 400, `{"error":"*"}`},
		{"GET", "/ws/video0", "", 400, `{"error":"*"}`},
		{"POST", "/ws/video0", "", 405, `{"error":"*"}`},
	} {
		resp, reply := a.request(t, c.method, c.path, c.body)
		what := c.method + " " + c.path
		if resp.StatusCode != c.status {
			t.Errorf("%s %.80s: HTTP %d %s, want %d", what, c.body, resp.StatusCode, reply, c.status)
			continue
		}
		if kind := resp.Header.Get("Content-Type"); kind != "application/json" {
			t.Errorf("%s: the reply is %s", what, kind)
		}
		var expected, got any
		decode(t, reply, &got)
		if c.reply != "" {
			if decode(t, c.reply, &expected); !matches(expected, got) {
				t.Errorf("%s %.80s: got %s, want %s", what, c.body, reply, c.reply)
			}
		}
		if c.status == http.StatusMethodNotAllowed && resp.Header.Get("Allow") == "" {
			t.Errorf("%s: it is not said what is allowed", what)
		}
	}
	awaitVisits(t, relay, "/bi/agent1", func(v []testrelay.Visit) bool { return v[0].CloseCode == 1000 })
}

func TestFeedsAndStatsTellWhatArrivesAndWhatIsUp(t *testing.T) {
	t.Parallel()
	relay := listen(t, testrelay.Config{})
	a := start(t, relay, agent.Config{Version: "1.2.3"})
	channel := orchestrate(t, relay, "agent1")
	channel.route("0", "video0", relay.URL()+"/in/video0?code=x")
	viewer := view(t, relay, "video0")
	viewer.carries(a, "video0")
	p := a.post(t, "video0")
	p.write(numbered(256, 0, 100))
	viewer.bytes(100 * packetSize)

	var text string
	eventually(t, "the feed is told as what it is", func() bool {
		p.write(numbered(256, 100, 1))
		_, text = a.request(t, "GET", "/api/feeds/all", "")
		var feeds map[string]struct {
			Bytes, Packets, Bitrate uint64
			AgeMs                   *int64
			Source                  bool
		}
		decode(t, text, &feeds)
		f := feeds["video0"]
		return f.Bytes > 100*packetSize && f.Packets > 100 && f.Bitrate > 0 && f.AgeMs != nil && f.Source
	})
	_, text = a.request(t, "GET", "/api/stats", "")
	var s status.Status
	decode(t, text, &s)
	if s.Name != "agent1" || s.Version != "1.2.3" || s.Instance == "" || s.Uptime <= 0 {
		t.Errorf("the agent is told as %s", text)
	}
	if s.Channel == nil || s.Channel.State != "up" || s.Channel.Destination != relay.URL()+"/bi/agent1" {
		t.Errorf("the command channel is told as %+v", s.Channel)
	}
	d := s.Destinations["0"]
	if d.State != "up" || d.Stream != "video0" || d.Dials != 1 || d.Since.IsZero() || d.Queue.Sent < 100 || d.Queue.Dropped != 0 {
		t.Errorf("the destination is told as %+v", d)
	}
	if other := channel.status(); other.Instance != s.Instance {
		t.Errorf("the channel tells of instance %s, REST of %s", other.Instance, s.Instance)
	}
	p.end()
}

func TestBodyThatDoesNotComeEndsTheRequest(t *testing.T) {
	t.Parallel()
	a := start(t, nil, agent.Config{})
	var all sync.WaitGroup
	for _, c := range []struct{ request, answered string }{
		{"POST /api/streams HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{", " 408 "},
		{"POST /api/destinations HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{", " 408 "},
		{"PUT /api/lock HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n", " 200 "},
	} {
		all.Go(func() {
			conn, err := net.Dial("tcp", strings.TrimPrefix(a.URL(), "http://"))
			if err != nil {
				t.Error(err)
				return
			}
			defer conn.Close()
			_ = conn.SetDeadline(time.Now().Add(patience))
			_, _ = io.WriteString(conn, c.request)
			got, err := io.ReadAll(conn) // until the agent closes it
			if err != nil || !strings.Contains(string(got), c.answered) {
				t.Errorf("%.30q: %v, %.200q", c.request, err, got)
			}
		})
	}
	all.Wait()
	// one that is slow, but not too slow, is taken, and the connection goes on
	read, write := io.Pipe()
	go func() {
		for _, b := range []string{`{"stream":"x"`, `,"feeds":`, `["a"]}`} {
			_, _ = io.WriteString(write, b)
		}
		write.Close()
	}()
	resp, err := http.Post(a.URL()+"/api/streams", "application/json", read)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Errorf("in three pieces: HTTP %d", resp.StatusCode)
	}
}

// Answers that nobody reads end too.
func TestAnswerThatIsNotReadEndsTheConnection(t *testing.T) {
	t.Parallel()
	a := start(t, nil, agent.Config{})
	feeds := make([]string, 256)
	for i := range feeds {
		feeds[i] = fmt.Sprint("a-feed-of-a-long-name-", strings.Repeat("x", 80), i)
	}
	for i := range 40 { // 1 MB of rules
		a.request(t, "POST", "/api/streams", jsonOf(map[string]any{"stream": fmt.Sprint("s", i), "feeds": feeds}))
	}
	c, err := net.Dial("tcp", strings.TrimPrefix(a.URL(), "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(2 * patience))
	if _, err := io.WriteString(c, strings.Repeat("GET /api/streams/all HTTP/1.1\r\nHost: localhost\r\n\r\n", 40)); err != nil {
		t.Fatal(err)
	}
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for { // a write fails once the agent has closed it
		<-tick.C
		if _, err := io.WriteString(c, "\r\n"); err != nil {
			if errors.Is(err, os.ErrDeadlineExceeded) {
				t.Error("the connection stays")
			}
			return
		}
	}
}

func TestARefusedRuleNamesTheFieldThatIsWrong(t *testing.T) {
	t.Parallel()
	a := start(t, nil, agent.Config{AllowDestinations: []string{"relay.example"}})
	const good = `"stream":"v","destination":"wss://relay.example/in/v"`
	for _, c := range []struct{ path, rule, field string }{
		{"streams", `{"stream":"a b","feeds":[]}`, "stream"},
		{"streams", `{"feeds":[]}`, "stream"},
		{"streams", `{"stream":"api","feeds":[]}`, "stream"},
		{"streams", `{"stream":"s","feeds":["a b"]}`, "feeds"},
		{"streams", `{"stream":"s","feeds":["stream/x"]}`, "feeds"},
		{"streams", `{"stream":"s","feeds":["a","a"]}`, "feeds"},
		{"destinations", `{"id":"all",` + good + `}`, "id"},
		{"destinations", `{"id":"apiRule",` + good + `}`, "id"},
		{"destinations", `{"id":"0","stream":"","destination":"wss://relay.example/"}`, "stream"},
		{"destinations", `{"id":"0","stream":"v","destination":"relay.example"}`, "destination"},
		{"destinations", `{"id":"0","stream":"v","destination":"wss://other.example/"}`, "destination"},
		{"destinations", `{"id":"0","stream":"v","destination":"https://relay.example/"}`, "token"},
		{"destinations", `{"id":"0","auth":"bearer",` + good + `}`, "token"},
		{"destinations", `{"id":"0","auth":"pigeon",` + good + `}`, "auth"},
		{"destinations", `{"id":"0","token":"a\nb",` + good + `}`, "token"},
		{"destinations", `{"id":"0","file":"../x",` + good + `}`, "file"},
		{"destinations", `{"id":"0","file":5,` + good + `}`, "file"},
		{"destinations", `{"id":"0","file":".vw-recordings",` + good + `}`, "file"},
		{"destinations", `{`, ""},
	} {
		resp, text := a.request(t, "POST", "/api/"+c.path, c.rule)
		if resp.StatusCode != http.StatusBadRequest || resp.Header.Get("Vw-Field") != c.field {
			t.Errorf("%s %s: HTTP %d %s, want field %q", c.path, c.rule, resp.StatusCode, text, c.field)
		}
	}
}
