package players_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// The pages.
const (
	mpegtsPage = `<!doctype html>
<video id="room" autoplay muted controls></video>
<script src="/mpegts.js/dist/mpegts.js"></script>
<script>
const player = mpegts.createPlayer({ type: "mpegts", isLive: true, url: "wss://relay.example/out/room" },
  { enableStashBuffer: false, liveBufferLatencyChasing: true });
player.attachMediaElement(document.getElementById("room"));
player.load();
</script>`
	jsmpegPage = `<!doctype html>
<canvas id="room"></canvas>
<script src="/@cycjimmy/jsmpeg-player/dist/jsmpeg-player.umd.min.js"></script>
<script>
const player = new JSMpeg.Player("wss://relay.example/out/room",
  { canvas: document.getElementById("room"), pauseWhenHidden: false });
</script>`
)

// A room is a pair of streams, in H.264 with AAC and in MPEG-1 with MP2, and who
// looks at them: a player of each kind, and libavformat at both.
type room struct {
	*stage
	t       testing.TB
	agent   *agent
	name    string
	players []*player
	readers []*reader
	closed  bool
}

// newRoom makes the streams of these feeds, and opens the players.
func (s *stage) newRoom(t testing.TB, a *agent, name string, feeds ...string) *room {
	t.Helper()
	r := &room{stage: s, t: t, agent: a, name: name}
	t.Cleanup(r.close)
	r.combine(feeds...)
	for _, codec := range []string{"h264", "mpeg1"} {
		topic := name + "." + codec
		a.route(topic, s.relay.URL()+"/in/"+topic)
		r.readers = append(r.readers, s.read(t, topic))
	}
	return r
}

// close closes the players, and takes the streams away.
func (r *room) close() {
	if r.closed {
		return
	}
	r.closed = true
	for _, p := range r.players {
		r.stage.close(p)
	}
	for _, codec := range []string{"h264", "mpeg1"} {
		r.agent.request(http.MethodDelete, "/api/destinations/"+r.name+"."+codec, nil)
		r.agent.request(http.MethodDelete, "/api/streams/"+r.name+"."+codec, nil)
	}
}

// combine puts these cameras and microphones into both streams: front.video and
// front.audio are front.h264 and front.aac in the one, and so on.
func (r *room) combine(feeds ...string) {
	r.t.Helper()
	var wait sync.WaitGroup
	for codec, as := range map[string]*strings.Replacer{
		"h264": strings.NewReplacer(".video", ".h264", ".audio", ".aac"), "mpeg1": strings.NewReplacer(".video", ".mpeg1", ".audio", ".mp2")} {
		var named []string
		for _, f := range feeds {
			named = append(named, as.Replace(f))
		}
		wait.Go(func() { r.agent.combine(r.name+"."+codec, named...) })
	}
	wait.Wait()
}

// mute and unmute are the owner's, of all codecs of a track.
func (r *room) mute(feeds ...string)   { r.t.Helper(); r.owner("PUT", feeds) }
func (r *room) unmute(feeds ...string) { r.t.Helper(); r.owner("DELETE", feeds) }

func (r *room) owner(method string, feeds []string) {
	r.t.Helper()
	for _, f := range feeds {
		for _, codec := range map[string][]string{"video": {"h264", "mpeg1"}, "audio": {"aac", "mp2"}}[f[strings.LastIndex(f, ".")+1:]] {
			r.agent.request(method, "/api/mutes/"+f[:strings.LastIndex(f, ".")]+"."+codec, struct{}{})
		}
	}
}

// open opens the players. It returns when all of them show the present, and
// are heard if there is sound.
func (r *room) open(sound bool) {
	r.t.Helper()
	r.openOnly(sound, "mpegts.js", "mpegts.js chasing", "jsmpeg")
}

