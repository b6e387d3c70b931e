package filler

import (
	"errors"
)

// adtsHeader is the size of an ADTS header without a CRC (ISO/IEC 14496-3,
// 1.A.2.2), in bytes.
const adtsHeader = 7

// newAAC makes silence of AAC in ADTS: channel elements in which no scale factor
// band is coded (max_sfb 0).
func newAAC(es []byte) (*Audio, error) {
	h := firstFrame(es, adtsFrame)
	if h == nil {
		return nil, errors.New("the audio has no frame of AAC with an ADTS header")
	}
	channels := h[2]&1<<2 | h[3]>>6
	if channels == 0 {
		return nil, errors.New("no silence can be made for AAC whose channels are told by a program_config_element")
	}
	if h[2]>>6 == 2 {
		return nil, errors.New("no silence can be made for AAC of the profile SSR")
	}
	w := bitWriter{buf: []byte{0xff, h[1] | 1, h[2] &^ 2, h[3] & 0xc0, 0, 0x1f, 0xfc}} // no CRC, any buffer fullness, one block
	writeElements(&w, channels)
	n := len(w.buf)
	w.buf[4] = byte(n >> 3)
	w.buf[5] |= byte(n << 5)
	return &Audio{frames: [2][]byte{w.buf}, samples: 1024, rate: adtsRates[h[2]>>2&0xf]}, nil
}

// adtsRates are the samples a second by sampling_frequency_index (table 1.18).
var adtsRates = [...]int{96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350}

// adtsElements are the elements of each channel_configuration (table 1.19): the
// id_syn_ele of a single channel 0, of a pair 1, of low frequencies 3.
var adtsElements = [...][]uint64{nil, {0}, {1}, {0, 1}, {0, 1, 0}, {0, 1, 1}, {0, 1, 1, 3}, {0, 1, 1, 1, 3}}

// writeElements writes a raw_data_block (4.4.2.1).
func writeElements(w *bitWriter, channels byte) {
	var tags [4]uint64
	for _, element := range adtsElements[channels] {
		w.write(element, 3)
		w.write(tags[element], 4)
		tags[element]++
		streams := 1
		if element == 1 {
			streams = 2
			w.write(0, 1) // common_window
		}
		for range streams {
			w.write(0, 8)     // global_gain
			w.write(0, 1+2)   // ics_reserved_bit, window_sequence: only a long one
			w.write(0, 1)     // window_shape
			w.write(0, 6+1)   // max_sfb, predictor_data_present
			w.write(0, 1+1+1) // pulses, temporal noise shaping, gain control
		}
	}
	w.write(7, 3) // the end
}

// adtsFrame reads an ADTS header.
func adtsFrame(b []byte) frame {
	if len(b) < adtsHeader || b[0] != 0xff || b[1]&0xf6 != 0xf0 || int(b[2]>>2&0xf) >= len(adtsRates) {
		return frame{}
	}
	n := int(b[3]&3)<<11 | int(b[4])<<3 | int(b[5])>>5
	if n <= adtsHeader {
		return frame{}
	}
	return frame{n, 1024 * int(b[6]&3+1), adtsRates[b[2]>>2&0xf], uint32(b[2]&^2)<<8 | uint32(b[3]&0xc0)}
}
