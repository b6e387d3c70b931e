package mpegts_test

import (
	"slices"
	"testing"

	"vw/media/mpegts"
)

func TestCounterTellsWhatAPacketIs(t *testing.T) {
	plain := func(cc byte) mpegts.Packet { return packet(0x47, 1, 0, 0x10|cc) }
	announced := func(cc byte) mpegts.Packet { return packet(0x47, 1, 0, 0x30|cc, 1, 0x80) }
	clock := func(cc byte) mpegts.Packet { return mpegts.AppendPCR(nil, 0x100, cc, 0) }
	for name, c := range map[string]struct {
		packets []mpegts.Packet
		want    []mpegts.Step
	}{
		"any first counter, and a wrap": {[]mpegts.Packet{plain(14), plain(15), plain(0)}, []mpegts.Step{mpegts.Onward, mpegts.Onward, mpegts.Onward}},
		"a packet twice":                {[]mpegts.Packet{plain(3), plain(3), plain(4)}, []mpegts.Step{mpegts.Onward, mpegts.Duplicate, mpegts.Onward}},
		"three times":                   {[]mpegts.Packet{plain(3), plain(3), plain(3)}, []mpegts.Step{mpegts.Onward, mpegts.Duplicate, mpegts.Surplus}},
		"a loss":                        {[]mpegts.Packet{plain(3), plain(5), plain(6)}, []mpegts.Step{mpegts.Onward, mpegts.Gap, mpegts.Onward}},
		"an announced jump":             {[]mpegts.Packet{plain(3), announced(9), plain(10)}, []mpegts.Step{mpegts.Onward, mpegts.Announced, mpegts.Onward}},
		"announced without payload": {[]mpegts.Packet{plain(3), mpegts.AppendDiscontinuity(nil, 0x100, 9), plain(9)},
			[]mpegts.Step{mpegts.Onward, mpegts.Announced, mpegts.Onward}},
		"a clock between": {[]mpegts.Packet{plain(3), clock(3), plain(4)}, []mpegts.Step{mpegts.Onward, mpegts.Onward, mpegts.Onward}},
	} {
		var counter mpegts.Counter
		var got []mpegts.Step
		for _, p := range c.packets {
			got = append(got, counter.Follow(p))
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}
