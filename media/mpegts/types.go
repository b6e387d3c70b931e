package mpegts

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

// Codec names the track's coding by its stream_type (table 2-34) or, where
// that is private, by its descriptors (EN 300 468, 6.2; SMPTE RA registration
// identifiers): the names are ffmpeg's.
func (t Track) Codec() (name string, kind Kind) {
	switch t.Type {
	case 0x01:
		return "mpeg1video", Video
	case 0x02:
		return "mpeg2video", Video
	case 0x03, 0x04:
		return "mp2", Audio
	case 0x0f:
		return "aac", Audio
	case 0x10:
		return "mpeg4", Video
	case 0x11:
		return "aac_latm", Audio
	case 0x15:
		return "metadata", Other
	case 0x1b:
		return "h264", Video
	case 0x20:
		return "h264", Video
	case 0x21:
		return "jpeg2000", Video
	case 0x24:
		return "hevc", Video
	case 0x33:
		return "vvc", Video
	case 0x42:
		return "cavs", Video
	case 0x81:
		return "ac3", Audio
	case 0x82, 0x85, 0x86, 0x8a:
		return "dts", Audio
	case 0x83:
		return "truehd", Audio
	case 0x84, 0x87:
		return "eac3", Audio
	case 0xd1:
		return "dirac", Video
	case 0xea:
		return "vc1", Video
	case 0x05, 0x06:
		return t.private()
	}
	return "data", Other
}

// private finds the coding of PES private data among its descriptors.
func (t Track) private() (string, Kind) {
	for d := t.Descriptors; len(d) >= 2 && len(d) >= 2+int(d[1]); d = d[2+int(d[1]):] {
		body := d[2 : 2+int(d[1])]
		switch d[0] {
		case 0x05: // registration_descriptor (2.6.8)
			if len(body) < 4 {
				continue
			}
			switch string(body[:4]) {
			case "Opus":
				return "opus", Audio
			case "AC-3":
				return "ac3", Audio
			case "EAC3":
				return "eac3", Audio
			case "BSSD":
				return "s302m", Audio
			case "HEVC":
				return "hevc", Video
			case "AV01":
				return "av1", Video
			case "VC-1":
				return "vc1", Video
			case "drac":
				return "dirac", Video
			case "KLVA":
				return "klv", Other
			}
		case 0x6a:
			return "ac3", Audio
		case 0x7a:
			return "eac3", Audio
		case 0x7b:
			return "dts", Audio
		case 0x56:
			return "teletext", Other
		case 0x59:
			return "dvbsub", Other
		}
	}
	return "data", Other
}
