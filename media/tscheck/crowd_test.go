package tscheck_test

import (
	"bytes"
	"math"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// TestPicturesThatCrowdAreFound brings a picture in the middle nearer to the one before. A
// track of 125 pictures a second may have them nearer than others, by a quarter of 8 ms.
func TestPicturesThatCrowdAreFound(t *testing.T) {
	for _, c := range []struct {
		usual int64 // ms
		apart int64 // ms
		want  int64
	}{{40, 1, 1}, {40, 5, 1}, {40, 7, 0}, {40, 20, 0}, {8, 1, 1}, {8, 3, 0}, {8, 5, 0}} {
		names := []string{"mpeg1video and mp2", "h264 and aac", "hevc"}
		if c.usual == 8 {
			names = []string{"125 a second"}
		}
		for _, name := range names {
			ps := packets(t, name)
			i := middle(t, ps, startOf(videoPID))
			shift(ps[i:i+1], false, []uint16{videoPID}, c.apart-c.usual)
			r := check(joined(ps))
			got := counts(r)
			if got["crowded_dtss"] != c.want || int64(len(got)) != c.want {
				t.Errorf("%s, %d ms apart: faults %v, want %d", name, c.apart, got, c.want)
			}
			track := r.Programs[0].Tracks[0]
			if c.want > 0 && (math.Abs(track.ShortestDTSIntervalSeconds*1000-float64(c.apart)) > 0.1 || math.Abs(track.FirstCrowdedDTSAtSeconds-3) > 0.6) {
				t.Errorf("%s: %.4f s apart after %.2f s", name, track.ShortestDTSIntervalSeconds, track.FirstCrowdedDTSAtSeconds)
			}
		}
	}
}

// TestSoundThatOverlapsIsFound brings the sound from the middle on forward.
func TestSoundThatOverlapsIsFound(t *testing.T) {
	for _, c := range []struct {
		clip  string
		pid   uint16
		early time.Duration
		want  int64
	}{
		{"mpeg1video and mp2", audioPID, time.Millisecond, 0},
		{"mpeg1video and mp2", audioPID, 3 * time.Millisecond, 1},
		{"h264 and aac", audioPID, time.Millisecond, 0},
		{"h264 and aac", audioPID, 3 * time.Millisecond, 1},
		{"h264 and aac", audioPID, 20 * time.Millisecond, 1},
		{"opus", videoPID, 3 * time.Millisecond, 0}, // whose frames are not counted
	} {
		ps := packets(t, c.clip)
		shift(ps[middle(t, ps, startOf(c.pid)):], false, []uint16{c.pid}, -c.early.Milliseconds())
		r := check(joined(ps))
		if got := counts(r); got["overlaps"] != c.want || int64(len(got)) != c.want {
			t.Errorf("%s, %v early: faults %v, want %d", c.clip, c.early, got, c.want)
		}
		for _, track := range r.Programs[0].Tracks {
			if track.Overlaps > 0 && (math.Abs(track.LongestOverlapSeconds-c.early.Seconds()) > 0.0001 || math.Abs(track.FirstOverlapAtSeconds-3) > 0.6) {
				t.Errorf("%s: %.4f s after %.2f s", c.clip, track.LongestOverlapSeconds, track.FirstOverlapAtSeconds)
			}
		}
	}
}

// TestFFmpegsOwnPicturesAndSoundAreFarEnoughApart has the rates, roundings and orders of
// pictures that sources come with.
func TestFFmpegsOwnPicturesAndSoundAreFarEnoughApart(t *testing.T) {
	t.Parallel()
	const (
		varying = "-vf settb=1/90000,setpts='(N/30+0.010*sin(7*N))/TB',select='gt(mod(n,7),1)' -fps_mode vfr -enc_time_base 1:90000 "
		slides  = "-vf select='lt(mod(n,60),3)' -fps_mode vfr -enc_time_base 1:90000 " // 3 of 60 pictures
	)
	for _, arguments := range []string{
		"-f lavfi -i testsrc2=s=160x112:r=50:d=6 -c:v mpeg2video -bf 2 -flags +ilme+ildct",
		"-f lavfi -i testsrc2=s=160x112:r=30000/1001:d=6 -f lavfi -i sine=r=44100:d=6 -c:v libx264 -bf 3 -c:a aac",
		"-f lavfi -i testsrc2=s=160x112:r=24000/1001:d=6 -f lavfi -i sine=r=44100:d=6 -c:v mpeg1video -r 24000/1001 -c:a mp2",
		"-f lavfi -i testsrc2=s=160x112:r=120:d=6 -c:v libx264 -bf 2",
		"-f lavfi -i testsrc2=s=160x112:r=240:d=6 -c:v libx264 -bf 2",
		"-f lavfi -i testsrc2=s=160x112:r=1:d=20 -c:v libx264 -bf 0",
		"-f lavfi -i testsrc2=s=160x112:r=30:d=10 " + varying + "-c:v libx264 -bf 0",
		"-f lavfi -i testsrc2=s=160x112:r=30:d=10 " + varying + "-c:v libx264 -bf 3",
		"-f lavfi -i testsrc2=s=160x112:r=30:d=10 " + varying + "-c:v libx265 -x265-params log-level=none:bframes=3",
		"-f lavfi -i testsrc2=s=160x112:r=60:d=10 " + slides + "-c:v libx264 -bf 2",
		"-f lavfi -i sine=r=44100:d=6 -c:a libmp3lame",
		"-f lavfi -i sine=r=22050:d=6 -c:a mp2 -b:a 64k -pes_payload_size 1000",
		"-f lavfi -i sine=r=11025:d=6 -c:a libmp3lame -b:a 16k",
		"-f lavfi -i sine=r=32000:d=6 -c:a aac -pes_payload_size 200",
		"-f lavfi -i sine=r=96000:d=6 -c:a aac",
	} {
		t.Run(arguments, func(t *testing.T) { farApart(t, ffmpeg(arguments)) })
	}
}

// TestClocksOfMillisecondsAreFarEnoughApart has stamps that Matroska and FLV have rounded.
func TestClocksOfMillisecondsAreFarEnoughApart(t *testing.T) {
	t.Parallel()
	for _, arguments := range []string{
		"-f lavfi -i testsrc2=s=160x112:r=60000/1001:d=6 -f lavfi -i sine=r=44100:d=6 -c:v libx264 -bf 2 -c:a aac -f flv",
		"-f lavfi -i testsrc2=s=160x112:r=30:d=6 -f lavfi -i sine=r=44100:d=6 -c:v libx264 -bf 2 -c:a libmp3lame -f matroska",
		"-f lavfi -i testsrc2=s=160x112:r=25:d=6 -f lavfi -i sine=r=11025:d=6 -c:v mpeg1video -c:a libmp3lame -f matroska",
	} {
		t.Run(arguments, func(t *testing.T) { farApart(t, remuxed(t, arguments)) })
	}
}

// remuxed is what ffmpeg makes of a file that it has made, without coding it anew.
func remuxed(t *testing.T, arguments string) clip {
	t.Helper()
	file, err := exec.Command("ffmpeg", strings.Fields("-v error -nostdin "+arguments+" -")...).Output()
	if err != nil {
		t.Fatal(err)
	}
	return func() ([]byte, error) {
		cmd := exec.Command("ffmpeg", strings.Fields("-v error -nostdin -i - -c copy -f mpegts -")...)
		cmd.Stdin = bytes.NewReader(file)
		return cmd.Output()
	}
}

func farApart(t *testing.T, made clip) {
	b, err := made()
	if err != nil {
		t.Fatal(err)
	}
	frames := int64(0)
	for _, track := range check(b).Programs[0].Tracks {
		frames += track.Frames
		if track.CrowdedDTSs+track.Overlaps > 0 {
			t.Errorf("%s: %d pictures crowd, %.4f s apart; %d sounds overlap, by %.4f s", track.Codec,
				track.CrowdedDTSs, track.ShortestDTSIntervalSeconds, track.Overlaps, track.LongestOverlapSeconds)
		}
	}
	if frames < 10 {
		t.Errorf("%d frames", frames)
	}
}
