package mpegts

import "slices"

// A Kind is what an elementary stream carries, as far as vw tells tracks apart.
type Kind byte

// The kinds of tracks.
const (
	Other Kind = iota
	Video
	Audio
)

// String is "video", "audio" or "data".
func (k Kind) String() string { return [...]string{"data", "video", "audio"}[k] }

// private stands for the stream_types of private data, whose coding is told by
// descriptors alone.
const private = 0x06

// codecs tells codings by stream_type (table 2-34) and, where a mark is given,
// by the track's descriptors or the program's registration: a mark of four
// letters is a format_identifier (2.6.8; SMPTE RA), one of one byte is a
// descriptor_tag (EN 300 468, 6.1). The first line that fits holds. The names
// are ffmpeg's.
var codecs = [...]struct {
	stream byte
	mark   string
	name   string
	kind   Kind
}{
	{0x01, "", "mpeg1video", Video},
	{0x02, "", "mpeg2video", Video},
	{0x03, "", "mp2", Audio},
	{0x04, "", "mp2", Audio},
	{0x0f, "", "aac", Audio},
	{0x10, "", "mpeg4", Video},
	{0x11, "", "aac_latm", Audio},
	{0x15, "", "metadata", Other},
	{0x1b, "", "h264", Video},
	{0x20, "", "h264", Video},
	{0x21, "", "jpeg2000", Video},
	{0x24, "", "hevc", Video},
	{0x33, "", "vvc", Video},
	{0x42, "", "cavs", Video},
	{0x81, "", "ac3", Audio},
	{0x82, "", "dts", Audio},
	{0x83, "", "truehd", Audio},
	{0x84, "", "eac3", Audio},
	{0x85, "", "dts", Audio},
	{0x86, "CUEI", "scte_35", Other}, // ANSI/SCTE 35, 8.1
	{0x86, "", "dts", Audio},
	{0x87, "", "eac3", Audio},
	{0x8a, "", "dts", Audio},
	{0xd1, "", "dirac", Video},
	{0xea, "", "vc1", Video},
	{private, "Opus", "opus", Audio},
	{private, "AC-3", "ac3", Audio},
	{private, "EAC3", "eac3", Audio},
	{private, "BSSD", "s302m", Audio},
	{private, "HEVC", "hevc", Video},
	{private, "AV01", "av1", Video},
	{private, "VC-1", "vc1", Video},
	{private, "drac", "dirac", Video},
	{private, "KLVA", "klv", Other},
	{private, "\x6a", "ac3", Audio},
	{private, "\x7a", "eac3", Audio},
	{private, "\x7b", "dts", Audio},
	{private, "\x56", "teletext", Other},
	{private, "\x59", "dvbsub", Other},
}

// unnamed is what a coding is called that is not known.
const unnamed = "data"

// Codec names the track's coding, as far as the PMT tells it.
func (t Track) Codec() (name string, kind Kind) {
	stream := t.Type
	if stream == 0x05 {
		stream = private
	}
	told := append(marks(t.Descriptors), t.Registration)
	for _, c := range codecs {
		if c.stream == stream && (c.mark == "" || slices.Contains(told, c.mark)) {
			return c.name, c.kind
		}
	}
	return unnamed, Other
}

// marks are what descriptors tell of a coding: their tags, and in place of the
// tag of a registration_descriptor the identifier that it holds.
func marks(descriptors []byte) (list []string) {
	for d := descriptors; len(d) >= 2 && len(d) >= 2+int(d[1]); d = d[2+int(d[1]):] {
		if id := registration(d); id != "" {
			list = append(list, id)
		} else {
			list = append(list, string(d[:1]))
		}
	}
	return list
}

const tagRegistration = 0x05

// registration is the format_identifier of the registration_descriptor that
// descriptors begin with, "" where they begin with another one.
func registration(descriptors []byte) string {
	if len(descriptors) < 6 || descriptors[0] != tagRegistration || descriptors[1] < 4 {
		return ""
	}
	return string(descriptors[2:6])
}

// Registration is a registration_descriptor of a format_identifier.
func Registration(id string) []byte { return append([]byte{tagRegistration, byte(len(id))}, id...) }

// Vague reports whether the track's kind is not known: private data that no
// descriptor names, in which ffmpeg writes MJPEG, PCM, FLAC and many others.
func (t Track) Vague() bool {
	name, _ := t.Codec()
	return name == unnamed
}
