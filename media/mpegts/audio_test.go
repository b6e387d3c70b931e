package mpegts_test

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"vw/media/mpegts"
)

// TestAudioFramesAreReadFromTheirHeaders follows the frames of ffmpeg's encoders from
// header to header: they lie one behind the other, and last as long as the source.
func TestAudioFramesAreReadFromTheirHeaders(t *testing.T) {
	for _, c := range []struct {
		codec, encoder, muxer string
		rates                 []int
	}{
		{"mp2", "mp2", "mp2", []int{48000, 44100, 32000, 24000, 22050, 16000}},
		{"mp3", "libmp3lame -write_xing 0 -id3v2_version 0", "mp3", []int{48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000}},
		{"aac", "aac", "adts", []int{96000, 48000, 44100, 32000, 16000, 8000}},
	} {
		for i, rate := range c.rates {
			channels := 1 + i%2
			es := coded(t, fmt.Sprintf("-v error -f lavfi -i sine=d=2:r=%d -ac %d -c:a %s -f %s -", rate, channels, c.encoder, c.muxer))
			samples, rest := 0, es
			for len(rest) > 0 {
				f, ok := mpegts.ReadAudioFrame(rest)
				if !ok || f.Bytes > len(rest) || f.Codec != c.codec || f.Rate != rate || f.Channels != channels {
					t.Fatalf("%s at %d: %+v, %v, %d bytes before the end", c.codec, rate, f, ok, len(rest))
				}
				samples += f.Samples
				rest = rest[f.Bytes:]
			}
			if samples < 2*rate || samples > 2*rate+4*1152 {
				t.Errorf("%s at %d: %d samples of 2 s", c.codec, rate, samples)
			}
		}
	}
}

func coded(t *testing.T, arguments string) []byte {
	t.Helper()
	b, err := exec.CommandContext(t.Context(), "ffmpeg", strings.Fields(arguments)...).Output()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestAudioFrameOfUnknownLengthIsNone(t *testing.T) {
	for name, header := range map[string]string{
		"layer I":                           "\xff\xff\x40\x00\x00\x00\x00",
		"free format":                       "\xff\xfd\x04\x00\x00\x00\x00",
		"layer II at a quarter of a rate":   "\xff\xe5\x40\x00\x00\x00\x00",
		"a bit rate that is forbidden":      "\xff\xfd\xf4\x00\x00\x00\x00",
		"a sampling rate that is forbidden": "\xff\xf1\x74\x80\x01\xbf\xfc",
		"a frame of nothing but a header":   "\xff\xf1\x4c\x80\x00\xff\xfc",
		"a header that is cut":              "\xff\xf1\x4c\x80\x01\xbf",
		"nothing":                           "",
	} {
		if f, ok := mpegts.ReadAudioFrame([]byte(header)); ok {
			t.Errorf("%s: %+v", name, f)
		}
	}
}
