package agent_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"vw/agent"
	"vw/media/mpegts"
	"vw/testrelay"
)

// onPID counts the packets of a PID that carry something.
func onPID(b []byte, pid uint16) (n int) {
	for p := range mpegts.Packets(b) {
		if p.PID() == pid && p.HasPayload() {
			n++
		}
	}
	return n
}

// TestAViewerWhoStaysSeesTheSameTracksAfterTheAgentWasKilled has the microphone come
// back alone: the picture's slot is black, and its own PID is what it was.
func TestAViewerWhoStaysSeesTheSameTracksAfterTheAgentWasKilled(t *testing.T) {
	t.Parallel()
	relay := listen(t, testrelay.Config{})
	state := filepath.Join(t.TempDir(), "state")
	v := view(t, relay, "room")
	p := launch(t, "VW_STATE="+state)
	for path, rule := range map[string]string{
		"/api/streams":      `{"stream":"room","feeds":["cam","mic"]}`,
		"/api/destinations": `{"id":"0","stream":"room","destination":"` + relay.URL() + `/in/room"}`,
	} {
		if _, err := p.call(patient(t), "POST", path, rule); err != nil {
			t.Fatal(err)
		}
	}
	const video, audio = 0x100, 0x101
	cam := shoot(t, p.url+"/ts/cam", small+" -c:v libx264 -preset ultrafast -bf 0 -g 25 -pix_fmt yuv420p")
	v.until("the picture", func() bool { return onPID(v.got, video) > 20 })
	shoot(t, p.url+"/ts/mic", tone+" -c:a aac")
	v.until("the sound", func() bool { return onPID(v.got, audio) > 20 })
	eventually(t, "both slots are saved", func() bool {
		text, err := os.ReadFile(state)
		return err == nil && strings.Count(string(text), `"headers"`) == 2
	})
	p.kill(t)
	_ = cam.Process.Kill()
	_ = cam.Wait()
	v.rest()
	before := len(v.got)
	p = launch(t, "VW_STATE="+state)
	shoot(t, p.url+"/ts/mic", tone+" -c:a aac")
	v.until("sound again", func() bool { return onPID(v.got[before:], audio) > 100 })
	if onPID(v.got[before:], video) == 0 {
		t.Error("the picture's slot is not filled")
	}
	r := sound(t, v.got)
	var found []string
	for _, x := range r.Programs[0].Tracks {
		found = append(found, x.Codec)
	}
	if !slices.Equal(found, []string{"h264", "aac"}) {
		t.Errorf("the viewer has seen the tracks %v", found)
	}
	if left := strings.Join(codecs(t, v.got), " "); left != "h264 aac" {
		t.Errorf("ffprobe finds %s", left)
	}
}

// What is wrong with the slots damages nothing else.
func TestSlotsThatMakeNoSenseAreDroppedAndSaidSo(t *testing.T) {
	relay := listen(t, testrelay.Config{})
	for _, slots := range []string{
		`7`, `{"s":"x"}`, `{"s":{"version":99}}`, `{"s":{"slots":[{"type":"x"}]}}`, `{"s":{"ahead":999999999999999}}`,
		`{"s":{"slots":[{"type":27,"descriptors":"BQk="}]}}`, `{"s":{"slots":[{"type":27,"registration":"long one"}]}}`,
		`{"s":{"slots":[` + strings.Repeat(`{"type":27},`, 32) + `{"type":27}]}}`,
	} {
		state := writeFile(t, "state", []byte(`{"version":1,"streams":{"s":["v"]},"slots":`+slots+`}`))
		a := start(t, relay, agent.Config{State: state})
		a.log.await(t, `"WARN"`, "slots in the state file are not taken")
		if s := a.status(t); s.Locked || len(s.Mutes) > 0 || len(s.Streams) != 1 {
			t.Errorf("with slots %s: %+v", slots, s)
		}
		if err := a.end(); err != nil {
			t.Fatal(err)
		}
	}
}

