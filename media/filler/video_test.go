package filler_test

import (
	"bytes"
	"fmt"
	"testing"

	"vw/media/filler"
)

// A source of video, as ffmpeg makes it.
type source struct {
	streamType byte
	encoder    string // with options
	format     string // of the elementary stream
	size       string
	rate       string
}

var sources = []source{
	{1, "mpeg1video -g 12", "mpeg1video", "320x240", "25"},
	{1, "mpeg1video -g 12 -bf 2", "mpeg1video", "322x242", "30"},
	{2, "mpeg1video", "mpeg1video", "1920x1080", "25"},
	{1, "mpeg1video", "mpeg1video", "16x16", "25"},
	{2, "mpeg2video -g 12", "mpeg2video", "640x480", "25"},
	{2, "mpeg2video -g 12 -bf 2", "mpeg2video", "322x242", "30000/1001"},
	{2, "mpeg2video -g 12 -bf 2 -flags +ildct+ilme -top 1", "mpeg2video", "720x576", "25"},
	{2, "mpeg2video -pix_fmt yuv422p -intra_vlc 1 -dc 10", "mpeg2video", "720x576", "25"},
	{2, "mpeg2video -flags +low_delay -color_primaries bt709", "mpeg2video", "1920x1080", "25"},
	{2, "mpeg2video", "mpeg2video", "48x2000", "25"},
}

const (
	sourcePictures = 10
	intras         = 3
	skips          = 6 // behind each
)

// ffmpeg decodes a source, black pictures and the source again without a word.
// All have the source's size, those between are black, and none is missing.
func TestDecodersTakeBlackPicturesBetweenThoseOfTheSource(t *testing.T) {
	for _, s := range sources {
		t.Run(s.encoder+"/"+s.size, func(t *testing.T) {
			es := ffmpeg(t, fmt.Sprintf("-f lavfi -i testsrc2=size=%s:rate=%s -frames:v %d -vf format=yuv420p -c:v %s -f %s",
				s.size, s.rate, sourcePictures, s.encoder, s.format))
			v, err := filler.NewVideo(s.streamType, es)
			if err != nil {
				t.Fatal(err)
			}
			var black []byte
			for range intras {
				black = append(black, v.Intra()...)
				for range skips {
					black = append(black, v.Skip()...)
				}
			}
			checkBlack(t, s, es, black)
		})
	}
}

func checkBlack(t *testing.T, s source, es, black []byte) {
	t.Helper()
	var width, height int
	if _, err := fmt.Sscanf(s.size, "%dx%d", &width, &height); err != nil {
		t.Fatal(err)
	}
	demuxer := map[string]string{"mpeg1video": "mpegvideo", "mpeg2video": "mpegvideo"}[s.format]
	decoded := ffmpeg(t, "-f "+demuxer+" -i pipe:0 -fps_mode passthrough -pix_fmt yuv420p -f rawvideo", es, black, es)
	luma, size := width*height, width*height*3/2
	const blacks = intras * (1 + skips)
	if got, want := len(decoded), (2*sourcePictures+blacks)*size; got != want {
		t.Fatalf("%d bytes decoded, want %d", got, want)
	}
	want := append(bytes.Repeat([]byte{16}, luma), bytes.Repeat([]byte{128}, size-luma)...)
	n := 0
	for picture := range chunks(decoded, size) {
		between := n >= sourcePictures && n < sourcePictures+blacks
		if bytes.Equal(picture, want) != between {
			t.Errorf("picture %d: black %v, want %v: %d", n, !between, between, picture[:32])
		}
		n++
	}
}

// What strangers send is refused in words or filled, with bounded work and memory.
func FuzzNewVideo(f *testing.F) {
	for _, s := range []string{
		"\x00\x00\x01\xb3\x14\x00\xf0\x13\xff\xff\xe0\x18\x00\x00\x01\xb8",
		"\x00\x00\x01\xb3\x14\x00\xf0\x13\xff\xff\xe0\x18\x00\x00\x01\xb5\x14\x8a\x00\x01\x00\x00\x00\x00\x01\xb8",
	} {
		f.Add(byte(2), []byte(s))
	}
	f.Fuzz(func(t *testing.T, streamType byte, es []byte) {
		v, err := filler.NewVideo(streamType, es)
		if err != nil {
			return
		}
		for range 2 {
			if n := len(v.Intra()); n < 30 || n > 300_000 {
				t.Errorf("an intra picture of %d bytes", n)
			}
			for range 2 {
				if n := len(v.Skip()); n < 10 || n > 10_000 {
					t.Errorf("a picture of %d bytes", n)
				}
			}
		}
	})
}
