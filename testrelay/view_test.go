package testrelay_test

import (
	"context"
	"image"
	"image/jpeg"
	"io"
	"net"
	"net/http"
	"os/exec"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"

	"vw/testrelay"
)

// clip is a second of moving pictures, of 320x240, coded as the words of
// codec say.
func clip(t *testing.T, codec string) []byte {
	t.Helper()
	words := "-nostdin -v error -f lavfi -i testsrc2=size=320x240:rate=25 -t 1 " + codec + " -f mpegts pipe:1"
	b, err := exec.Command("ffmpeg", strings.Fields(words)...).Output()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

const asMPEG1 = "-c:v mpeg1video -b:v 800k -g 12 -bf 0"

// look asks once for what is at a path.
func look(t *testing.T, s *testrelay.Server, path string, header ...string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(patient(t), http.MethodGet, "http"+strings.TrimPrefix(s.URL(), "ws")+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	return answerTo(t, &client, req)
}

func answerTo(t *testing.T, client *http.Client, req *http.Request) (*http.Response, string) {
	t.Helper()
	resp, err := client.Do(req)
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

// await looks until the answer is no 503.
func await(t *testing.T, s *testrelay.Server, path string) (*http.Response, string) {
	t.Helper()
	ctx := patient(t)
	for {
		resp, body := look(t, s, path)
		if resp.StatusCode != http.StatusServiceUnavailable {
			return resp, body
		}
		select {
		case <-ctx.Done():
			t.Fatalf("%s: %s", path, body)
		case <-time.After(5 * time.Millisecond):
		}
	}
}

func decodeJPEG(t *testing.T, body string) *image.YCbCr {
	t.Helper()
	m, err := jpeg.Decode(strings.NewReader(body))
	if err != nil {
		t.Fatalf("no picture in %.100q: %v", body, err)
	}
	return m.(*image.YCbCr)
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

func TestViewShowsWhatComesInAndMoves(t *testing.T) {
	s := listen(t, testrelay.Config{})
	in, packets := dial(t, s, "/in/front/video0"), clip(t, asMPEG1)
	resp, body := look(t, s, "/view/front/video0.jpg")
	if resp.StatusCode != http.StatusServiceUnavailable || !strings.Contains(body, "nothing comes in") || resp.Header.Get("Retry-After") != "1" {
		t.Errorf("before anything has come in: %s %q", resp.Status, body)
	}
	give(t, in, packets[:len(packets)/2/188*188])
	resp, body = await(t, s, "/view/front/video0.jpg")
	if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != "image/jpeg" || resp.Header.Get("Cache-Control") != "no-store" {
		t.Fatalf("%s %v", resp.Status, resp.Header)
	}
	first, tag := decodeJPEG(t, body), resp.Header.Get("ETag")
	if first.Rect != image.Rect(0, 0, 320, 240) {
		t.Errorf("the picture is %v", first.Rect)
	}
	bitrate, _ := strconv.Atoi(resp.Header.Get("X-Bitrate"))
	age, err := strconv.Atoi(resp.Header.Get("X-Picture-Age"))
	if bitrate == 0 || bitrate > len(packets)*8 || err != nil || age > int(patience.Milliseconds()) {
		t.Errorf("%d bit/s, age %d ms (%v)", bitrate, age, err)
	}
	give(t, in, packets[len(packets)/2/188*188:])
	ctx := patient(t)
	for {
		resp, body = look(t, s, "/view/front/video0.jpg", "If-None-Match", tag)
		if resp.StatusCode == http.StatusOK {
			break
		}
		if resp.StatusCode != http.StatusNotModified || body != "" || ctx.Err() != nil {
			t.Fatalf("%s %q", resp.Status, body)
		}
	}
	next, differing := decodeJPEG(t, body), 0
	for i, y := range next.Y {
		if d := int(y) - int(first.Y[i]); d > 40 || d < -40 {
			differing++
		}
	}
	if differing < 100 {
		t.Errorf("the two pictures differ in %d pixels", differing)
	}
}

func TestViewSaysWhyThereIsNoPicture(t *testing.T) {
	s := listen(t, testrelay.Config{})
	in := dial(t, s, "/in/h264")
	look(t, s, "/view/h264.jpg")
	give(t, in, clip(t, "-c:v libx264 -preset ultrafast"))
	if resp, body := await(t, s, "/view/h264.jpg"); resp.StatusCode != http.StatusUnsupportedMediaType || !strings.Contains(body, "h264") {
		t.Errorf("h264: %s %q", resp.Status, body)
	}
	words := dial(t, s, "/in/words")
	look(t, s, "/view/words.jpg")
	send(t, words, websocket.TextMessage, `{"hello":"world"}`)
	ctx := patient(t)
	for body := ""; !strings.Contains(body, "something comes in, but no whole picture"); {
		if _, body = look(t, s, "/view/words.jpg"); ctx.Err() != nil {
			t.Fatal(body)
		}
	}
	for path, status := range map[string]int{"/view/": http.StatusNotFound, "/view/.jpg": http.StatusNotFound, "/view": http.StatusNotFound} {
		if resp, _ := look(t, s, path); resp.StatusCode != status {
			t.Errorf("%s: %s", path, resp.Status)
		}
	}
}

func TestViewPageFetchesNothingFromElsewhereAndIsNoHTMLOfStrangers(t *testing.T) {
	s := listen(t, testrelay.Config{})
	resp, page := look(t, s, `/view/a%22%3E%3Cscript%3Ealert(1)%3C/script%3E`)
	if resp.StatusCode != http.StatusOK || !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/html") {
		t.Fatalf("%s %v", resp.Status, resp.Header)
	}
	if strings.Contains(page, "<script>alert") || !strings.Contains(page, "&lt;script&gt;alert(1)") {
		t.Error("a topic is taken for HTML")
	}
	if elsewhere := regexp.MustCompile(`(?i)https?://|@import|: *url\(`).FindString(page); elsewhere != "" {
		t.Errorf("the page names %q", elsewhere)
	}
	policy := resp.Header.Get("Content-Security-Policy")
	for _, part := range []string{"default-src 'none'", "base-uri 'none'", "frame-ancestors 'none'", "form-action 'none'"} {
		if !strings.Contains(policy, part) {
			t.Errorf("%q is not in %q", part, policy)
		}
	}
	if strings.Contains(policy, "unsafe") {
		t.Errorf("the policy is %q", policy)
	}
	nonce := regexp.MustCompile(`script-src 'nonce-([^']+)'`).FindStringSubmatch(policy)
	if nonce == nil || strings.Count(page, `nonce="`+nonce[1]+`"`) != 2 {
		t.Errorf("script and style do not carry the nonce of %q", policy)
	}
	if _, other := look(t, s, "/view/a"); strings.Contains(other, nonce[1]) {
		t.Error("a nonce is used twice")
	}
}

func TestViewIsForThoseWhoMayRead(t *testing.T) {
	s := listen(t, testrelay.Config{Auth: testrelay.BearerAuth, Token: "secret"})
	for _, path := range []string{"/view/video0", "/view/video0.jpg"} {
		if resp, _ := look(t, s, path); resp.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s without token: %s", path, resp.Status)
		}
		if resp, _ := look(t, s, path, "Authorization", "Bearer secret"); resp.StatusCode == http.StatusUnauthorized {
			t.Errorf("%s with token: %s", path, resp.Status)
		}
	}
}

// pipes is a listener without network, whose connections stand still with the
// clock of a bubble.
type pipes struct {
	made   chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.made:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }

func (p *pipes) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	here, there := net.Pipe()
	select {
	case p.made <- there:
		return here, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// heap is what is in use, in bytes.
func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// inBubble serves a relay on pipes, and gives f what it takes to send to
// /in/video0 and to look at it.
func inBubble(t *testing.T, f func(t *testing.T, in *websocket.Conn, ask func(status int) string)) {
	synctest.Test(t, func(t *testing.T) {
		r, err := testrelay.New(testrelay.Config{})
		if err != nil {
			t.Fatal(err)
		}
		p := &pipes{made: make(chan net.Conn), closed: make(chan struct{})}
		ctx, cancel := context.WithCancel(t.Context())
		served := make(chan error)
		go func() { served <- r.Serve(ctx, p) }()
		dialer := websocket.Dialer{NetDialContext: p.dial}
		in, _, err := dialer.Dial("ws://relay/in/video0", nil)
		if err != nil {
			t.Fatal(err)
		}
		client := http.Client{Transport: &http.Transport{DialContext: p.dial, DisableKeepAlives: true}}
		f(t, in, func(status int) string {
			t.Helper()
			synctest.Wait() // what has been sent has come in
			req, _ := http.NewRequest(http.MethodGet, "http://relay/view/video0.jpg", nil)
			resp, body := answerTo(t, &client, req)
			if resp.StatusCode != status {
				t.Errorf("%s %.100q, want %d", resp.Status, body, status)
			}
			return body
		})
		in.Close()
		cancel()
		<-served
	})
}

func TestViewMakesTenPicturesASecondAtMost(t *testing.T) {
	packets := clip(t, asMPEG1)
	half := len(packets) / 2 / 188 * 188
	inBubble(t, func(t *testing.T, in *websocket.Conn, ask func(int) string) {
		ask(http.StatusServiceUnavailable)
		give(t, in, packets[:half])
		first := ask(http.StatusOK)
		give(t, in, packets[half:])
		if ask(http.StatusOK) != first {
			t.Error("two pictures were made within 100 ms")
		}
		time.Sleep(100 * time.Millisecond)
		if ask(http.StatusOK) == first {
			t.Error("no new picture is made after 100 ms")
		}
	})
}

func TestViewFollowsOnlyWhileSomebodyLooks(t *testing.T) {
	packets := clip(t, asMPEG1)
	inBubble(t, func(t *testing.T, in *websocket.Conn, ask func(int) string) {
		give(t, in, packets)
		ask(http.StatusServiceUnavailable) // nobody had looked
		give(t, in, packets)
		ask(http.StatusOK)
		time.Sleep(4 * time.Second)
		ask(http.StatusOK)
		time.Sleep(7 * time.Second)
		give(t, in, packets)
		ask(http.StatusServiceUnavailable)
		time.Sleep(7 * time.Second)
		before := heap()
		for range 16 {
			send(t, in, websocket.BinaryMessage, strings.Repeat("x", 4<<20))
		}
		synctest.Wait()
		if grown := heap() - before; grown > 32<<20 {
			t.Errorf("%d bytes that nobody looks at are kept", grown)
		}
	})
}
