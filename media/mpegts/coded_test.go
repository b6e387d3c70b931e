package mpegts_test

import (
	"fmt"
	"strings"
	"testing"

	"vw/media/mpegts"
)

// opening is the packet that opens a video PES packet with these bytes.
func opening(data string) mpegts.Packet {
	head := "\x47\x41\x00\x10" + "\x00\x00\x01\xe0\x00\x00\x80\x80\x05\x21\x00\x01\x00\x01"
	return mpegts.Packet(head + data + strings.Repeat("\xff", mpegts.PacketSize-len(head)-len(data)))
}

func TestRandomAccessPointIsFoundInTheCodedPicture(t *testing.T) {
	const (
		nal      = "\x00\x00\x01"
		aud      = "\x00" + nal + "\x09\xf0"
		sps, pps = nal + "\x67\x42\x00\x1e\x95", nal + "\x68\xce\x38\x80"
		text     = nal + "\x06\x05\x02ab\x80"
		recovery = nal + "\x06\x01\x01\x00\x06\x01\x84\x80"
		idr      = nal + "\x65\x88\x84"
		slice    = nal + "\x41\x9a\x24"

		hevcAUD, vps        = "\x00" + nal + "\x46\x01\x50", nal + "\x40\x01\x0c"
		hevcCRA, hevcTrail  = nal + "\x2a\x01\xaf", nal + "\x02\x01\xd0"
		hevcPPS             = nal + "\x44\x01\xc1"
		sequence, group     = nal + "\xb3\x14\x00\xf0\x13\xff\xff\xe0\x18", nal + "\xb8\x00\x08\x00\x00"
		intra, predicted    = nal + "\x00\x00\x0f\xff\xf8", nal + "\x00\x00\x57\xff\xf8"
		extension, mpegData = nal + "\xb5\x14\x8a", nal + "\x01\x0b\xfc"
	)
	for _, c := range []struct {
		name, codec, data string
		want              bool
	}{
		{"IDR", "h264", aud + sps + pps + text + idr, true},
		{"IDR without parameter sets", "h264", aud + idr, true},
		{"recovery point", "h264", aud + recovery + slice, true},
		{"parameter sets, the picture in a later packet", "h264", aud + sps + pps + text, true},
		{"another picture", "h264", aud + slice, false},
		{"another picture with parameter sets", "h264", aud + sps + pps + slice, false},
		{"another picture with other supplements", "h264", aud + text + slice, false},
		{"nothing to tell by", "h264", aud, false},
		{"cut at a start code", "h264", aud + nal, false},
		{"CRA", "hevc", hevcAUD + vps + hevcCRA, true},
		{"parameter sets, the picture in a later packet", "hevc", hevcAUD + vps + hevcPPS, true},
		{"another picture", "hevc", hevcAUD + hevcTrail, false},
		{"sequence header and intra picture", "mpeg2video", sequence + extension + group + intra + mpegData, true},
		{"sequence header, the picture in a later packet", "mpeg1video", sequence + group, true},
		{"intra picture alone", "mpeg1video", group + intra + mpegData, false},
		{"sequence header and predicted picture", "mpeg2video", sequence + predicted + mpegData, false},
		{"predicted picture", "mpeg1video", predicted + mpegData, false},
		{"a coding that is not looked into", "vvc", aud + sps + idr, false},
	} {
		if got := opening(c.data).RandomAccessPoint(c.codec); got != c.want {
			t.Errorf("%s, %s: %v", c.codec, c.name, got)
		}
	}
}

// Clips whose indicators are taken out have their random access points where
// ffmpeg set them.
func TestRandomAccessPointsAreWhereFFmpegSetsTheIndicator(t *testing.T) {
	const source = "-f lavfi -i testsrc=s=320x240:r=25:d=3 -pix_fmt yuv420p -g 12 -c:v "
	for _, c := range []struct{ codec, args string }{
		{"mpeg2video", "mpeg1video"}, {"mpeg2video", "mpeg2video -bf 2"},
		{"h264", "libx264 -bf 2"}, {"h264", "libx264 -x264-params open-gop=1"},
		{"hevc", "libx265 -x265-params log-level=error"},
	} {
		points := 0
		for p := range mpegts.Packets(ffmpeg(t, source+c.args)) {
			if _, opens := p.PES(); !opens {
				continue
			}
			want := p.RandomAccess()
			if want {
				points++
				p[5] &^= 0x40
			}
			if p.RandomAccessPoint(c.codec) != want {
				t.Errorf("%s: wrong at random access point %d: % x", c.args, points, p[:64])
			}
		}
		if points < 5 {
			t.Errorf("%s: %d random access points", c.args, points)
		}
	}
}

func TestAudioLayerIsReadFromTheFrame(t *testing.T) {
	for want, encoder := range map[string]string{"mp2": "mp2", "mp3": "libmp3lame"} {
		frames := 0
		for p := range mpegts.Packets(ffmpeg(t, "-f lavfi -i sine=d=1 -c:a "+encoder)) {
			if pes, opens := p.PES(); opens {
				frames++
				if got := mpegts.AudioLayer(pes.Data()); got != want {
					t.Errorf("%s is called %q", want, got)
				}
			}
		}
		if frames == 0 {
			t.Errorf("no %s", want)
		}
	}
	for _, none := range []string{"", "\xff\xfb", "\xff\xe8\x90\x00", "\xff\xfb\xf0\x00", "\xff\xfb\x9c\x00", "\xff\xf9\x50\x80\x00"} {
		if got := mpegts.AudioLayer([]byte(none)); got != "" {
			t.Errorf("% x is called %q", none, got)
		}
	}
}

func ExampleTrack_Codec() {
	pmt := mpegts.PMT{Program: 1, PCRPID: 0x100, Descriptors: mpegts.Registration("CUEI"),
		Tracks: []mpegts.Track{{PID: 0x100, Type: 0x1b}, {PID: 0x1f0, Type: 0x86}}}
	read, _ := mpegts.ParsePMT(pmt.Section())
	for _, t := range read.Tracks {
		fmt.Println(t.Codec())
	}
	// Output:
	// h264 video
	// scte_35 data
}
