package agent_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"vw/agent"
	"vw/media/mpegts"
	"vw/media/tscheck"
	"vw/testrelay"
)

const (
	picture = "-f lavfi -i testsrc2=size=640x480:rate=25"
	small   = "-f lavfi -i testsrc2=size=320x240:rate=25"
	tone    = "-f lavfi -i sine=frequency=440:sample_rate=48000"
)

// A camera is one ffmpeg that posts to a feed, after others have for a while.
type camera struct {
	feed  string
	args  string
	after time.Duration
}

// TestFeedsBecomeOneProgram has real ffmpegs, which know nothing of each
// other, post to the feeds of one stream rule.
func TestFeedsBecomeOneProgram(t *testing.T) {
	for name, c := range map[string]struct {
		cameras []camera
		rule    []string
		tracks  []string // codec of each, as ffprobe calls it
		from    []string // feed and track that each is of
	}{
		"mpeg1video, and mp2 two seconds later": {
			[]camera{{"video0", picture + " -t 5 -c:v mpeg1video", 0}, {"audio0", tone + " -t 3 -c:a mp2", 2 * time.Second}},
			[]string{"video0", "audio0"}, []string{"mpeg1video", "mp2"}, []string{"video0 0:v", "audio0 0:a"},
		},
		"H.264 and AAC": {
			[]camera{{"video0", small + " -t 4 -c:v libx264 -preset ultrafast -g 25", 0}, {"audio0", tone + " -t 4 -c:a aac", 0}},
			[]string{"video0", "audio0"}, []string{"h264", "aac"}, []string{"video0 0:v", "audio0 0:a"},
		},
		"HEVC": {
			[]camera{{"video0", small + " -t 3 -c:v libx265 -preset ultrafast -x265-params log-level=none:keyint=25", 0}, {"audio0", tone + " -t 3 -c:a mp2", 0}},
			[]string{"audio0", "video0"}, []string{"hevc", "mp2"}, []string{"video0 0:v", "audio0 0:a"},
		},
		"two pictures": {
			[]camera{{"a", picture + " -t 4 -c:v mpeg1video", 0}, {"b", small + " -t 4 -c:v mpeg1video", time.Second}},
			[]string{"a", "b"}, []string{"mpeg1video", "mpeg1video"}, []string{"a 0:v", "b 0:v"},
		},
		"sound alone": {
			[]camera{{"audio0", tone + " -t 4 -c:a mp2", 0}}, []string{"audio0"}, []string{"mp2"}, []string{"audio0 0:a"},
		},
		"one ffmpeg with both": {
			[]camera{{"av", picture + " " + tone + " -t 4 -c:v mpeg1video -c:a mp2", 0}},
			[]string{"av"}, []string{"mpeg1video", "mp2"}, []string{"av 0:v", "av 0:a"},
		},
		"one ffmpeg with both, in parts": {
			[]camera{{"av", picture + " " + tone + " -t 4 -c:v mpeg1video -c:a mp2", 0}},
			[]string{"av:audio", "av:video"}, []string{"mpeg1video", "mp2"}, []string{"av 0:v", "av 0:a"},
		},
		"the sound of one with both": {
			[]camera{{"av", picture + " " + tone + " -t 4 -c:v mpeg1video -c:a mp2", 0}},
			[]string{"av:audio"}, []string{"mp2"}, []string{"av 0:a"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRoom(t, c.rule...)
			taps := map[string]*tap{}
			for _, camera := range c.cameras {
				if camera.after > 0 {
					begun := time.Now()
					r.until("the others go ahead", func() bool { return time.Since(begun) > camera.after })
				}
				p := newTap(t, strings.TrimPrefix(r.URL(), "http://"))
				taps[camera.feed] = p
				shoot(t, "http://"+p.address+"/ts/"+camera.feed, camera.args)
			}
			sent := map[string][]byte{}
			for feed, p := range taps {
				sent[feed], _ = p.body(t)
			}
			arrived := r.all(t, r.channel)
			sound(t, arrived)
			if got := codecs(t, arrived); !slices.Equal(got, c.tracks) {
				t.Errorf("ffprobe finds the tracks %q, want %q", got, c.tracks)
			}
			for _, from := range c.from {
				feed, track, _ := strings.Cut(from, " ")
				want := elementary(t, sent[feed], track+":0")
				if len(want) == 0 {
					t.Fatalf("%s: nothing was sent", from)
				}
				// which of two pictures ffmpeg counts first depends on which began first
				matched, seen := false, ""
				alike := 0
				for _, other := range c.from {
					if strings.HasSuffix(other, track) {
						alike++
					}
				}
				for i := range alike {
					got := elementary(t, arrived, fmt.Sprintf("%s:%d", track, i))
					matched = matched || bytes.HasPrefix(got, want) // then comes the filler
					seen += fmt.Sprintf(" %d bytes, the first that differs is byte %d;", len(got), differs(got, want))
				}
				if !matched {
					t.Errorf("%s: %d bytes were sent, but what arrived is%s", from, len(want), seen)
				}
			}
			// -enc_time_base -1: at ffmpeg's default, the frame rate, two frames
			// near the middle of a tick are rounded to the same one
			if complaints := ffmpeg(t, arrived, "-v", "warning", "-f", "mpegts", "-i", "-", "-map", "0", "-enc_time_base", "-1", "-f", "null", "-"); complaints != "" {
				t.Errorf("the decoder complains: %s", complaints)
			}
			wholePackets(t, r.viewer)
		})
	}
}

