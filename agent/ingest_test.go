package agent_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"vw/agent"
	"vw/media"
	"vw/testrelay"
)

func TestTheSecondPostToAFeedTakesItOverWithoutMixingPackets(t *testing.T) {
	t.Parallel()
	relay := listen(t, testrelay.Config{})
	a := start(t, relay, agent.Config{})
	channel := orchestrate(t, relay, "agent1")
	channel.route("0", "video0", relay.URL()+"/in/video0")
	viewer := view(t, relay, "video0")
	viewer.carries(a, "video0")

	first := a.flow(t, "video0", 1, 7, time.Millisecond)
	viewer.packet(1, 100)
	second := a.flow(t, "video0", 2, 7, time.Millisecond)
	viewer.packet(2, 200)
	a.log.await(t, "post ended", "taken")
	sent := second.stop()
	viewer.packet(2, sent-1)

	all := viewer.got
	old, young := numbers(t, 1, all), numbers(t, 2, all)
	consecutive(t, "the first post", old, 0, len(old))
	consecutive(t, "the second post", young, 0, sent)
	if !bytes.Equal(all[:len(old)*packetSize], numbered(1, 0, len(old))) {
		t.Error("packets of the two posts are mixed")
	}
	if len(old) < 100 || first.count() < len(old) {
		t.Errorf("%d packets of the first post arrived, %d were sent", len(old), first.count())
	}
}

func TestThePostThatIsTakenOverIsAnswered409(t *testing.T) {
	t.Parallel()
	a := start(t, nil, agent.Config{})
	first := a.post(t, "video0")
	first.write(numbered(1, 0, 10))
	a.awaitFeed(t, "video0", 9)
	second := a.post(t, "video0")
	second.write(numbered(2, 0, 10))
	got := first.answer()
	if got.status != http.StatusConflict || !strings.Contains(got.body, `"error"`) {
		t.Errorf("the first post is answered %d %s", got.status, got.body)
	}
	second.end()
}

// awaitFeed waits until so many packets have come in.
func (r *running) awaitFeed(t testing.TB, feed string, packets uint64) {
	t.Helper()
	eventually(t, "packets of a feed have come in", func() bool {
		var feeds map[string]struct{ Packets uint64 }
		_, text := r.request(t, "GET", "/api/feeds/all", "")
		decode(t, text, &feeds)
		return feeds[feed].Packets >= packets
	})
}

func TestAPostThatIsNoTransportStreamIsRefusedAndTheLogSaysWhatWasSeen(t *testing.T) {
	t.Parallel()
	a := start(t, nil, agent.Config{})
	for _, c := range []struct{ name, body, seen string }{
		{"a WebM film", "\x1aE\xdf\xa3" + strings.Repeat("matroska webm ", 1000), "WebM or Matroska"},
		{"a form", "name=value", "name=value"},
		{"more than a MiB of text", strings.Repeat("GIF89a and so on ", 62_000), "GIF89a and so on"},
	} {
		resp, text := a.request(t, "POST", "/ts/video0", c.body)
		if resp.StatusCode != http.StatusUnsupportedMediaType || !strings.Contains(text, "-f mpegts") {
			t.Errorf("%s is answered %d %s", c.name, resp.StatusCode, text)
		}
		a.log.await(t, "no MPEG transport stream", `"feed":"video0"`, c.seen)
	}
	// a feed that is fed stays with its post
	p := a.post(t, "video0")
	p.write(numbered(1, 0, 10))
	a.awaitFeed(t, "video0", 9)
	if resp, _ := a.request(t, "POST", "/ts/video0", "no transport stream"); resp.StatusCode != http.StatusUnsupportedMediaType {
		t.Errorf("beside a post: %d", resp.StatusCode)
	}
	p.write(numbered(1, 10, 10))
	p.end()
}

// A sender that dies in the middle leaves a line and whole packets.
func TestAPostThatBreaksOffIsLogged(t *testing.T) {
	t.Parallel()
	a := start(t, nil, agent.Config{})
	p := a.post(t, "video0")
	p.write(append(numbered(1, 0, 10), 0x47, 1, 2, 3))
	a.awaitFeed(t, "video0", 10)
	p.body.CloseWithError(http.ErrAbortHandler)
	a.log.await(t, "post ended: its sender has gone", `"feed":"video0"`)
}

