package filler_test

import (
	"fmt"
	"math"
	"testing"

	"vw/media/filler"
)

// Level tells real tones of known loudness, and silence.
func TestLevelOfTones(t *testing.T) {
	for _, c := range []struct {
		codec   string
		rate    int
		hertz   int
		options string
	}{
		{"mp2", 48000, 300, "-ac 2 -b:a 192k"},
		{"mp2", 44100, 1100, "-ac 1 -b:a 64k"},
		{"mp2", 44100, 3700, "-ac 2 -b:a 224k"},
		{"mp2", 32000, 1100, "-ac 2 -b:a 64k"},
		{"mp2", 22050, 300, "-ac 2 -b:a 64k"},
		{"libtwolame", 48000, 1100, "-ac 2 -b:a 128k -mode joint_stereo"},
	} {
		for _, want := range []float64{-6, -20, -40, filler.Silence} {
			gain := math.Pow(10, want/20)
			es := ffmpeg(t, fmt.Sprintf("-f lavfi -i aevalsrc=%.6f*sin(2*PI*%d*t):s=%d:d=1 -c:a %s %s -f mp2",
				gain, c.hertz, c.rate, c.codec, c.options))
			got, ok := filler.Level(3, es[len(es)/2:])
			if want == filler.Silence {
				ok = ok && got < -80
			} else {
				ok = ok && math.Abs(got-want) <= 5
			}
			if !ok {
				t.Errorf("%s %s at %d, %d Hz: %.1f dB, want %.0f", c.codec, c.options, c.rate, c.hertz, got, want)
			}
		}
	}
}

func TestLevelIsToldOfLayerIIAlone(t *testing.T) {
	for streamType, es := range map[byte]string{
		0x0f: "\xff\xf1\x4c\x80\x01\xbf\xfc",
		0x03: "\xff\xfb\x90\x00\x00\x00\x00",
		0x04: "\x00\x00\x00\x00",
	} {
		if dB, ok := filler.Level(streamType, []byte(es)); ok {
			t.Errorf("type %#x: %.1f dB", streamType, dB)
		}
	}
}