func (r *room) openOnly(sound bool, names ...string) {
	r.t.Helper()
	begun := time.Now()
	chased := mpegtsPage
	unchased := strings.Replace(mpegtsPage, "liveBufferLatencyChasing: true", "liveBufferLatencyChasing: false", 1)
	for _, p := range []struct{ name, page, codec string }{
		{"mpegts.js", unchased, "h264"}, {"mpegts.js chasing", chased, "h264"}, {"jsmpeg", jsmpegPage, "mpeg1"}} {
		if !slices.Contains(names, p.name) {
			continue
		}
		page := strings.Replace(p.page, "wss://relay.example/out/room", r.relay.URL()+"/out/"+r.name+"."+p.codec, 1)
		r.players = append(r.players, r.play(r.name+" "+p.name, page))
	}
	for _, p := range r.players {
		told := ""
		if !p.await(begun, patience, func(events []event) bool {
			pictures, sounds := 0, 0
			for _, e := range events {
				if e.Kind == "picture" && live(e) {
					pictures++
				}
				if e.Kind == "sound" && loud(e) {
					sounds++
				}
			}
			told = fmt.Sprint(pictures, " pictures, ", sounds, " sounds of ", len(events))
			return pictures > 50 && (sounds > 10 || !sound)
		}) {
			r.t.Errorf("%s shows %s:\n%s", p.name, told, p.log(begun, time.Now()))
		}
	}
}

// A reader is libavformat at the relay, as ffmpeg's users have it: it decodes the
// first video and the first audio and is bound to their PIDs.
type reader struct {
	name string

	mu     sync.Mutex
	frames []time.Time // when ffmpeg told of another frame
	last   string
	said   bytes.Buffer
}

func (s *stage) read(t testing.TB, topic string) *reader {
	t.Helper()
	sub := s.relay.Subscribe(topic)
	r := &reader{name: topic + " libavformat"}
	cmd := exec.Command("ffmpeg", strings.Fields("-v info -nostats -stats_period 0.1 -progress pipe:1 -fflags nobuffer -probesize 200000 "+
		"-f mpegts -i pipe:0 -map 0:v:0 -map 0:a:0 -f null -")...)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = &r.said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var ended sync.WaitGroup
	ended.Go(func() {
		defer stdin.Close()
		for {
			m, err := sub.Next(ctx)
			if err != nil {
				return
			}
			if _, err := stdin.Write(m.Data); err != nil {
				return
			}
		}
	})
	ended.Go(func() { r.watch(stdout) })
	t.Cleanup(func() {
		cancel()
		sub.Close()
		ended.Wait()
		_ = cmd.Wait()
	})
	return r
}

func (r *reader) watch(stdout io.Reader) {
	for lines := bufio.NewScanner(stdout); lines.Scan(); {
		if frame, ok := strings.CutPrefix(lines.Text(), "frame="); ok {
			r.mu.Lock()
			if frame != r.last {
				r.frames = append(r.frames, time.Now())
			}
			r.last = frame
			r.mu.Unlock()
		}
	}
}

// still is the longest time without another frame.
func (r *reader) still(from, to time.Time) (longest time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	last := from
	for _, f := range append(r.frames, to) {
		if f.After(from) && !f.After(to) {
			longest = max(longest, f.Sub(last))
			last = f
		}
	}
	return longest
}

// complaints is what it said of the stream's time or its packets.
func (r *reader) complaints() (lines []string) {
	for line := range strings.Lines(r.said.String()) {
		low := strings.ToLower(line)
		for _, word := range []string{"non-monoton", "non monoton", "corrupt"} {
			if strings.Contains(low, word) {
				lines = append(lines, strings.TrimSpace(line))
				break
			}
		}
	}
	return lines
}

func (r *room) String() string { return fmt.Sprintf("room %s", r.name) }

func TestPagesAreThoseOfTheManual(t *testing.T) {
	manual, err := os.ReadFile("../../testrelay/README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range []string{mpegtsPage, jsmpegPage} {
		if !strings.Contains(string(manual), "```html\n"+strings.TrimSpace(page)+"\n```") {
			t.Errorf("testrelay/README.md does not show\n%s", page)
		}
	}
}