func TestAThousandPostsThatComeAndGoLeaveNothing(t *testing.T) {
	relay := listen(t, testrelay.Config{})
	a := start(t, relay, agent.Config{})
	channel := orchestrate(t, relay, "agent1")
	channel.route("0", "video0", relay.URL()+"/in/video0")
	viewer := view(t, relay, "video0")
	viewer.carries(a, "video0")
	a.request(t, "GET", "/healthcheck", "")
	goroutines, files := settled(t), openFiles(t)
	for i := range 1000 {
		if i%4 == 0 { // breaks off
			p := a.post(t, "broken")
			p.write(append(numbered(1, 0, 3), 0x47, 0, 1))
			p.body.CloseWithError(http.ErrAbortHandler)
			p.answer()
			continue
		}
		p := a.post(t, "video0")
		p.write(numbered(1, i*3, 3))
		p.end()
	}
	eventually(t, "goroutines are back to where they were", func() bool { return goroutineCount() <= goroutines })
	eventually(t, "open files are back to where they were", func() bool { return openFiles(t) <= files })
	// those that ended well have arrived whole
	viewer.packet(1, 2999)
	got := map[int]bool{}
	for _, k := range numbers(t, 1, viewer.got) {
		got[k] = true
	}
	for i := range 1000 {
		if i%4 != 0 && !(got[i*3] && got[i*3+1] && got[i*3+2]) {
			t.Fatalf("post %d did not arrive", i)
		}
	}
}

