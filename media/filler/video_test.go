package filler_test

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"strings"
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
	pixels     string // as they are decoded
}

const (
	yuv       = "yuv420p"
	fullRange = "yuvj420p"
)

var sources = []source{
	{1, "mpeg1video -g 12", "mpeg1video", "320x240", "25", yuv},
	{1, "mpeg1video -g 12 -bf 2", "mpeg1video", "323x241", "30", yuv},
	{2, "mpeg1video", "mpeg1video", "1920x1080", "25", yuv},
	{1, "mpeg1video", "mpeg1video", "16x16", "25", yuv},
	{2, "mpeg2video -g 12", "mpeg2video", "640x480", "25", yuv},
	{2, "mpeg2video -g 12 -bf 2", "mpeg2video", "323x241", "30000/1001", yuv},
	{2, "mpeg2video -g 12 -bf 2 -flags +ildct+ilme -top 1", "mpeg2video", "720x576", "25", yuv},
	{2, "mpeg2video -pix_fmt yuv422p -intra_vlc 1 -dc 10", "mpeg2video", "720x576", "25", yuv},
	{2, "mpeg2video -flags +low_delay -color_primaries bt709", "mpeg2video", "1920x1080", "25", yuv},
	{2, "mpeg2video", "mpeg2video", "48x2000", "25", yuv},
	{0x1b, "libx264 -profile:v baseline -g 5", "h264", "320x240", "25", yuv},
	{0x1b, "libx264 -profile:v baseline -bf 0 -refs 1 -tune zerolatency", "h264", "322x242", "30", yuv},
	{0x1b, "libx264 -profile:v main -coder vlc -bf 2", "h264", "640x480", "25", yuv},
	{0x1b, "libx264 -profile:v main -refs 5 -bf 3", "h264", "640x480", "30000/1001", yuv},
	{0x1b, "libx264 -profile:v main -x264-params interlaced=1:bframes=2:weightp=0", "h264", "720x576", "25", yuv},
	{0x1b, "libx264 -profile:v high -x264-params fake-interlaced=1", "h264", "720x576", "25", yuv},
	{0x1b, "libx264 -profile:v high -x264-params interlaced=1:cqm=jvt:weightp=0", "h264", "1920x1080", "25", yuv},
	{0x1b, "libx264 -profile:v high -preset ultrafast", "h264", "1920x1080", "50", yuv},
	{0x1b, "libx264 -profile:v high -x264-params cqm=jvt:open-gop=1:keyint=5:bframes=1", "h264", "322x242", "25", yuv},
	{0x1b, "libx264 -profile:v high -x264-params nal-hrd=cbr:vbv-maxrate=500:vbv-bufsize=500 -b:v 500k", "h264", "320x240", "25", yuv},
	{0x1b, "libx264 -pix_fmt yuv422p", "h264", "320x240", "25", yuv},
	{0x1b, "libx264 -pix_fmt yuv420p10le -x264-params cqm=jvt", "h264", "320x240", "25", yuv},
	{0x1b, "libx264 -pix_fmt gray", "h264", "320x240", "25", fullRange},
	{0x1b, "libx264 -color_range pc", "h264", "320x240", "25", fullRange},
	{0x1b, "libx264 -g 1", "h264", "320x240", "25", yuv},
	{0x1b, "libx264 -x264-params slices=4:sps-id=3", "h264", "16x16", "25", yuv},
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
			es := ffmpeg(t, fmt.Sprintf("-f lavfi -i testsrc2=rate=%s -frames:v %d -vf format=yuv420p,scale=s=%s -c:v %s -f %s",
				s.rate, sourcePictures, s.size, s.encoder, s.format))
			v, err := filler.NewVideo(s.streamType, es)
			if err != nil {
				t.Fatal(err)
			}
			again, err := filler.NewVideo(s.streamType, v.Headers())
			if err != nil || !bytes.Equal(again.Headers(), v.Headers()) || !bytes.Equal(again.Intra(), v.Intra()) {
				t.Errorf("its headers alone make other pictures: %v", err)
			}
			if n := len(v.Headers()); n > 300 {
				t.Errorf("%d bytes of headers", n)
			}
			v, _ = filler.NewVideo(s.streamType, es)
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

// What no encoder here writes: pictures ordered by type 1, numbers that wrap
// after 16 pictures.
func TestBlackPicturesCountAsTheSequenceParameterSetSays(t *testing.T) {
	for _, order := range []string{
		"010" + "0" + "1" + "1" + "010" + "00100", // type 1, delta present, one offset of 2
		"010" + "1" + "011" + "1" + "010" + "010", // type 1, delta absent, one offset of 1
		"1" + "1", // type 0, 4 bits
		"011",     // type 2
	} {
		sps := "01000010" + "00000000" + "00011110" + "0001000" + // profile 66, level 3, id 7
			"1" + order + "010" + "0" + // 4 bits of frame_num, one reference
			"000010100" + "0001111" + "1" + "1" + "0" + "0" + "1" // 20 by 15 macroblocks
		v, err := filler.NewVideo(0x1b, append([]byte{0, 0, 1, 0x67}, packed(sps)...))
		if err != nil {
			t.Fatal(err)
		}
		const pictures = 40
		var es []byte
		for range 2 {
			es = append(es, v.Intra()...)
			for range pictures - 1 {
				es = append(es, v.Skip()...)
			}
		}
		decoded := ffmpeg(t, "-f h264 -i pipe:0 -fps_mode passthrough -pix_fmt yuv420p -f rawvideo", es)
		if got, want := len(decoded), 2*pictures*320*240*3/2; got != want {
			t.Errorf("order %s: %d bytes decoded, want %d", order, got, want)
		}
		for picture := range chunks(decoded, 320*240*3/2) {
			if !bytes.Equal(picture[:320*240], bytes.Repeat([]byte{16}, 320*240)) {
				t.Fatalf("order %s: a picture is not black", order)
			}
		}
	}
}

var inOrder = strings.NewReplacer("bframes=1", "bframes=0", "bframes=2", "bframes=0")

// ffmpeg shows the source's last picture twice, without a word.
func TestDecodersTakeAPictureThatRepeatsTheLast(t *testing.T) {
	for _, s := range sources {
		if s.format != "h264" {
			continue
		}
		t.Run(s.encoder+"/"+s.size, func(t *testing.T) {
			es := ffmpeg(t, fmt.Sprintf("-f lavfi -i testsrc2=rate=%s -frames:v %d -vf format=yuv420p,scale=s=%s -c:v %s -bf 0 -f h264",
				s.rate, sourcePictures, s.size, inOrder.Replace(s.encoder)))
			v, err := filler.NewVideo(s.streamType, es)
			if err != nil {
				t.Fatal(err)
			}
			again := v.Repeat(es[bytes.LastIndex(es, []byte{0, 0, 1}):])
			if strings.HasSuffix(s.encoder, "-g 1") {
				if again != nil {
					t.Error("it repeats what no picture may refer to")
				}
				return
			}
			decoded := ffmpeg(t, "-f h264 -i pipe:0 -fps_mode passthrough -pix_fmt "+s.pixels+" -f rawvideo", es, again)
			size := len(decoded) / (sourcePictures + 1)
			if got := len(decoded); got%(sourcePictures+1) != 0 || got == 0 {
				t.Fatalf("%d bytes decoded of %d pictures", got, sourcePictures+1)
			}
			last, before := decoded[sourcePictures*size:], decoded[(sourcePictures-1)*size:sourcePictures*size]
			if !bytes.Equal(last, before) {
				t.Error("it is another picture than the last")
			}
		})
	}
}

// Parameter sets as x264 writes them.
const (
	interlaced = "0000000167640015acd941410fcb808800000300080000030190f8a14cb00000000168fba3cb3002c0" // high, with scaling matrices
	baseline   = "000000016742c00dd90141fb011000000300100000030320f142a4800000000168cb83cb20"
	high1080   = "0000000167640028acd940780227e5c044000003000400000300c83c60c6580000000168ebe3cb22c0"
)

func parameters(t testing.TB, s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// What filling a track costs: a second has about 40 frames of audio and a few
// pictures.
func BenchmarkFiller(b *testing.B) {
	v, err := filler.NewVideo(0x1b, parameters(b, high1080))
	if err != nil {
		b.Fatal(err)
	}
	a, err := filler.NewAudio(0x0f, []byte("\xff\xf1\x4c\x80\x01\xbf\xfc"))
	if err != nil {
		b.Fatal(err)
	}
	for name, next := range map[string]func() []byte{"frame": a.Frame, "intra": v.Intra, "skip": v.Skip} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				b.ReportMetric(float64(len(next())), "bytes")
			}
		})
	}
}

