package attack_test

import (
	"bytes"
	"fmt"
	"net/http"
	"testing"

	"github.com/gorilla/websocket"

	"vw/agent"
)

// A coding is how a track may name what it carries. Its kind is what the
// standard, or a registration, says of it; "" is what nobody can know.
type coding struct {
	name        string
	kind        string // video, audio, data or ""
	streamType  byte
	descriptors []byte
	streamID    byte
}

func registered(as string) []byte { return append([]byte{0x05, byte(len(as))}, as...) }

var codings = []coding{
	{"mpeg2video", "video", 0x02, nil, 0xe0},
	{"h264", "video", 0x1b, nil, 0xe0},
	{"hevc", "video", 0x24, nil, 0xe0},
	{"mp2", "audio", 0x03, nil, 0xc0},
	{"aac", "audio", 0x0f, nil, 0xc0},
	{"opus", "audio", 0x06, registered("Opus"), 0xbd},
	{"ac3", "audio", 0x81, registered("AC-3"), 0xbd},
	{"as ffmpeg writes flac, pcm, vorbis, alac, g722, mulaw, adpcm, speex, wavpack, mjpeg", "", 0x06, nil, 0xbd},
	{"private data in a sound's PES packets", "", 0x06, nil, 0xc0},
	{"private data in a picture's PES packets", "", 0x06, nil, 0xe0},
	{"bluray pcm", "", 0x80, registered("HDMV"), 0xbd},
	{"private sections", "", 0x05, nil, 0xbd},
	{"klv", "data", 0x06, registered("KLVA"), 0xfc},
	{"metadata", "data", 0x15, nil, 0xfc},
	{"a registration nobody knows", "", 0x06, registered("zzzz"), 0xbd},
	{"an empty registration", "", 0x06, []byte{0x05, 0}, 0xbd},
	{"a descriptor that is too long", "", 0x06, []byte{0x05, 0xff, 'O'}, 0xbd},
	{"a user's own type", "", 0xa0, nil, 0xbd},
	{"reserved", "", 0x00, nil, 0xc0},
	{"scte35", "data", 0x86, registered("CUEI"), 0xfc},
	{"extension stream", "", 0x06, nil, 0xfd},
}

// A part that the owner has muted does not leave, whatever its track says that
// it is, on whatever PID, over a destination of the feed or of a stream of it.
func TestMutedPartDoesNotLeaveWhateverItsTrackSays(t *testing.T) {
	const shown, fill = 0x200, 0xaa
	secret := bytes.Repeat([]byte{fill}, 100)
	pids := []uint16{0x10, 0x11, 0x1e, 0x1f, 0x20, 0x101, 0x1ffe}
	for part, other := range map[string]struct{ streamType, id byte }{"audio": {0x02, 0xe0}, "video": {0x03, 0xc0}} {
		v := start(t, agent.Config{})
		names := map[string]string{} // of codings, by topic
		for i, c := range codings {
			if c.kind != "" && c.kind != part {
				continue
			}
			feed, pid := fmt.Sprint("feed", i), pids[i%len(pids)]
			v.owner(http.MethodPut, "/api/mutes/"+feed+":"+part, "")
			v.combine("of-"+feed, feed)
			for _, topic := range []string{feed, "of-" + feed} {
				names[topic] = fmt.Sprintf("%s on PID %#x", c.name, pid)
				v.add(rule{ID: topic, Stream: topic, Destination: v.relay.URL() + "/in/" + topic})
				v.settled(topic)
			}
			body := v.post(feed)
			for n := range 60 {
				pts := uint64(90_000 + 3600*n)
				b := tables(n, track{shown, other.streamType, nil}, track{pid, c.streamType, c.descriptors})
				b = append(b, pes(shown, n, other.id, pts, true, 1)...)
				b = append(b, pes(pid, n, c.streamID, pts, false, fill)...)
				if _, err := body.Write(b); err != nil {
					t.Fatalf("%s: %v", c.name, err)
				}
			}
			sub := v.relay.Subscribe(feed)
			for left := 0; left < 60; {
				m, err := sub.Next(patient(t))
				if err != nil {
					t.Fatalf("%s: of the part that is not muted %d packets left", c.name, left)
				}
				left += countPID(m.Data, shown)
			}
		}
		v.end()
		for topic, name := range names {
			left := 0
			for _, m := range v.relay.Subscribe(topic).Drain() {
				left += bytes.Count(m.Data, secret)
			}
			if left > 0 {
				t.Errorf("with %s muted %s left on %s: %d times", part, name, topic, left)
			}
		}
	}
}

// A feed of messages has no parts that anybody could tell apart: a mute of one
// mutes it whole.
func TestMutedPartOfAFeedOfMessagesMutesItWhole(t *testing.T) {
	v := start(t, agent.Config{Muted: []string{"av:audio"}})
	v.combine("s", "av")
	v.add(rule{ID: "0", Stream: "av", Destination: v.relay.URL() + "/in/feed"})
	v.add(rule{ID: "1", Stream: "s", Destination: v.relay.URL() + "/in/stream"})
	v.add(rule{ID: "2", Stream: "after", Destination: v.relay.URL() + "/in/after"})
	for _, id := range []string{"0", "1", "2"} {
		v.settled(id)
	}
	source, after := v.local("/ws/av"), v.local("/ws/after")
	both := []track{{0x100, 0x02, nil}, {0x101, 0x03, nil}}
	for n := range 200 {
		b := tables(n, both...)
		b = append(b, pes(0x100, n, 0xe0, uint64(90_000+3600*n), true, 1)...)
		b = append(b, pes(0x101, n, 0xc0, uint64(90_000+3600*n), false, 1)...)
		if err := source.WriteMessage(websocket.BinaryMessage, b); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "all of it has come in", func() bool {
		var feeds map[string]struct{ Bytes uint64 }
		decode(t, v.owner(http.MethodGet, "/api/feeds/all", ""), &feeds)
		return feeds["av"].Bytes >= 200*4*packetSize
	})
	sub := v.relay.Subscribe("after")
	for range 50 {
		if err := after.WriteMessage(websocket.TextMessage, []byte("later")); err != nil {
			t.Fatal(err)
		}
		if _, err := sub.Next(patient(t)); err != nil {
			t.Fatal("what came later does not arrive")
		}
	}
	v.end()
	for _, topic := range []string{"feed", "stream"} {
		if left := v.relay.Subscribe(topic).Drain(); len(left) > 0 {
			t.Errorf("%d messages left by %s", len(left), topic)
		}
	}
}