// A post is read 64 KiB at a time, on a connection of its own each time.
func TestPostsThatComeAndGoShareTheirBuffers(t *testing.T) {
	a := start(t, nil, agent.Config{})
	packets := numbered(1, 0, 3)
	request := fmt.Sprintf("POST /ts/video0 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s", len(packets), packets)
	post := func() {
		c, err := net.Dial("tcp", strings.TrimPrefix(a.URL(), "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		_, _ = io.WriteString(c, request)
		if answer, _ := io.ReadAll(c); !strings.HasPrefix(string(answer), "HTTP/1.1 204") {
			t.Fatalf("%s", answer)
		}
	}
	post()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	const posts = 300
	for range posts {
		post()
	}
	runtime.ReadMemStats(&after)
	// with the race detector a pool forgets a quarter of what it is given
	if each := (after.TotalAlloc - before.TotalAlloc) / posts; each > 72<<10 {
		t.Errorf("%d bytes are allocated for a post", each)
	} else {
		t.Logf("%d bytes are allocated for a post", each)
	}
}

// settled is the number of goroutines once those of the past have ended.
func settled(t testing.TB) int {
	t.Helper()
	least, same := goroutineCount(), 0
	eventually(t, "the number of goroutines is steady", func() bool {
		if n := goroutineCount(); n != least {
			least, same = n, 0
		}
		same++
		return same > 20
	})
	return least
}

func openFiles(t testing.TB) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

// raw sends bytes on a connection of their own and returns the answer's status
// line, or what ended it. It leaves its side open.
func (r *running) raw(t testing.TB, request string) string {
	t.Helper()
	c, err := net.Dial("tcp", strings.TrimPrefix(r.URL(), "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(c, request); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(c).ReadString('\n')
	if err != nil {
		return err.Error()
	}
	return strings.TrimSpace(line)
}

// Whoever pauses is refused as soon as it is known that it has to be.
func TestAPostThatIsRefusedIsAnsweredWhileItsSenderPauses(t *testing.T) {
	t.Parallel()
	a := start(t, nil, agent.Config{})
	head := "POST /ts/a HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
	chunk := "10000\r\n" + strings.Repeat("x", 1<<16) + "\r\n"
	if got := a.raw(t, head+strings.Repeat(chunk, 17)); !strings.Contains(got, " 415 ") {
		t.Errorf("17 chunks of 64 KiB without MPEG-TS are answered %q", got)
	}
	var m2ts []byte
	for i := range 60 {
		m2ts = append(append(m2ts, 0, 0, 0, byte(i)), numbered(1, i, 1)...)
	}
	if got := a.raw(t, head+fmt.Sprintf("%x\r\n%s\r\n", len(m2ts), m2ts)); !strings.Contains(got, " 415 ") {
		t.Errorf("60 packets of 192 bytes are answered %q", got)
	}
	a.log.await(t, "packets of another size", `"size":192`)
}

func TestTheLogSaysWhyAPostHeldNothing(t *testing.T) {
	t.Parallel()
	a := start(t, nil, agent.Config{})
	ts := string(numbered(1, 0, 10))
	for _, c := range []struct{ name, head, status, logged string }{
		{"HTTP/1.0 without length", "POST /ts/a HTTP/1.0\r\nHost: localhost\r\n\r\n" + ts, " 411 ", "neither a length nor chunks"},
		{"ffmpeg -chunked_post 0", "POST /ts/b HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n\r\n" + ts, " 411 ", "neither a length nor chunks"},
		{"no bytes", "POST /ts/c HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n", " 204 ", "it held nothing"},
		{"no chunks", "POST /ts/d HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", " 204 ", "it held nothing"},
	} {
		if got := a.raw(t, c.head); !strings.Contains(got, c.status) {
			t.Errorf("%s is answered %q", c.name, got)
		}
		a.log.await(t, `"feed":"`+strings.Split(c.head, " ")[1][4:]+`"`, c.logged)
	}
}

// GStreamer's souphttpclientsink sends every buffer as a PUT of its own.
func TestPostsThatGoOnFromEachOtherAreOneSourceInTheLog(t *testing.T) {
	t.Parallel()
	a := start(t, nil, agent.Config{})
	for i := range 300 {
		if resp, text := a.request(t, "PUT", "/ts/video0", string(numbered(1, i*7, 7))); resp.StatusCode != http.StatusNoContent {
			t.Fatalf("PUT %d: HTTP %d %s", i, resp.StatusCode, text)
		}
		_, text := a.request(t, "GET", "/api/feeds/all", "")
		var feeds map[string]media.FeedInfo
		decode(t, text, &feeds)
		if f := feeds["video0"]; int(f.Packets) != (i+1)*7 || f.TakenOver+f.ContinuityErrors > 0 || i > 0 && !f.Source {
			t.Fatalf("after PUT %d: %+v", i, f)
		}
	}
	if lines := a.log.lines(`"level":"INFO"`, "post"); len(lines) > 5 {
		t.Errorf("%d lines: %q", len(lines), lines)
	}
	a.log.await(t, "posts go on from each other", `"posts":2`)
}

// ffmpeg shows no answer, so the log says what to write.
func TestPostsToAWrongAddressAreLoggedOnceAMinuteWithTheRightOne(t *testing.T) {
	t.Parallel()
	a := start(t, nil, agent.Config{})
	ts := string(numbered(1, 0, 1))
	for _, c := range []struct {
		path   string
		status int
		write  string
	}{
		{"/video0", http.StatusNotFound, "/ts/video0"},
		{"/ts", http.StatusNotFound, "/ts/video0"},
		{"/ts/", http.StatusBadRequest, "/ts/video0"},
		{"/ts/my%20cam", http.StatusBadRequest, "/ts/my_cam"},
		{"/ws/cam", http.StatusMethodNotAllowed, "/ts/cam"},
		{"/api/nothing", http.StatusNotFound, ""},
	} {
		for range 2 {
			if resp, text := a.request(t, "POST", c.path, ts); resp.StatusCode != c.status {
				t.Errorf("%s is answered %d %s", c.path, resp.StatusCode, text)
			}
		}
		if c.write != "" {
			a.log.await(t, "post to an address that takes none", a.URL()+c.write+`"`)
		}
	}
	if told := a.log.lines("post to an address that takes none"); len(told) != 5 {
		t.Errorf("it is logged %d times: %s", len(told), told)
	}
}