// packed returns bits, written as 0 and 1, as bytes.
func packed(bits string) []byte {
	b := make([]byte, (len(bits)+7)/8)
	for i, bit := range bits {
		b[i/8] |= byte(bit-'0') << (7 - i%8)
	}
	return b
}

func checkBlack(t *testing.T, s source, es, black []byte) {
	t.Helper()
	var width, height int
	if _, err := fmt.Sscanf(s.size, "%dx%d", &width, &height); err != nil {
		t.Fatal(err)
	}
	demuxer := map[string]string{"mpeg1video": "mpegvideo", "mpeg2video": "mpegvideo", "h264": "h264"}[s.format]
	decoded := ffmpeg(t, "-f "+demuxer+" -i pipe:0 -fps_mode passthrough -pix_fmt "+s.pixels+" -f rawvideo", es, black, es)
	luma, size, darkest := width*height, width*height+2*((width+1)/2)*((height+1)/2), byte(16)
	if s.pixels == fullRange {
		darkest = 0
	}
	const blacks = intras * (1 + skips)
	if got, want := len(decoded), (2*sourcePictures+blacks)*size; got != want {
		t.Fatalf("%d bytes decoded, want %d", got, want)
	}
	want := append(bytes.Repeat([]byte{darkest}, luma), bytes.Repeat([]byte{128}, size-luma)...)
	n := 0
	for picture := range chunks(decoded, size) {
		between := n >= sourcePictures && n < sourcePictures+blacks
		if bytes.Equal(picture, want) != between {
			t.Errorf("picture %d: black %v, want %v: %d", n, !between, between, picture[:32])
		}
		n++
	}
}

