package filler_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"vw/media/filler"
)

// ffmpeg returns what it writes, as the words of args tell it to, of parts that
// it reads one behind the other. It fails the test if ffmpeg complains.
func ffmpeg(t testing.TB, args string, parts ...[]byte) []byte {
	t.Helper()
	cmd := exec.Command("ffmpeg", append(append([]string{"-v", "warning"}, strings.Fields(args)...), "pipe:1")...)
	cmd.Stdin = bytes.NewReader(bytes.Join(parts, nil))
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil || said.Len() > 0 {
		t.Fatalf("ffmpeg %s: %v: %s", args, err, &said)
	}
	return out
}

// loudest returns the largest sample of each tenth of a second.
func loudest(pcm []byte, rate, channels int) (peaks []int) {
	for window := range chunks(pcm, rate/10*channels*2) {
		peak := 0
		for i := 0; i+2 <= len(window); i += 2 {
			v := int(int16(binary.LittleEndian.Uint16(window[i:])))
			peak = max(peak, v, -v)
		}
		peaks = append(peaks, peak)
	}
	return peaks
}

func chunks(b []byte, size int) func(yield func([]byte) bool) {
	return func(yield func([]byte) bool) {
		for ; len(b) >= size; b = b[size:] {
			if !yield(b[:size]) {
				return
			}
		}
	}
}

// ffmpeg decodes a source, a second of silence and the source again without a
// word: what is between is digital silence, and nothing is longer or shorter.
func TestDecodersTakeSilenceBetweenFramesOfTheSource(t *testing.T) {
	for _, c := range []struct {
		codec, muxer, demuxer string
		streamType            byte
		rates, channels       []int // each rate with the next number of channels
	}{
		{"mp2", "mp2", "mp3", 0x03, []int{48000, 44100, 32000}, []int{2, 1}},
		{"mp2", "mp2", "mp3", 0x04, []int{24000, 22050, 16000}, []int{2, 1}},
		{"libmp3lame", "mp3", "mp3", 0x03, []int{48000, 44100, 32000}, []int{2, 1}},
		{"libmp3lame", "mp3", "mp3", 0x04, []int{24000, 22050, 16000, 12000, 11025, 8000}, []int{2, 1}},
		{"aac", "adts", "aac", 0x0f, []int{48000, 44100, 96000, 16000, 32000, 22050}, []int{2, 1, 8, 1, 6, 5}},
	} {
		for i, rate := range c.rates {
			channels := c.channels[i%len(c.channels)]
			t.Run(fmt.Sprintf("%s/%d/%d", c.codec, rate, channels), func(t *testing.T) {
				source := ffmpeg(t, fmt.Sprintf("-f lavfi -i sine=440:r=%d:d=1 -af volume=18dB -ac %d -c:a %s -write_xing 0 -id3v2_version 0 -f %s",
					rate, channels, c.codec, c.muxer))
				a, err := filler.NewAudio(c.streamType, source)
				if err != nil {
					t.Fatal(err)
				}
				if n, r := filler.Length(c.streamType, source); r != rate || n%a.Samples() != 0 || n < rate || n > rate*3/2 {
					t.Errorf("a source of a second has %d samples at a rate of %d", n, r)
				}
				if again, err := filler.NewAudio(c.streamType, a.Headers()); err != nil || !bytes.Equal(again.Frame(), a.Headers()) {
					t.Errorf("its headers alone make other silence: %v", err)
				}
				if a.Rate() != rate {
					t.Errorf("rate %d, want %d", a.Rate(), rate)
				}
				var silence []byte
				frames := rate / a.Samples()
				for range frames {
					silence = append(silence, a.Frame()...)
				}
				checkSilence(t, c.demuxer, source, silence, rate, channels, frames*a.Samples())
			})
		}
	}
}

