package filler

import (
	"errors"

	"vw/media/mpegts"
)

// newAAC makes silence of AAC in ADTS: channel elements in which no scale factor
// band is coded (max_sfb 0).
func newAAC(es []byte) (*Audio, error) {
	h := firstFrame("aac", es)
	if h == nil {
		return nil, errors.New("the audio has no frame of AAC with an ADTS header")
	}
	f, _ := mpegts.ReadAudioFrame(h)
	if f.Channels == 0 {
		return nil, errors.New("no silence can be made for AAC whose channels are told by a program_config_element")
	}
	if h[2]>>6 == 2 {
		return nil, errors.New("no silence can be made for AAC of the profile SSR")
	}
	w := bitWriter{buf: []byte{0xff, h[1] | 1, h[2] &^ 2, h[3] & 0xc0, 0, 0x1f, 0xfc}} // no CRC, any buffer fullness, one block
	writeElements(&w, h[2]&1<<2|h[3]>>6)
	n := len(w.buf)
	w.buf[4] = byte(n >> 3)
	w.buf[5] |= byte(n << 5)
	return &Audio{frames: [2][]byte{w.buf}, samples: 1024, rate: f.Rate}, nil
}

// adtsElements are the elements of each channel_configuration (table 1.19): the
// id_syn_ele of a single channel 0, of a pair 1, of low frequencies 3.
var adtsElements = [...][]uint64{nil, {0}, {1}, {0, 1}, {0, 1, 0}, {0, 1, 1}, {0, 1, 1, 3}, {0, 1, 1, 1, 3}}

// writeElements writes a raw_data_block (4.4.2.1) of a channel_configuration.
func writeElements(w *bitWriter, configuration byte) {
	var tags [4]uint64
	for _, element := range adtsElements[configuration] {
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