func TestWhatCannotBeFilledIsSaid(t *testing.T) {
	for _, c := range []struct {
		streamType byte
		es, says   string
	}{
		{0x11, "\x56\xe0\x00", "aac_latm"},
		{0x81, "\x0b\x77", "ac3"},
		{0x03, "\x00\x00\x00\x00\x00", "no frame of MPEG layer II or III"},
		{0x03, "\xff\xff\xa4\x00", "no frame of MPEG layer II or III"}, // layer I
		{0x0f, "\xff\xfd\xa4\x00\x00\x00\x00", "no frame of AAC"},
		{0x0f, "\xff\xf1\x4c\x00\x01\xbf\xfc", "program_config_element"},
	} {
		if _, err := filler.NewAudio(c.streamType, []byte(c.es)); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("audio of type %#x, %q: %v", c.streamType, c.es, err)
		}
	}
	const (
		sequence = "\x00\x00\x01\xb3\x14\x00\xf0\x13\xff\xff\xe0\x18"
		group    = "\x00\x00\x01\xb8"
	)
	yuv444 := string(ffmpeg(t, "-f lavfi -i color=s=64x64 -frames:v 1 -c:v libx264 -pix_fmt yuv444p -f h264"))
	for _, c := range []struct {
		streamType byte
		es, says   string
	}{
		{0x24, "", "hevc"},
		{0x02, "", "no whole sequence header"},
		{0x02, sequence, "no whole sequence header"}, // extensions may follow
		{0x02, sequence + "\x00\x00\x01\xb5\x14\x8a" + group, "no whole sequence header"},
		{0x01, "\x00\x00\x01\xb3\x00\x00\x00\x13\xff\xff\xe0\x18" + group, "empty"},
		{0x01, "\x00\x00\x01\xb3\xff\xff\xff\x13\xff\xff\xe0\x18" + group, "larger than"},
		{0x1b, "\x00\x00\x01\x09\xf0", "no sequence parameter set"},
		{0x1b, "\x00\x00\x01\x67\x42", "read sequence parameter set"},
		{0x1b, string(parameters(t, baseline)[:30]) + strings.Repeat("x", 3000), "not valid"}, // it would leave with each picture
		{0x1b, yuv444, "4:4:4"},
	} {
		if _, err := filler.NewVideo(c.streamType, []byte(c.es)); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("video of type %#x: %v, want %q", c.streamType, err, c.says)
		}
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
	for _, s := range []string{interlaced, baseline} {
		f.Add(byte(0x1b), parameters(f, s))
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
