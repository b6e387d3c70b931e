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
		`7`, `{"s":"x"}`, `{"s":{"version":99}}`, `{"s":{"slots":[{"type":"x"}]}}`, `{"s":{"ahead":99999999999999}}`,
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
