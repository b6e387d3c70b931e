package program_test

import (
	"fmt"
	"testing"
	"time"

	"vw/media/mpegts"
	"vw/media/program"
)

// lasts is how long the coded sound in b is, and a frame of it, in 1/90,000 s; it
// fails the test unless b is whole frames.
func lasts(t *testing.T, b []byte) (all, one int64) {
	t.Helper()
	samples := 0
	for len(b) > 0 {
		f, ok := mpegts.ReadAudioFrame(b)
		if !ok || f.Bytes > len(b) {
			t.Fatalf("%d bytes are no whole frames of sound", len(b))
		}
		samples += f.Samples
		all, one = int64(samples)*mpegts.PTSHz/int64(f.Rate), int64(f.Samples)*mpegts.PTSHz/int64(f.Rate)
		b = b[f.Bytes:]
	}
	return all, one
}

// abuts fails the test unless all sound of a PID goes on without a hole of a frame and
// without an overlap of more than is lost by stamps that are rounded and slewed.
func abuts(t *testing.T, ts []byte, pid uint16) {
	t.Helper()
	const rounding = 2 // 1/90,000 s
	us := unitsOf(ts, pid)
	for i := range us[:len(us)-1] {
		all, one := lasts(t, us[i].data)
		if hole := mpegts.PTSDelta(us[i+1].dts, us[i].dts) - all; hole < -ms/2 || hole >= one+rounding {
			t.Errorf("unit %d of %d begins %.2f ms behind the end of the one before", i+1, len(us), float64(hole)/ms)
		}
	}
}

// TestSoundAbutsAtSplices swaps two microphones, mutes and unmutes, and has one of them
// begin late, so that its clock is set back while it is heard.
func TestSoundAbutsAtSplices(t *testing.T) {
	t.Parallel()
	for _, c := range [][]string{
		audio("14", "mp2", "-b:a", "64k", "-ar", "44100", "-pes_payload_size", "1000"), // 5 frames a PES packet
		audio("14", "aac", "-b:a", "64k", "-ar", "48000", "-pes_payload_size", "500"),
	} {
		a := clip(t, c...)
		clips := map[string][]byte{"a": a, "b": a}
		for _, phase := range []time.Duration{0, 7 * time.Millisecond, 111 * time.Millisecond} {
			t.Run(fmt.Sprint(c[5], " ", phase), func(t *testing.T) {
				var changes []event
				for i := range 12 {
					feeds := [][]string{{"b"}, {"a"}, {}, {"a"}}[i%4]
					changes = append(changes, call(time.Duration(i+2)*time.Second, func(p *program.Program) { p.Select(told(clips, feeds...)) })...)
				}
				first := paced("a", a, 0)
				for i := range first {
					first[i].at = max(first[i].at, phase+500*time.Millisecond)
				}
				second := paced("b", a, phase)
				for i := range second { // held up as the rule comes to it
					if at := second[i].at; at > 2*time.Second && at < 2400*time.Millisecond {
						second[i].at = 2400 * time.Millisecond
					}
				}
				out := play(t, selecting("a"), first, second, changes)
				sound(t, out)
				abuts(t, out, 0x100)
				wholeOrSilent(t, out, a)
				if phase > 0 {
					return
				}
				// libavformat lets each frame of a unit begin where the one before ends.
				ffmpeg(t, out, "-v", "warning", "-i", "-", "-map", "0:a:0", "-f", "null", "-", "-map", "0:a:0", "-c:a", "copy", "-f", "null", "-")
			})
		}
	}
}

// wholeOrSilent fails the test unless each PES packet of sound is as it was in the clip, or of
// frames of silence.
func wholeOrSilent(t *testing.T, out, clip []byte) {
	t.Helper()
	whole, silence := map[string]bool{}, map[string]bool{}
	units := unitsOf(clip, 0x100)
	for _, u := range units {
		whole[string(u.data)] = true
	}
	kept := 0
	for _, u := range unitsOf(out, 0x100) {
		if whole[string(u.data)] {
			kept++
			continue
		}
		for b := u.data; len(b) > 0; {
			f, _ := mpegts.ReadAudioFrame(b)
			silence[string(b[:f.Bytes])] = true
			b = b[f.Bytes:]
		}
	}
	if len(silence) > 2 { // with and without padding
		t.Errorf("%d different frames are of no whole unit of a source", len(silence))
	}
	if kept < len(units)/2 {
		t.Errorf("%d units of the sources, of %d", kept, len(units))
	}
}
