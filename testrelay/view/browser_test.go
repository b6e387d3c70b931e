package view_test

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"vw/testrelay"
)

const browserTests = "../../agent/testdata/browser"

// codings are what sources send, by name.
var codings = map[string]string{
	"mpeg1":  "testsrc2=size=640x480:rate=25 -c:v mpeg1video -b:v 1M -g 25 -bf 0 -c:a mp2 -b:a 96k",
	"h264":   "testsrc2=size=480x360:rate=25 -c:v libx264 -preset ultrafast -tune zerolatency -bf 0 -g 25 -pix_fmt yuv420p -c:a aac -b:a 96k",
	"stereo": "mandelbrot=size=352x288:rate=25 -c:v mpeg1video -b:v 600k -g 12 -bf 2 -c:a mp2 -b:a 192k -ac 2",
	"mp3":    "testsrc2=size=320x240:rate=25 -c:v libx264 -preset ultrafast -bf 0 -g 25 -pix_fmt yuv420p -c:a libmp3lame -b:a 96k",
	"sound":  "testsrc2=size=16x16:rate=25 -vn -c:a mp2 -b:a 96k",
	"mpeg2":  "testsrc2=size=320x240:rate=25 -c:v mpeg2video -b:v 1M -g 25 -c:a mp2 -b:a 96k",
}

// revocable is a token that can be taken back.
type revocable struct{ token atomic.Pointer[string] }

func (r *revocable) Allows(token, way, topic string) bool {
	return token != "" && token == *r.token.Load() && (way == "in" || topic == "lab/front")
}

// A camera is ffmpeg, whose packets go to a relay as long as it is there.
type camera struct {
	t      *testing.T
	relay  *testrelay.Server
	token  string
	paused atomic.Bool
	stop   func()
}

// start ends what was sent before.
func (c *camera) start(name string) {
	if c.stop != nil {
		c.stop()
	}
	ctx, cancel := context.WithCancel(context.Background())
	args := strings.Fields("-nostdin -v error -re -f lavfi -i sine=frequency=440:sample_rate=48000 -re -f lavfi -i " + codings[name] +
		" -map 1:v? -map 0:a -muxpreload 0 -muxdelay 0.1 -pes_payload_size 0 -f mpegts pipe:1")
	cmd := exec.CommandContext(ctx, "ffmpeg", args...)
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		cancel()
		c.t.Error(err)
		return
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		c.send(ctx, out)
		_ = cmd.Wait()
	}()
	c.stop = func() { cancel(); <-ended }
}

func (c *camera) send(ctx context.Context, packets io.Reader) {
	var link *websocket.Conn
	buffer := make([]byte, 7*188)
	for {
		if _, err := io.ReadFull(packets, buffer); err != nil {
			break
		}
		if link == nil {
			link, _, _ = websocket.DefaultDialer.DialContext(ctx, c.relay.URL()+"/in/lab/front", map[string][]string{"Authorization": {"Bearer " + c.token}})
		}
		if link == nil || c.paused.Load() {
			continue
		}
		if link.WriteMessage(websocket.BinaryMessage, buffer) != nil {
			link = nil
		}
	}
	if link != nil {
		link.Close()
	}
}

// TestViewPlaysInARealBrowser runs agent/testdata/browser/view.mjs. With
// VIEW_SHOTS it leaves its screenshots there.
func TestViewPlaysInARealBrowser(t *testing.T) {
	chromium, err := exec.LookPath("chromium")
	if err == nil {
		_, err = os.Stat(browserTests + "/node_modules/playwright-core/package.json")
	}
	if err != nil {
		t.Fatal("this needs Chromium, node and the packages of agent/testdata/browser: make test installs them")
	}
	token := "0123456789abcdef"
	tokens := &revocable{}
	tokens.token.Store(&token)
	relay, err := testrelay.Listen(testrelay.Config{KeyFrames: true, Auth: testrelay.AnyAuth, Tokens: tokens})
	if err != nil {
		t.Fatal(err)
	}
	defer relay.Close()
	c := &camera{t: t, relay: relay, token: token}
	defer func() {
		if c.stop != nil {
			c.stop()
		}
	}()
	shots := os.Getenv("VIEW_SHOTS")
	if shots == "" {
		shots = t.TempDir()
	}
	browse(t, "view.mjs", map[string]any{
		"chromium": chromium, "relay": "http" + strings.TrimPrefix(relay.URL(), "ws"), "token": token, "shots": shots,
		"first": "mpeg1", "others": []string{"h264", "stereo", "mp3"},
		"sizes": map[string]string{"h264": "480 × 360", "stereo": "352 × 288", "mp3": "320 × 240"},
	}, map[string]func(string){
		"source": c.start,
		"pause":  func(string) { c.paused.Store(true) },
		"resume": func(string) { c.paused.Store(false) },
		"close":  func(string) { relay.Close() },
		"reopen": func(string) { relay.Reopen() },
		"token":  func(next string) { tokens.token.Store(&next) },
	})
}

// browse runs a script. It tells what it finds, and asks the test to do what
// does names.
func browse(t *testing.T, script string, setting map[string]any, does map[string]func(string)) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	words, err := json.Marshal(setting)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(ctx, "node", script)
	cmd.Dir = browserTests
	cmd.Env = append(os.Environ(), "BROWSER_TEST="+string(words))
	cmd.Stderr = os.Stderr
	stdin, _ := cmd.StdinPipe()
	stdout, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	done := false
	for lines := bufio.NewScanner(stdout); lines.Scan(); {
		var told struct {
			Held, Failed, Ask, Value string
			Found                    json.RawMessage
			Done                     bool
		}
		if err := json.Unmarshal(lines.Bytes(), &told); err != nil {
			t.Errorf("%s: %v", lines.Text(), err)
		}
		switch {
		case told.Failed != "":
			t.Errorf("this does not hold: %s; found %s", told.Failed, told.Found)
		case told.Ask != "":
			does[told.Ask](told.Value)
			io.WriteString(stdin, "null\n")
		case told.Held != "":
			t.Log(told.Held)
		}
		done = done || told.Done
	}
	if err := cmd.Wait(); !done {
		t.Errorf("%s did not come to its end: %v", script, err)
	}
}
