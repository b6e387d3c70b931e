package mpegts

import "encoding/binary"

// An AudioFrame is what the header of one coded frame says.
type AudioFrame struct {
	Bytes   int // with the header
	Samples int // of each channel
	Rate    int // samples a second
}

// AudioHeader is how many bytes ReadAudioFrame looks at.
const AudioHeader = 6

// ReadAudioFrame reads the header that b begins with, of MPEG audio layer II or
// III (ISO/IEC 11172-3, 2.4.1.3; ISO/IEC 13818-3) or of AAC in ADTS (ISO/IEC
// 14496-3, 1.A.2.2). It reports false where none begins.
func ReadAudioFrame(b []byte) (f AudioFrame, ok bool) {
	switch {
	case len(b) < AudioHeader || b[0] != 0xff:
		return AudioFrame{}, false
	case b[1]&0xf6 == 0xf0:
		return readADTS(b)
	case AudioLayer(b) == "mp2", AudioLayer(b) == "mp3":
		return readMPEGAudio(binary.BigEndian.Uint32(b))
	}
	return AudioFrame{}, false
}

// adtsRates are the samples a second by sampling_frequency_index (table 1.18).
var adtsRates = [...]int{96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350}

// readADTS takes a frame for one of a single block: nobody sends others.
func readADTS(b []byte) (f AudioFrame, ok bool) {
	rate := int(b[2] >> 2 & 0x0f)
	if rate >= len(adtsRates) {
		return AudioFrame{}, false
	}
	n := int(b[3]&3)<<11 | int(b[4])<<3 | int(b[5]>>5)
	return AudioFrame{n, 1024, adtsRates[rate]}, n > AudioHeader
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
func readMPEGAudio(h uint32) (f AudioFrame, ok bool) {
	rate := [...]int{44100, 48000, 32000}[h>>10&3] >> [...]int{2, 0, 1, 0}[h>>19&3]
	layer3, low := h>>17&3 == 1, h>>19&3 != 3
	f, rates := AudioFrame{Samples: 1152, Rate: rate}, mpegBitRates[0]
	switch {
	case low:
		rates = mpegBitRates[2]
	case layer3:
		rates = mpegBitRates[1]
	}
	if low && layer3 {
		f.Samples = 576
	}
	f.Bytes = f.Samples/8*1000*rates[h>>12&0xf]/rate + int(h>>9&1)
	return f, f.Bytes > AudioHeader
}
