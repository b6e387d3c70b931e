package filler

import "vw/media/mpegts"

// readFrame reads the header that es begins with, if it is of the coding: layers II
// and III are both called mp2.
func readFrame(coding string, es []byte) (f mpegts.AudioFrame, ok bool) {
	f, ok = mpegts.ReadAudioFrame(es)
	return f, ok && (f.Codec == "aac") == (coding == "aac")
}

// Length returns how many samples per channel the frames have that begin in es,
// and the samples a second; 0, 0 where it has none of a coding that can be filled.
func Length(streamType byte, es []byte) (samples, rate int) {
	coding, _ := (mpegts.Track{Type: streamType}).Codec()
	if coding != "mp2" && coding != "aac" {
		return 0, 0
	}
	for len(es) > 0 {
		f, ok := readFrame(coding, es)
		if !ok {
			es = es[1:]
			continue
		}
		samples, rate = samples+f.Samples, f.Rate
		es = es[min(f.Bytes, len(es)):]
	}
	return samples, rate
}

// firstFrame returns es from the first header on behind whose frame one of the
// same coding follows. Where no frame is whole, it is the first header; nil
// where there is none.
func firstFrame(coding string, es []byte) (first []byte) {
	for ; len(es) > 0; es = es[1:] {
		f, ok := readFrame(coding, es)
		if !ok {
			continue
		}
		if next := es[min(f.Bytes, len(es)):]; len(next) < mpegts.AudioHeader {
			if first == nil {
				first = es
			}
		} else if n, ok := readFrame(coding, next); ok && n.Codec == f.Codec && n.Rate == f.Rate && n.Channels == f.Channels {
			return es
		}
	}
	return first
}
