package mpegts

import "encoding/binary"

// An AudioFrame is what the header of one coded frame says.
type AudioFrame struct {
	Codec    string // mp2, mp3 or aac
	Bytes    int    // with the header
	Samples  int    // of each channel
	Rate     int    // samples a second
	BitRate  int    // in bit/s, 0 for AAC, whose frames differ
	Channels int    // 0 for AAC that tells them elsewhere
}

// AudioHeader is how many bytes ReadAudioFrame looks at, at most.
const AudioHeader = 7

// ReadAudioFrame reads the header that b begins with, of MPEG audio layer II or
// III (ISO/IEC 11172-3, 2.4.1.3; ISO/IEC 13818-3 halves the rates, what is called
// MPEG-2.5 quarters those of layer III) or of AAC in ADTS (ISO/IEC 14496-3,
// 1.A.2.2). It reports false where none begins, nor one that tells its length.
func ReadAudioFrame(b []byte) (f AudioFrame, ok bool) {
	if len(b) >= AudioHeader && b[0] == 0xff && b[1]&0xf6 == 0xf0 {
		return readADTS(b)
	}
	switch layer := AudioLayer(b); layer {
	case "mp2", "mp3":
		return readMPEGAudio(layer, binary.BigEndian.Uint32(b))
	}
	return AudioFrame{}, false
}

// AudioLayer names the coding of MPEG audio by the header of the frame that
// data begins with (ISO/IEC 11172-3, 2.4.1.3), "" where data begins with none:
// layers II and III have the same stream_types.
func AudioLayer(data []byte) string {
	if len(data) < 4 || data[0] != 0xff || data[1]&0xe0 != 0xe0 || data[1]&0x18 == 0x08 ||
		data[2]&0xf0 == 0xf0 || data[2]&0x0c == 0x0c {
		return ""
	}
	return [...]string{"", "mp3", "mp2", "mp1"}[data[1]>>1&3]
}

// adtsRates are the samples a second by sampling_frequency_index (table 1.18).
var adtsRates = [...]int{96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350}

// adtsChannels are those of each channel_configuration (table 1.19).
var adtsChannels = [...]int{0, 1, 2, 3, 4, 5, 6, 8}

func readADTS(b []byte) (f AudioFrame, ok bool) {
	rate := int(b[2] >> 2 & 0x0f)
	if rate >= len(adtsRates) {
		return AudioFrame{}, false
	}
	f = AudioFrame{
		Codec:    "aac",
		Bytes:    int(b[3]&3)<<11 | int(b[4])<<3 | int(b[5]>>5),
		Samples:  1024 * int(b[6]&3+1), // number_of_raw_data_blocks_in_frame
		Rate:     adtsRates[rate],
		Channels: adtsChannels[b[2]&1<<2|b[3]>>6],
	}
	return f, f.Bytes > AudioHeader
}

// mpegBitRates are in kbit/s, by bitrate_index: of layers II and III, and of
// both at the rates of ISO/IEC 13818-3.
var mpegBitRates = [3][15]int{
	{0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384},
	{0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320},
	{0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160},
}

// readMPEGAudio reads the header of a known layer. Frames of the free format do
// not tell their length.
func readMPEGAudio(layer string, h uint32) (f AudioFrame, ok bool) {
	version := h >> 19 & 3
	rate := [...]int{44100, 48000, 32000}[h>>10&3] >> [...]int{2, 0, 1, 0}[version]
	layer3, low := layer == "mp3", version != 3
	f, rates := AudioFrame{Codec: layer, Samples: 1152, Rate: rate, Channels: 2}, mpegBitRates[0]
	switch {
	case low:
		rates = mpegBitRates[2]
	case layer3:
		rates = mpegBitRates[1]
	}
	if low && layer3 {
		f.Samples = 576
	}
	if h>>6&3 == 3 {
		f.Channels = 1
	}
	f.BitRate = 1000 * rates[h>>12&0xf]
	f.Bytes = f.Samples/8*f.BitRate/rate + int(h>>9&1)
	return f, f.BitRate > 0 && (layer3 || version != 0)
}