// A room is an agent that sends one stream to a relay, over a link that is up.
type room struct {
	*running
	relay   *testrelay.Server
	channel *peer
	*viewer
}

func newRoom(t testing.TB, feeds ...string) *room {
	t.Helper()
	relay := listen(t, testrelay.Config{})
	r := &room{start(t, relay, agent.Config{}), relay, orchestrate(t, relay, "agent1"), view(t, relay, "room")}
	r.channel.combine("room", feeds...)
	r.channel.route("0", "room", relay.URL()+"/in/room")
	if err := relay.AwaitClient(patient(t), "/in/room"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the link carries", func() bool { return r.channel.status().Destinations["0"].State == "up" })
	return r
}

// shoot starts an ffmpeg that posts to url in real time; the test awaits it.
func shoot(t testing.TB, url, args string) *exec.Cmd {
	t.Helper()
	words := []string{"-nostdin", "-v", "error"}
	for _, w := range strings.Fields(args) {
		if w == "-f" && words[len(words)-1] != "-re" {
			words = append(words, "-re")
		}
		words = append(words, w)
	}
	cmd := exec.Command("ffmpeg", append(words, "-f", "mpegts", url)...)
	said := &logbook{}
	cmd.Stderr = said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // where it has not ended
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("ffmpeg to %s said: %s", url, said)
		}
	})
	return cmd
}

// all takes in messages until the destination has written what it has.
func (v *viewer) all(t testing.TB, channel *peer) []byte {
	t.Helper()
	q := channel.status().Destinations["0"].Queue
	eventually(t, "the queue is empty", func() bool {
		q = channel.status().Destinations["0"].Queue
		return q.Bytes == 0
	})
	q = channel.status().Destinations["0"].Queue // what was being written has been counted since
	return v.bytes(int(q.SentBytes))
}

// sound fails the test unless tscheck finds no fault. A source that the machine holds up
// leaves a hole of a second, then it is filled.
func sound(t testing.TB, ts []byte) tscheck.Report {
	t.Helper()
	checker := tscheck.New(tscheck.Options{Interrupted: true})
	if _, err := checker.Write(ts); err != nil {
		t.Fatal(err)
	}
	r := checker.Report()
	if !r.Sound() {
		t.Errorf("the stream is unsound:\n%s", strings.Join(r.Faults(), "\n"))
	}
	for _, p := range r.Programs {
		if p.TrackMoves+p.TrackReturns > 0 {
			t.Errorf("tracks move, or leave and come back: %+v", p.Moves)
		}
		for _, track := range p.Tracks {
			if track.LongestHoleSeconds > 1.1 {
				t.Errorf("a hole of %.3f s in PID %#x after %.2f s", track.LongestHoleSeconds, track.PID, track.FirstHoleAtSeconds)
			}
		}
	}
	return r
}

// codecs are those of the tracks that ffprobe finds, video first.
func codecs(t testing.TB, ts []byte) (names []string) {
	t.Helper()
	cmd := exec.Command("ffprobe", "-v", "error", "-show_entries", "program=program_id:stream=codec_type,codec_name,index", "-of", "json", "-f", "mpegts", "-")
	cmd.Stdin = bytes.NewReader(ts)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("ffprobe: %v", err)
	}
	var found struct {
		Programs []struct{}
		Streams  []struct {
			Type string `json:"codec_type"`
			Name string `json:"codec_name"`
		}
	}
	if err := json.Unmarshal(out, &found); err != nil {
		t.Fatal(err)
	}
	if len(found.Programs) != 1 {
		t.Errorf("ffprobe finds %d programs", len(found.Programs))
	}
	for _, kind := range []string{"video", "audio", "data"} {
		for _, s := range found.Streams {
			if s.Type == kind {
				names = append(names, s.Name)
			}
		}
	}
	return names
}

// elementary is the payload of one track, demultiplexed by ffmpeg.
func elementary(t testing.TB, ts []byte, track string) []byte {
	t.Helper()
	cmd := exec.Command("ffmpeg", "-v", "error", "-f", "mpegts", "-i", "-", "-map", track, "-c", "copy", "-copyts", "-f", "data", "-")
	cmd.Stdin = bytes.NewReader(ts)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("demultiplex %s: %v", track, err)
	}
	return out
}

