package media

import "bytes"

// containers are formats that are posted by mistake, by what they begin with and
// where.
var containers = []struct {
	name string
	at   int
	mark string
}{
	{"WebM or Matroska", 0, "\x1aE\xdf\xa3"},
	{"MP4", 4, "ftyp"},
	{"FLV", 0, "FLV"},
	{"Ogg", 0, "OggS"},
	{"AVI", 8, "AVI "},
	{"WAV", 8, "WAVE"},
	{"an MPEG program stream", 0, "\x00\x00\x01\xba"},
	{"JPEG", 0, "\xff\xd8\xff"},
}

// container returns the name of the format that b begins with, "" for another.
func container(b []byte) string {
	for _, c := range containers {
		if len(b) > c.at && bytes.HasPrefix(b[c.at:], []byte(c.mark)) {
			return c.name
		}
	}
	return ""
}