func checkSilence(t *testing.T, demuxer string, source, silence []byte, rate, channels, samples int) {
	decode := func(parts ...[]byte) []byte {
		return ffmpeg(t, fmt.Sprintf("-f %s -i pipe:0 -f s16le -ac %d -ar %d", demuxer, channels, rate), parts...)
	}
	alone, joined := decode(source), decode(source, silence, source)
	if got, want := len(joined), 2*len(alone)+samples*channels*2; got != want {
		t.Errorf("%d bytes decoded, want %d", got, want)
	}
	if alone = decode(silence); len(bytes.Trim(alone, "\x00")) > 0 {
		t.Error("silence alone is not digital silence")
	}
	peaks := loudest(joined, rate, channels)
	for i, peak := range peaks {
		switch {
		case i > 0 && i < 9 || i > 22 && i < len(peaks)-2:
			if peak < 10000 {
				t.Errorf("the source is silent at %d00 ms: %d", i, peak)
			}
		case i > 12 && i < 18:
			if peak != 0 {
				t.Errorf("silence is loud at %d00 ms: %d", i, peak)
			}
		}
	}
}

// A frame says its bit rate: over 10 seconds the bytes come to it, padding
// included, and it is the lowest that the standard has for the source's mode.
func TestSilenceHasTheLowestBitRateOfItsMode(t *testing.T) {
	for _, c := range []struct {
		name       string
		streamType byte
		header     string
		bytes      int // in 10 seconds
	}{
		{"layer II, stereo, 48000", 3, "\xff\xfd\xa4\x00", 80000},
		{"layer II, stereo, 44100", 3, "\xff\xfd\xa0\x04", 80000},
		{"layer II, joint stereo, checked, 32000", 3, "\xff\xfc\xa8\x40", 80000},
		{"layer II, mono, 44100", 3, "\xff\xfd\x80\xc0", 40000},
		{"layer II, stereo, 22050", 4, "\xff\xf5\x80\x00", 10000},
		{"layer III, stereo, 44100", 3, "\xff\xfb\x90\x00", 40000},
		{"layer III, mono, 16000", 4, "\xff\xf3\x48\xc0", 10000},
		{"layer III, stereo, 11025", 3, "\xff\xe3\x40\x00", 10000},
		{"AAC, one channel, 48000", 15, "\xff\xf1\x4c\x40\x01\xbf\xfc", 11 * 48000 * 10 / 1024},
		{"AAC, two channels, 44100", 15, "\xff\xf1\x50\x80\x01\xbf\xfc", 14 * 44100 * 10 / 1024},
	} {
		a, err := filler.NewAudio(c.streamType, []byte(c.header))
		if err != nil {
			t.Fatal(c.name, err)
		}
		n, largest := 0, 0
		for range 10 * a.Rate() / a.Samples() {
			frame := len(a.Frame())
			n, largest = n+frame, max(largest, frame)
		}
		if n < c.bytes-largest || n > c.bytes {
			t.Errorf("%s: %d bytes in 10 seconds, want %d", c.name, n, c.bytes)
		}
	}
}

// What strangers send is refused in words or filled, and costs no more than it is long.
func FuzzNewAudio(f *testing.F) {
	for _, source := range []string{"\xff\xfd\x84\x00", "\xff\xf3\x14\xc0", "\xff\xf1\x4c\x80\x01\xbf\xfc", "\xff\xf1\x4c\x00\x01\xbf\xfc", ""} {
		for _, streamType := range []byte{0x03, 0x04, 0x0f, 0x11, 0x81} {
			f.Add(streamType, []byte(source))
		}
	}
	f.Fuzz(func(t *testing.T, streamType byte, es []byte) {
		if n, rate := filler.Length(streamType, es); n > 4096*len(es) || (n == 0) != (rate == 0) {
			t.Errorf("%d samples at a rate of %d in %d bytes", n, rate, len(es))
		}
		if dB, ok := filler.Level(streamType, es); ok && !(dB >= filler.Silence && dB < 30) {
			t.Errorf("a level of %f dB", dB)
		}
		a, err := filler.NewAudio(streamType, es)
		if err != nil {
			return
		}
		if a.Rate() < 7350 || a.Samples() < 576 {
			t.Errorf("%d samples at a rate of %d", a.Samples(), a.Rate())
		}
		for range 3 {
			if n := len(a.Frame()); n < 11 || n > 417 {
				t.Errorf("a frame of %d bytes", n)
			}
		}
	})
}
