package filler

import "vw/media/mpegts"

// A frame is what the header of a coded frame of audio says.
type frame struct {
	bytes   int // 0: this is no header
	samples int // per channel
	rate    int // samples a second
	fixed   uint32
}

// parsers read the header that b begins with, by the coding's name.
var parsers = map[string]func(b []byte) frame{"mp2": mpegAudioFrame, "aac": adtsFrame}

// Length returns how many samples per channel the frames have that begin in es,
// and the samples a second; 0, 0 where it has none of a coding that can be filled.
func Length(streamType byte, es []byte) (samples, rate int) {
	name, _ := (mpegts.Track{Type: streamType}).Codec()
	parse := parsers[name]
	if parse == nil {
		return 0, 0
	}
	for len(es) > 0 {
		f := parse(es)
		if f.bytes == 0 {
			es = es[1:]
			continue
		}
		samples, rate = samples+f.samples, f.rate
		es = es[min(f.bytes, len(es)):]
	}
	return samples, rate
}

// firstFrame returns es from the first header on behind whose frame one of the
// same fixed fields follows. Where no frame is whole, it is the first header; nil
// where there is none.
func firstFrame(es []byte, parse func(b []byte) frame) (first []byte) {
	for ; len(es) > 0; es = es[1:] {
		f := parse(es)
		if f.bytes == 0 {
			continue
		}
		if next := es[min(f.bytes, len(es)):]; len(next) < adtsHeader {
			if first == nil {
				first = es
			}
		} else if n := parse(next); n.bytes > 0 && n.fixed == f.fixed {
			return es
		}
	}
	return first
}
