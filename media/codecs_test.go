package media_test

import (
	"bytes"
	"context"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"vw/media"
	"vw/media/mpegts"
)

// encoders lists ffmpeg's encoders of pictures and of sound.
func encoders(t *testing.T) (video, audio []string) {
	out, err := exec.Command("ffmpeg", "-hide_banner", "-encoders").Output()
	if err != nil {
		t.Fatal(err)
	}
	_, list, _ := strings.Cut(string(out), "------")
	for line := range strings.Lines(list) {
		switch f := strings.Fields(line); {
		case len(f) < 2:
		case f[0][0] == 'V':
			video = append(video, f[1])
		case f[0][0] == 'A':
			audio = append(audio, f[1])
		}
	}
	return video, audio
}

// encoded is a short clip with a picture on PID 0x100 and sound on 0x101; nil
// where ffmpeg cannot put these codings into a transport stream.
func encoded(ctx context.Context, video, audio string) []byte {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	ts, err := exec.CommandContext(ctx, "ffmpeg", "-nostdin", "-v", "quiet",
		"-f", "lavfi", "-i", "testsrc2=size=176x144:rate=25", "-f", "lavfi", "-i", "anoisesrc=sample_rate=48000",
		"-c:v", video, "-c:a", audio, "-ac", "2", "-strict", "-2", "-t", "0.3", "-f", "mpegts", "-").Output()
	if err != nil {
		return nil
	}
	return ts
}

// own is what of b is packets of a PID whose payload is in no packet of another, or of the filler.
func own(b []byte, pid uint16) []byte {
	others := map[string]bool{}
	for p := range mpegts.Packets(b) {
		if p.PID() != pid {
			others[string(p[100:])] = true
		}
	}
	var rest []byte
	for p := range mpegts.Packets(b) {
		if p.PID() == pid && !others[string(p[100:])] && !isFiller(p) {
			rest = append(rest, p...)
		}
	}
	return rest
}

// left is what leaves of a clip, by way: of the feed and of a stream, live and
// out of a backlog, and recorded.
func left(t *testing.T, ts []byte, mute string) map[string][]byte {
	r := media.NewRouter()
	r.SetStreams(map[string][]string{"s": {"av"}})
	names := []string{"av", "s"}
	queued, out := map[string]*media.Subscriber{}, map[string][]byte{}
	for _, name := range names {
		queued[name] = r.Subscribe(media.Subscription{Name: name})
		queued[name].Start()
	}
	if err := r.Post("av", nil).Copy(bytes.NewReader(ts)); err != nil {
		t.Error(err)
	}
	r.SetMutes([]string{mute}).Wait(t.Context())
	live, recorded := map[string]*media.Subscriber{}, map[string]*media.Subscriber{}
	for _, name := range names {
		out["backlog of "+name] = waiting(queued[name])
		queued[name].Close()
		live[name], recorded[name] = r.Subscribe(media.Subscription{Name: name}), r.Subscribe(media.Subscription{Name: name})
		live[name].Start()
		recorded[name].Start()
	}
	if err := r.Post("av", nil).Copy(bytes.NewReader(ts)); err != nil {
		t.Error(err)
	}
	folder := &media.Folder{Dir: t.TempDir()}
	for _, name := range names {
		out["live of "+name] = waiting(live[name])
		live[name].Close()
		rec, err := folder.Record(name + ".ts")
		if err != nil {
			t.Error(err)
			continue
		}
		if err := rec.Run(over(), recorded[name]); err != nil {
			t.Error(err)
		}
		recorded[name].Close()
		out["recorded of "+name] = readFile(t, filepath.Join(folder.Dir, name+".ts"))
	}
	return out
}

func TestOfNoCodingThatFFmpegKnowsDoesAMutedPartLeave(t *testing.T) {
	video, audio := encoders(t)
	type clip struct {
		codec, video, audio, mute string
		pid                       uint16
	}
	var clips []clip
	for _, v := range video {
		clips = append(clips, clip{v, v, "mp2", "av:video", 0x100})
	}
	for _, a := range audio {
		clips = append(clips, clip{a, "mpeg2video", a, "av:audio", 0x101})
	}
	var mu sync.Mutex
	var tried []string
	var wg sync.WaitGroup
	next := make(chan clip)
	for range 2 {
		wg.Go(func() {
			for c := range next {
				ts := encoded(t.Context(), c.video, c.audio)
				of := own(ts, c.pid)
				if len(of) == 0 {
					continue
				}
				mu.Lock()
				tried = append(tried, c.codec)
				mu.Unlock()
				for way, out := range left(t, ts, c.mute) {
					if n := leaked(out, of); n > 0 {
						t.Errorf("%s, %s: %d packets of %d", c.codec, way, n, len(of)/mpegts.PacketSize)
					}
				}
			}
		})
	}
	for _, c := range clips {
		next <- c
	}
	close(next)
	wg.Wait()
	t.Logf("%d codings: %s", len(tried), tried)
	for _, codec := range []string{"mjpeg", "mpeg1video", "mpeg2video", "mpeg4", "rawvideo", "png", "aac", "ac3", "mp2", "flac", "alac", "pcm_s16le", "pcm_alaw", "pcm_bluray", "wavpack"} {
		if !slices.Contains(tried, codec) {
			t.Errorf("%s was not tried", codec)
		}
	}
}
