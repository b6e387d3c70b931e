package players_test

import (
	"fmt"
	"net/http"
	"os"
	"strings"
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
  { enableStashBuffer: false, liveBufferLatencyChasing: true, liveBufferLatencyMaxLatency: 1 });
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

// A room is a stream of a camera and its microphone, once or twice: in H.264 with AAC, and
// in MPEG-1 with MP2. It has players, and libavformat reads it from the beginning on.
type room struct {
	*stage
	t       testing.TB
	agent   *agent
	front   *source
	name    string
	codecs  []string
	players []*player
	readers []*reader
}

// newRoom makes the streams, of the camera and the microphone that are called front.
func (s *stage) newRoom(t testing.TB, a *agent, name string, codecs ...string) *room {
	t.Helper()
	r := &room{stage: s, t: t, agent: a, name: name, codecs: codecs}
	r.combine(both...)
	for _, codec := range codecs {
		topic := name + "." + codec
		a.route(topic, s.relay.URL()+"/in/"+topic)
		r.readers = append(r.readers, s.read(t, topic))
	}
	return r
}

// closePlayers closes the players.
func (r *room) closePlayers() {
	for _, p := range r.players {
		r.stage.close(p)
	}
	r.players = nil
}

// feeds are what cameras and microphones are called in a codec's stream: front.video
// and front.audio are front.h264 and front.aac in the one.
func feeds(codec string, tracks []string) (names []string) {
	as := map[string]*strings.Replacer{
		"h264":  strings.NewReplacer(".video", ".h264", ".audio", ".aac"),
		"mpeg1": strings.NewReplacer(".video", ".mpeg1", ".audio", ".mp2"),
	}[codec]
	for _, t := range tracks {
		names = append(names, as.Replace(t))
	}
	return names
}

// combine puts these cameras and microphones into the streams, one after the other:
// no command waits for a camera that begins, those that come meanwhile end that wait.
func (r *room) combine(tracks ...string) {
	r.t.Helper()
	for _, codec := range r.codecs {
		r.agent.combine(r.name+"."+codec, feeds(codec, tracks)...)
	}
}

// mute and unmute are the owner's.
func (r *room) mute(tracks ...string)   { r.t.Helper(); r.owner(http.MethodPut, tracks) }
func (r *room) unmute(tracks ...string) { r.t.Helper(); r.owner(http.MethodDelete, tracks) }

func (r *room) owner(method string, tracks []string) {
	r.t.Helper()
	for _, codec := range r.codecs {
		for _, feed := range feeds(codec, tracks) {
			r.agent.request(method, "/api/mutes/"+feed, struct{}{})
		}
	}
}

// open opens players. It returns when all of them show the present, and are
// heard if there is sound.
func (r *room) open(sound bool, names ...string) {
	r.t.Helper()
	// A player takes a program for what it is when it comes.
	for i, codec := range r.codecs {
		r.agent.await(feeds(codec, both)...)
		r.readers[i].await(r.t)
	}
	begun := time.Now()
	for _, name := range names {
		page, codec := mpegtsPage, "h264"
		switch name {
		case "mpegts.js":
			page = strings.Replace(page, "liveBufferLatencyChasing: true", "liveBufferLatencyChasing: false", 1)
		case "jsmpeg":
			page, codec = jsmpegPage, "mpeg1"
		}
		r.opened++
		page = strings.Replace(page, "wss://relay.example/out/room", r.relay.URL()+"/out/"+r.name+"."+codec, 1)
		r.players = append(r.players, r.play(fmt.Sprintf("%s %d", r.name, r.opened), name, page))
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
