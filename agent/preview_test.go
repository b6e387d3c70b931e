package agent_test

import (
	"bytes"
	"encoding/json"
	"image"
	"image/jpeg"
	"net/http"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"vw/agent"
)

// ffmpeg posts what it makes of the words of args to a feed, in real time, until the test ends.
func (r *running) ffmpeg(t testing.TB, feed, args string) {
	t.Helper()
	words := append([]string{"-nostdin", "-v", "error", "-re"}, strings.Fields(args)...)
	cmd := exec.Command("ffmpeg", append(words, "-f", "mpegts", r.URL()+"/ts/"+feed)...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	eventually(t, "ffmpeg feeds "+feed, func() bool { return r.feeds(t)[feed].Packets > 0 })
}

type feedState struct {
	Packets uint64
	Readers int
}

func (r *running) feeds(t testing.TB) (all map[string]feedState) {
	t.Helper()
	_, body := r.request(t, http.MethodGet, "/api/feeds/all", "")
	decode(t, body, &all)
	return all
}

const (
	testPicture = "-f lavfi -i testsrc2=size=320x240:rate=25 "
	asMPEG1     = "-c:v mpeg1video -b:v 800k -g 12 -bf 0"
)

// look asks until there is a picture.
func (r *running) look(t testing.TB, name string) (m image.Image, tag string) {
	t.Helper()
	eventually(t, "a picture of "+name, func() bool {
		resp, body := r.request(t, http.MethodGet, "/preview/"+name+".jpg", "")
		if resp.StatusCode == http.StatusServiceUnavailable || resp.StatusCode == http.StatusTooManyRequests {
			return false
		}
		tag = resp.Header.Get("ETag")
		m = wantPicture(t, resp, body)
		return true
	})
	return m, tag
}

func wantPicture(t testing.TB, resp *http.Response, body string) image.Image {
	t.Helper()
	if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != "image/jpeg" || resp.Header.Get("Cache-Control") != "no-store" {
		t.Fatalf("the answer is %s %v: %.200s", resp.Status, resp.Header, body)
	}
	m, err := jpeg.Decode(strings.NewReader(body))
	if err != nil {
		t.Fatalf("the picture: %v", err)
	}
	return m
}

// wantRefusal holds an error against what it has to say.
func wantRefusal(t testing.TB, resp *http.Response, body string, status int, words ...string) {
	t.Helper()
	var e struct{ Error string }
	if err := json.Unmarshal([]byte(body), &e); err != nil || resp.StatusCode != status {
		t.Fatalf("the answer is %s: %.200q; want %d", resp.Status, body, status)
	}
	for _, w := range words {
		if !strings.Contains(e.Error, w) {
			t.Errorf("%q is not said in %q", w, e.Error)
		}
	}
	if again := resp.Header.Get("Retry-After"); (again != "") != (status == http.StatusServiceUnavailable || status == http.StatusTooManyRequests) {
		t.Errorf("%d with Retry-After %q", status, again)
	}
}

func TestPreviewShowsFeedAndStream(t *testing.T) {
	r := start(t, nil, agent.Config{})
	r.ffmpeg(t, "front/cam", "-f lavfi -i color=orange:size=176x144:rate=25 "+asMPEG1)
	r.request(t, http.MethodPost, "/api/streams", `{"stream":"show","feeds":["front/cam"]}`)
	for _, name := range []string{"front/cam", "show"} {
		m, _ := r.look(t, name)
		if m.Bounds() != image.Rect(0, 0, 176, 144) {
			t.Errorf("%s: the picture is %v", name, m.Bounds())
		}
		red, green, blue, _ := m.At(88, 72).RGBA()
		if red>>8 < 248 || green>>8 < 158 || green>>8 > 172 || blue>>8 > 8 {
			t.Errorf("%s: orange (255, 165, 0) is shown as %d, %d, %d", name, red>>8, green>>8, blue>>8)
		}
	}
}

func TestPreviewMoves(t *testing.T) {
	r := start(t, nil, agent.Config{})
	r.ffmpeg(t, "video0", testPicture+asMPEG1)
	first, tag := r.look(t, "video0")
	seen := 0
	eventually(t, "five more pictures", func() bool {
		next, other := r.look(t, "video0")
		if other == tag {
			return false
		}
		if differing(first, next) < 100 {
			t.Fatalf("two pictures with different tags differ in %d pixels", differing(first, next))
		}
		first, tag = next, other
		seen++
		return seen == 5
	})
}

// differing counts the pixels that are clearly of another brightness.
func differing(a, b image.Image) (n int) {
	x, y := a.(*image.YCbCr), b.(*image.YCbCr)
	for i := range x.Y {
		if d := int(x.Y[i]) - int(y.Y[i]); d > 40 || d < -40 {
			n++
		}
	}
	return n
}

func TestPreviewOfOtherVideoSaysHowToSeeIt(t *testing.T) {
	r := start(t, nil, agent.Config{})
	r.ffmpeg(t, "cam", testPicture+"-c:v libx264 -preset ultrafast -g 25")
	r.ffmpeg(t, "mic", "-f lavfi -i sine -c:a mp2")
	r.ffmpeg(t, "large", "-f lavfi -i color=red:size=2560x1440:rate=5 -strict unofficial -r 25 -c:v mpeg1video -g 5")
	for name, words := range map[string][]string{"cam": {"h264"}, "mic": {"no video"}, "large": {"larger than 1920x1088"}} {
		eventually(t, "an answer on "+name, func() bool {
			resp, body := r.request(t, http.MethodGet, "/preview/"+name+".jpg", "")
			if resp.StatusCode == http.StatusServiceUnavailable {
				return false
			}
			wantRefusal(t, resp, body, http.StatusUnsupportedMediaType, append(words, "VLC", r.URL()+"/ts/"+name)...)
			return true
		})
	}
}

func TestPreviewOfNothing(t *testing.T) {
	r := start(t, nil, agent.Config{})
	r.request(t, http.MethodPost, "/api/streams", `{"stream":"empty","feeds":[]}`)
	get := func(path string) (*http.Response, string) {
		t.Helper()
		return r.request(t, http.MethodGet, path, "")
	}
	resp, body := get("/preview/nobody.jpg")
	wantRefusal(t, resp, body, http.StatusNotFound, "no such feed")
	resp, body = get("/preview/empty")
	wantRefusal(t, resp, body, http.StatusNotFound, ".jpg")
	resp, body = get("/preview/a//b.jpg")
	wantRefusal(t, resp, body, http.StatusBadRequest)
	resp, body = get("/preview/empty.jpg")
	wantRefusal(t, resp, body, http.StatusServiceUnavailable, "no whole picture", "2s")
	resp, body = r.request(t, http.MethodPost, "/preview/empty.jpg", "")
	wantRefusal(t, resp, body, http.StatusMethodNotAllowed)
	if all := r.feeds(t); len(all) != 0 {
		t.Errorf("to ask for previews has made feeds: %v", all)
	}
}

// clip is a second of video that ends in the middle of a picture.
func clip(t testing.TB) []byte {
	t.Helper()
	words := strings.Fields("-nostdin -v error " + testPicture + "-t 1 " + asMPEG1 + " -f mpegts pipe:1")
	b, err := exec.Command("ffmpeg", words...).Output()
	if err != nil {
		t.Fatal(err)
	}
	return b[:len(b)/2/packetSize*packetSize]
}

func TestPreviewThatHasNotChangedIsNotSentAgain(t *testing.T) {
	r := start(t, nil, agent.Config{})
	p, c := r.post(t, "video0"), clip(t)
	written := 0
	eventually(t, "the same picture asked for three times within the second that it is kept", func() bool {
		p.write(c)
		written += len(c) / packetSize
		r.awaitFeed(t, "video0", uint64(written))
		first, body := r.request(t, http.MethodGet, "/preview/video0.jpg", "")
		if first.StatusCode != http.StatusOK {
			return false
		}
		wantPicture(t, first, body)
		tag := first.Header.Get("ETag")
		head, none := r.request(t, http.MethodHead, "/preview/video0.jpg", "")
		again, nothing := r.request(t, http.MethodGet, "/preview/video0.jpg", "", "If-None-Match", tag)
		other, full := r.request(t, http.MethodGet, "/preview/video0.jpg", "", "If-None-Match", `"other"`)
		if other.StatusCode != http.StatusOK {
			return false
		}
		if again.StatusCode != http.StatusNotModified || again.Header.Get("ETag") != tag || nothing != "" {
			t.Errorf("the same picture is answered with %s, %d bytes", again.Status, len(nothing))
		}
		if head.StatusCode != http.StatusOK || head.Header.Get("ETag") != tag || none != "" || full != body {
			t.Errorf("HEAD: %s %v", head.Status, head.Header)
		}
		return true
	})
	p.end()
}

func TestPreviewsTakeTurnsAndLeaveNothing(t *testing.T) {
	r := start(t, nil, agent.Config{})
	r.ffmpeg(t, "video0", testPicture+asMPEG1)
	r.ffmpeg(t, "video1", testPicture+asMPEG1)
	r.look(t, "video0")
	var mu sync.Mutex
	var requests sync.WaitGroup
	made, refused := 0, 0
	begun := time.Now()
	for i := range 60 {
		requests.Go(func() {
			resp, body := r.request(t, http.MethodGet, "/preview/video"+string(rune('0'+i%2))+".jpg", "")
			mu.Lock()
			defer mu.Unlock()
			if resp.StatusCode == http.StatusOK {
				made++
				return
			}
			wantRefusal(t, resp, body, http.StatusTooManyRequests, "again")
			refused++
		})
	}
	ended := make(chan struct{})
	go func() { requests.Wait(); close(ended) }()
	for atOnce := 0; ; {
		select {
		case <-time.After(5 * time.Millisecond):
			if atOnce = max(atOnce, strings.Count(stacks(), "picture.(*Decoder).JPEG(")); atOnce > 2 {
				t.Fatalf("%d decoders at once", atOnce)
			}
			continue
		case <-ended:
		}
		break
	}
	took := time.Since(begun)
	t.Logf("%d pictures and %d refusals in %v", made, refused, took)
	if most := int(took/(100*time.Millisecond)) + 1; made > most || made == 0 || refused == 0 {
		t.Errorf("%d pictures in %v, and %d refusals; want %d pictures at most", made, took, refused, most)
	}
	eventually(t, "nobody reads the feeds", func() bool {
		all := r.feeds(t)
		return all["video0"].Readers == 0 && all["video1"].Readers == 0
	})
	eventually(t, "nothing of previews runs", func() bool { return !strings.Contains(stacks(), "agent.(*local).preview") })
}

func TestPreviewOfDamagedVideoEndsNothing(t *testing.T) {
	r := start(t, nil, agent.Config{})
	p, c := r.post(t, "video0"), clip(t)
	pictures := 0
	for i := range 60 {
		damaged := bytes.Clone(c)
		for at := (i + 3) * packetSize; at < len(damaged); at += (i + 1) * packetSize {
			damaged[at+40+i] ^= 0x55 // within a payload
		}
		p.write(damaged[:len(damaged)-i%7*packetSize])
		if i%4 != 0 {
			continue
		}
		if resp, body := r.request(t, http.MethodGet, "/preview/video0.jpg", ""); resp.StatusCode == http.StatusOK {
			wantPicture(t, resp, body)
			pictures++
		}
	}
	if pictures == 0 {
		t.Error("nothing was shown at all")
	}
	p.write(c)
	p.end()
}
