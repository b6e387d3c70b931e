package filler

import (
	"encoding/binary"
	"errors"

	"vw/media/mpegts"
)

// Fields of what a frame of MPEG audio begins with (ISO/IEC 11172-3, 2.4.1.3).
const (
	mpegAudioUnchecked  = 1 << 16 // protection_bit
	mpegAudioBitRate    = 0xf << 12
	mpegAudioPadding    = 1 << 9
	mpegAudioPrivate    = 1 << 8
	mpegAudioModeDetail = 3 << 4
)

// low reports whether the rate is one of ISO/IEC 13818-3, or below.
func low(f mpegts.AudioFrame) bool { return f.Rate < 32000 }

// newMPEGAudio makes silence of layers II and III: a header and zeros. In layer
// II they allocate no bits to any subband, in layer III they are side
// information of granules without data, which take nothing from the bit
// reservoir (main_data_begin 0). The bit rate is the lowest of the mode that decoders
// take: libavcodec and jsmpeg take none of the free format.
func newMPEGAudio(es []byte) (*Audio, error) {
	es = firstFrame("mp2", es)
	if es == nil {
		return nil, errors.New("the audio has no frame of MPEG layer II or III")
	}
	f, _ := mpegts.ReadAudioFrame(es)
	h := binary.BigEndian.Uint32(es)
	h &^= mpegAudioBitRate | mpegAudioPadding | mpegAudioPrivate | mpegAudioModeDetail
	h |= mpegAudioUnchecked
	if f.Codec == "mp2" && !low(f) && f.Channels == 2 {
		h |= 4 << 12 // 64 kbit/s: less is for single channels
	} else {
		h |= 1 << 12
	}
	a := &Audio{samples: f.Samples, rate: f.Rate}
	for i, h := range []uint32{h, h | mpegAudioPadding} {
		header := binary.BigEndian.AppendUint32(nil, h)
		f, _ = mpegts.ReadAudioFrame(header)
		a.frames[i] = make([]byte, f.Bytes)
		copy(a.frames[i], header)
	}
	a.padding = f.Samples / 8 * f.BitRate % f.Rate
	return a, nil
}
