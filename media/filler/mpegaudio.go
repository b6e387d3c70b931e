package filler

import (
	"encoding/binary"
	"errors"
)

// An mpegAudioHeader is what a frame of MPEG audio begins with (ISO/IEC
// 11172-3, 2.4.1.3; ISO/IEC 13818-3 halves the rates, what is called MPEG-2.5
// quarters them).
type mpegAudioHeader uint32

// Fields of a header.
const (
	mpegAudioSync       = 0x7ff << 21
	mpegAudioFixed      = mpegAudioSync | 3<<19 | 3<<17 | 3<<10 // version, layer, rate: the same in all frames
	mpegAudioUnchecked  = 1 << 16                               // protection_bit
	mpegAudioBitRate    = 0xf << 12
	mpegAudioPadding    = 1 << 9
	mpegAudioPrivate    = 1 << 8
	mpegAudioMode       = 3 << 6
	mpegAudioModeDetail = 3 << 4
)

func (h mpegAudioHeader) version() uint32 { return uint32(h>>19) & 3 }
func (h mpegAudioHeader) layer3() bool    { return h>>17&3 == 1 }
func (h mpegAudioHeader) low() bool       { return h.version() != 3 } // of 13818-3
func (h mpegAudioHeader) mono() bool      { return h&mpegAudioMode == mpegAudioMode }

func (h mpegAudioHeader) valid() bool {
	return h&mpegAudioSync == mpegAudioSync && h.version() != 1 &&
		(h.layer3() || h>>17&3 == 2 && h.version() != 0) &&
		h>>12&0xf != 0 && h>>12&0xf != 15 && h>>10&3 != 3
}

func (h mpegAudioHeader) rate() int {
	rate := [...]int{44100, 48000, 32000}[h>>10&3]
	return rate >> [...]int{2, 0, 1, 0}[h.version()]
}

func (h mpegAudioHeader) samples() int {
	if h.layer3() && h.low() {
		return 576
	}
	return 1152
}

// bitRate is in bit/s (11172-3 and 13818-3, 2.4.2.3).
func (h mpegAudioHeader) bitRate() int {
	column := 2
	switch {
	case h.low():
	case h.layer3():
		column = 1
	default:
		column = 0
	}
	return 1000 * int([3][15]int16{
		{0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384},
		{0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320},
		{0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160},
	}[column][h>>12&0xf])
}

// length is the frame's bytes, and what they lack without padding in 1/rate bytes.
func (h mpegAudioHeader) length() (whole, rest int) {
	n := h.samples() / 8 * h.bitRate()
	whole, rest = n/h.rate(), n%h.rate()
	if h&mpegAudioPadding != 0 {
		whole++
	}
	return whole, rest
}

// newMPEGAudio makes silence of layers II and III: a header and zeros. In layer
// II they allocate no bits to any subband, in layer III they are side
// information of granules without data, which take nothing from the bit
// reservoir (main_data_begin 0). The bit rate is the lowest of the mode.
func newMPEGAudio(es []byte) (*Audio, error) {
	es = firstFrame(es, mpegAudioFrame)
	if es == nil {
		return nil, errors.New("the audio has no frame of MPEG layer II or III")
	}
	h := mpegAudioHeader(binary.BigEndian.Uint32(es))
	h &^= mpegAudioBitRate | mpegAudioPadding | mpegAudioPrivate | mpegAudioModeDetail
	h |= mpegAudioUnchecked
	if !h.layer3() && !h.low() && !h.mono() {
		h |= 4 << 12 // 64 kbit/s: less is for single channels
	} else {
		h |= 1 << 12
	}
	a := &Audio{samples: h.samples(), rate: h.rate()}
	for i, header := range []mpegAudioHeader{h, h | mpegAudioPadding} {
		n, rest := header.length()
		a.frames[i], a.padding = make([]byte, n), rest
		binary.BigEndian.PutUint32(a.frames[i], uint32(header))
	}
	return a, nil
}

// mpegAudioFrame reads a header.
func mpegAudioFrame(b []byte) frame {
	if len(b) < 4 {
		return frame{}
	}
	h := mpegAudioHeader(binary.BigEndian.Uint32(b))
	if !h.valid() {
		return frame{}
	}
	n, _ := h.length()
	return frame{n, h.samples(), h.rate(), uint32(h & mpegAudioFixed)}
}