// TestLateViewerGetsPictureAndSoundTogether joins a running stream.
func TestLateViewerGetsPictureAndSoundTogether(t *testing.T) {
	t.Parallel()
	relay := listen(t, testrelay.Config{})
	a := start(t, relay, agent.Config{})
	channel := orchestrate(t, relay, "agent1")
	channel.combine("room", "video0", "audio0")
	channel.route("0", "room", relay.URL()+"/in/first")
	shoot(t, a.URL()+"/ts/video0", picture+" -t 30 -c:v mpeg1video")
	shoot(t, a.URL()+"/ts/audio0", tone+" -t 30 -c:a mp2")
	first := view(t, relay, "first")
	first.bytes(400_000)
	for i := range 5 {
		late := view(t, relay, fmt.Sprintf("late%d", i))
		relay.Drop("/in/late") // as a link that was lost and is back: it gets the fast start
		channel.route("late", "room", relay.URL()+fmt.Sprintf("/in/late%d", i))
		late.bytes(50_000)
		path := fmt.Sprintf("/in/late%d", i)
		relay.Drop(path)
		visits := awaitVisits(t, relay, path, func(v []testrelay.Visit) bool { return len(v) > 1 && v[len(v)-1].Up })
		late.from = visits[len(visits)-1].At // what the link before brought may still wait
		late.got, late.each = nil, nil
		late.bytes(150_000)
		r := sound(t, late.got)
		var pts []float64
		for _, track := range r.Programs[0].Tracks {
			pts = append(pts, track.FirstPTSSeconds)
		}
		if len(pts) != 2 || pts[0]-pts[1] > 0.1 || pts[1]-pts[0] > 0.1 {
			t.Errorf("picture and sound start at %v s", pts)
		}
	}
}

// TestTimeGoesOnWhenFfmpegIsKilledAndRestarted kills the picture's ffmpeg five
// times under a stream whose sound goes on.
func TestTimeGoesOnWhenFfmpegIsKilledAndRestarted(t *testing.T) {
	t.Parallel()
	room := newRoom(t, "video0", "audio0")
	shoot(t, room.URL()+"/ts/audio0", tone+" -t 60 -c:a mp2")
	for range 6 {
		cmd := shoot(t, room.URL()+"/ts/video0", picture+" -t 60 -c:v mpeg1video")
		seen := len(room.got)
		room.bytes(seen + 250_000)
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
	}
	r := sound(t, room.got)
	if len(r.Programs[0].Tracks) != 2 {
		t.Fatalf("tracks: %+v", r.Programs[0].Tracks)
	}
	video := r.Programs[0].Tracks[slices.IndexFunc(r.Programs[0].Tracks, func(t tscheck.TrackReport) bool { return t.Kind == "video" })]
	if video.RandomAccessPoints < 6 {
		t.Errorf("%d random access points for 6 starts", video.RandomAccessPoints)
	}
	decoded := frameCount(t, room.got)
	if decoded < int(video.Frames)-10 {
		t.Errorf("%d of %d frames decode", decoded, video.Frames)
	}
}

// frameCount is how many pictures ffmpeg decodes.
func frameCount(t testing.TB, ts []byte) (n int) {
	t.Helper()
	cmd := exec.Command("ffprobe", "-v", "quiet", "-count_frames", "-select_streams", "v:0", "-show_entries", "stream=nb_read_frames", "-of", "csv=p=0", "-f", "mpegts", "-")
	cmd.Stdin = bytes.NewReader(ts)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("ffprobe: %v", err)
	}
	line, _, _ := strings.Cut(string(out), "\n")
	if _, err := fmt.Sscan(strings.Trim(line, ","), &n); err != nil {
		t.Fatalf("ffprobe said %q", out)
	}
	return n
}

// TestNobodyIsHandedHalfAGroupOfPictures has groups of 2 s, and joins a feed and a
// stream of it in the middle of them: by new destinations and as a local reader.
func TestNobodyIsHandedHalfAGroupOfPictures(t *testing.T) {
	t.Parallel()
	r := newRoom(t, "video0")
	shoot(t, r.URL()+"/ts/video0", picture+" -t 30 -c:v mpeg1video -g 50 -sc_threshold 1000000000")
	r.awaitFeed(t, "video0", 200)
	for i := range 4 {
		for _, source := range []string{"video0", "room"} {
			id := fmt.Sprintf("%s-%d", source, i)
			late := view(t, r.relay, id)
			r.channel.route(id, source, r.relay.URL()+"/in/"+id)
			first := firstOfTrack(late.bytes(30_000))
			if first == nil || !first.RandomAccess() {
				t.Errorf("a destination of %s begins with %x", source, first)
			}
		}
		local := dial(t, strings.Replace(r.URL(), "http", "ws", 1)+"/ws/video0")
		var got []byte
		for len(got) < 30_000 {
			_, message := local.next()
			got = append(got, message...)
		}
		local.ws.Close()
		if first := firstOfTrack(got); first == nil || !first.RandomAccess() {
			t.Errorf("a local reader begins with %x", first)
		}
	}
}

// firstOfTrack is the first packet of ffmpeg's or of a stream's tracks.
func firstOfTrack(b []byte) mpegts.Packet {
	for p := range mpegts.Packets(b) {
		if pid := p.PID(); pid >= 0x100 && pid < 0x1000 {
			return p
		}
	}
	return nil
}
