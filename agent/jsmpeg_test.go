package agent_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// jsmpeg demultiplexes with the real jsmpeg, which tells tracks apart by their
// stream_id alone. What comes after the start of the last frame it keeps.
func jsmpeg(t testing.TB, ts []byte) (video, audio []byte) {
	t.Helper()
	dir := t.TempDir()
	in, v, a := filepath.Join(dir, "in.ts"), filepath.Join(dir, "video"), filepath.Join(dir, "audio")
	if err := os.WriteFile(in, ts, 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("node", "testdata/browser/demux.mjs", in, v, a).CombinedOutput(); err != nil {
		t.Fatalf("jsmpeg (make test installs what it needs): %v: %s", err, out)
	}
	var err error
	if video, err = os.ReadFile(v); err == nil {
		audio, err = os.ReadFile(a)
	}
	if err != nil {
		t.Fatal(err)
	}
	return video, audio
}

func TestJsmpegFindsBothTracksIntact(t *testing.T) {
	t.Parallel()
	for tries := 1; ; tries++ {
		fault, pause := jsmpegFinds(t)
		switch {
		case fault == "":
			return
		case pause < 200*time.Millisecond || tries == 3:
			t.Fatal(fault)
		}
		t.Logf("once more, since ffmpeg sent nothing for %v, and what is missed is filled: %s", pause, fault)
	}
}

// jsmpegFinds tells what it does not find as it was sent, and for how long nothing was.
func jsmpegFinds(t *testing.T) (fault string, pause time.Duration) {
	room := newRoom(t, "video0", "audio0")
	pictures, sounds := newTap(t, room.URL()[len("http://"):]), newTap(t, room.URL()[len("http://"):])
	shoot(t, "http://"+pictures.address+"/ts/video0", picture+" -t 4 -c:v mpeg1video")
	shoot(t, "http://"+sounds.address+"/ts/audio0", tone+" -t 4 -c:a mp2")
	sentVideo, _ := pictures.body(t)
	sentAudio, _ := sounds.body(t)
	gotVideo, gotAudio := jsmpeg(t, room.all(t, room.channel))
	for _, c := range []struct {
		name      string
		got, want []byte
	}{{"video", gotVideo, elementary(t, sentVideo, "0:v:0")}, {"audio", gotAudio, elementary(t, sentAudio, "0:a:0")}} {
		n := min(len(c.got), len(c.want)) // jsmpeg may hold the last back, and the filler may follow it
		if n < len(c.want)*8/10 || !bytes.Equal(c.want[:n], c.got[:n]) {
			fault += fmt.Sprintf("%s: %d bytes were sent, jsmpeg finds %d, the first that differs is byte %d\n",
				c.name, len(c.want), len(c.got), differs(c.got, c.want))
		}
	}
	return fault, max(pictures.pause, sounds.pause)
}

// TestAnotherPictureInTheRuleIsDecodedOn swaps one camera for another in a
// stream rule, as a student does who selects a bitrate.
func TestAnotherPictureInTheRuleIsDecodedOn(t *testing.T) {
	t.Parallel()
	room := newRoom(t, "large", "audio0")
	shoot(t, room.URL()+"/ts/large", picture+" -t 60 -c:v mpeg1video -g 6")
	shoot(t, room.URL()+"/ts/small", small+" -t 60 -c:v mpeg1video -g 6")
	shoot(t, room.URL()+"/ts/audio0", tone+" -t 60 -c:a mp2")
	room.bytes(200_000)
	for i := range 10 {
		room.channel.combine("room", []string{"small", "large"}[i%2], "audio0")
		room.bytes(len(room.got) + 60_000)
	}
	r := sound(t, room.got)
	if n := r.Programs[0].PMTChanges; n > 1 { // of the first track alone, and of both
		t.Errorf("%d changes of the PMT in 10 swaps of like for like", n)
	}
	frames, isVideo := 0, map[uint16]bool{}
	for _, track := range r.Programs[0].Tracks {
		if track.Kind == "video" {
			isVideo[track.PID] = true
			frames += int(track.Frames)
		}
	}
	for _, version := range r.Programs[0].PMTVersions {
		if slices.ContainsFunc(version.TrackPIDs, func(pid uint16) bool { return isVideo[pid] }) &&
			len(version.TrackPIDs) > 2 {
			t.Errorf("version %d of the PMT names the tracks %v", version.Version, version.TrackPIDs)
		}
	}
	video, _ := jsmpeg(t, room.got)
	cmd := exec.Command("ffmpeg", "-v", "quiet", "-f", "mpegvideo", "-i", "-", "-f", "rawvideo", "-s", "16x16", "-pix_fmt", "gray", "-")
	cmd.Stdin = bytes.NewReader(video)
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	if decoded := len(out) / 256; decoded < frames*9/10 {
		t.Errorf("of %d frames %d decode from what jsmpeg finds", frames, decoded)
	}
}