// stand waits until the channel is told of the slots as such a list.
func (r *room) stand(want string) {
	r.t.Helper()
	eventually(r.t, want, func() bool {
		var list []string
		for _, s := range r.channel.status().Streams["room"].Slots {
			list = append(list, strings.Join(strings.Fields(strings.Join([]string{s.Kind, s.Codec, s.Feed, s.Condition, s.Filled, s.NotFilled}, " ")), " "))
		}
		return strings.Join(list, "; ") == want
	})
}

func TestStatusTellsOfEverySlotWhatIsInIt(t *testing.T) {
	t.Parallel()
	r := newRoom(t, "av", "cam:video")
	stop := shoot(t, r.URL()+"/ts/av", small+" "+tone+" -c:v mpeg1video -bf 0 -c:a mp2")
	cam := shoot(t, r.URL()+"/ts/cam", small+" -c:v libx265 -preset ultrafast -x265-params log-level=none:keyint=25:bframes=0")
	r.stand("video mpeg2video av present; audio mp2 av present; video hevc cam present")
	r.request(t, "PUT", "/api/mutes/av:audio", "")
	r.stand("video mpeg2video av present; audio mp2 av muted silence; video hevc cam present")
	r.request(t, "PUT", "/api/mutes/av", "")
	muted := "video mpeg2video av muted black; audio mp2 av muted silence; "
	r.stand(muted + "video hevc cam present")
	_ = stop.Process.Kill()
	_ = cam.Process.Kill()
	r.stand(muted + "video hevc cam missing no black picture can be made for video of coding hevc")
	if got := r.status(t).Feeds["av"]; got.Source {
		t.Error("the source of av is there still")
	}
	r.request(t, "PUT", "/api/mutes/cam", "")
	r.stand(strings.TrimSuffix(muted, "; ")) // the last one is in no table
	r.request(t, "DELETE", "/api/mutes/av:audio", "")
	r.request(t, "DELETE", "/api/mutes/av", "")
	r.stand("video mpeg2video av missing black; audio mp2 av missing silence")
	r.channel.combine("room")
	r.stand("video mpeg2video left_out black; audio mp2 left_out silence; video hevc left_out no black picture can be made for video of coding hevc")
}

// One ffmpeg sends a picture, and sound that ends: the microphone's cable is out.
func TestSoundThatHasStoppedShowsInAllThatCarriesIt(t *testing.T) {
	t.Parallel()
	r := newRoom(t, "av")
	r.channel.route("1", "av", r.relay.URL()+"/in/av")
	shoot(t, r.URL()+"/ts/av", small+" "+tone+":duration=2 -c:v mpeg1video -bf 0 -c:a mp2 -max_interleave_delta 200000")
	conditions := func() string {
		s := r.channel.status()
		feed := "told"
		for _, w := range s.Problems {
			feed += " " + w.Of + " " + string(w.Code)
		}
		return strings.Join([]string{string(s.Destinations["0"].Condition), string(s.Destinations["1"].Condition), string(s.Streams["room"].Condition),
			string(s.Feeds["av"].Condition), feed}, ", ")
	}
	stand := func(want string) {
		t.Helper()
		eventually(t, want, func() bool { return conditions() == want })
	}
	stand("on_air, on_air, on_air, on_air, told")
	watch := dial(t, "ws"+strings.TrimPrefix(r.URL(), "http")+"/ws/api")
	watch.want(`{"verb":"add","what":"watch"}`, `{"watch":"1m0s"}`)
	stand("partial, partial, partial, partial, told destination part_missing destination part_missing feed track_silent")
	r.stand("video mpeg2video av present; audio mp2 av missing silence")
	for seen := ""; !strings.Contains(seen, `"destinations":{"0":"partial","1":"partial"},"feeds":{"av":"partial"}`); {
		_, seen = watch.next()
	}
	_, metrics := r.request(t, "GET", "/metrics", "")
	for _, line := range []string{`vw_destination_condition{condition="partial",id="0"} 1`, `vw_feed_condition{condition="partial",feed="av"} 1`, `vw_destination_on_air{id="0"} 1`} {
		if !strings.Contains(metrics, line) {
			t.Errorf("the metrics lack %s", line)
		}
	}
	r.request(t, "PUT", "/api/mutes/av:audio", "") // from then on nobody is told how the sound is
	stand("on_air, on_air, on_air, , told")
}
