package mpegts_test

import (
	"testing"

	"vw/media/mpegts"
)

func TestTrackNamesItsCodec(t *testing.T) {
	registered := func(id string) []byte { return append([]byte{5, byte(len(id))}, id...) }
	for _, c := range []struct {
		stream      byte
		descriptors []byte
		codec, kind string
	}{
		{0x01, nil, "mpeg1video", "video"},
		{0x02, nil, "mpeg2video", "video"},
		{0x03, nil, "mp2", "audio"},
		{0x0f, nil, "aac", "audio"},
		{0x1b, nil, "h264", "video"},
		{0x24, nil, "hevc", "video"},
		{0x81, nil, "ac3", "audio"},
		{0x86, nil, "dts", "audio"},
		{0x86, registered("CUEI"), "scte_35", "data"},
		{0x15, nil, "metadata", "data"},
		{0xff, nil, "data", "data"},
		{0x06, nil, "data", "data"},
		{0x06, registered("Opus"), "opus", "audio"},
		{0x06, append([]byte{0x0a, 4, 'e', 'n', 'g', 0}, registered("AV01")...), "av1", "video"},
		{0x06, registered("KLVA"), "klv", "data"},
		{0x06, registered("Opu"), "data", "data"},
		{0x06, []byte{5, 9, 'O', 'p', 'u', 's'}, "data", "data"},
		{0x06, []byte{5}, "data", "data"},
		{0x06, []byte{0x6a, 0}, "ac3", "audio"},
		{0x06, []byte{0x59, 0}, "dvbsub", "data"},
		{0x1b, registered("Opus"), "h264", "video"}, // a descriptor speaks for private data only
	} {
		codec, kind := mpegts.Track{Type: c.stream, Descriptors: c.descriptors}.Codec()
		if codec != c.codec || kind.String() != c.kind {
			t.Errorf("type %#x, % x: %s, %s, want %s, %s", c.stream, c.descriptors, codec, kind, c.codec, c.kind)
		}
	}
}
