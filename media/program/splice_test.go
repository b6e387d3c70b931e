package program_test

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"vw/media/mpegts"
	"vw/media/program"
)

// A unit is a PES packet that came out.
type unit struct {
	pts, dts uint64
	data     []byte
	access   bool
}

// unitsOf are the PES packets of a PID.
func unitsOf(ts []byte, pid uint16) (all []unit) {
	for q := range mpegts.Packets(ts) {
		if q.PID() != pid || !q.HasPayload() {
			continue
		}
		if s, ok := q.PES(); ok {
			pts, _ := s.PTS()
			dts, _ := s.DTS()
			all = append(all, unit{pts, dts, bytes.Clone(s.Data()), q.RandomAccess()})
		} else if n := len(all); n > 0 {
			all[n-1].data = append(all[n-1].data, q.Payload()...)
		}
	}
	return all
}

// parameterSet is the sequence parameter set of H.264 in a unit, nil where it has none.
func (u unit) parameterSet() []byte {
	_, b, ok := bytes.Cut(u.data, []byte{0, 0, 1, 0x67})
	if !ok {
		return nil
	}
	b, _, _ = bytes.Cut(b, []byte{0, 0, 1})
	return bytes.TrimRight(b, "\x00")
}

// repeats reports whether it is a picture of the filler's that repeats another.
func (u unit) repeats() bool { return !u.access && len(u.data) <= 32 }

// film is H.264 as a camera for browsers sends it.
func film(t testing.TB, size, seconds string, more ...string) []byte {
	return clip(t, append([]string{"-f", "lavfi", "-i", "testsrc=s=" + size + ":r=25:d=" + seconds, "-c:v", "libx264", "-preset", "superfast",
		"-profile:v", "main", "-pix_fmt", "yuv420p", "-g", "25", "-muxpreload", "0", "-muxdelay", "0.1"}, more...)...)
}

// TestPicturesAroundASpliceKeepTheirDistance swaps cameras of two sizes there and back,
// whose pictures come at all parts of each other's, and mutes in between.
func TestPicturesAroundASpliceKeepTheirDistance(t *testing.T) {
	t.Parallel()
	const picture = mpegts.PTSHz / 25
	for _, order := range []struct{ name, bf string }{{"in order", "0"}, {"reordered", "2"}} {
		large, small := film(t, "320x240", "20", "-bf", order.bf), film(t, "160x112", "20", "-bf", order.bf)
		clips := map[string][]byte{"large": large, "small": small}
		for _, phase := range []time.Duration{0, time.Millisecond, 20 * time.Millisecond, 39 * time.Millisecond} {
			t.Run(fmt.Sprint(order.name, " ", phase), func(t *testing.T) {
				var changes []event
				for i := range 9 {
					feeds := [][]string{{"small"}, {"large"}, {}}[i%3]
					changes = append(changes, call(time.Duration(2*i+2)*time.Second+7*time.Millisecond,
						func(p *program.Program) { p.Select(told(clips, feeds...)) })...)
				}
				p := selecting("large")
				out := play(t, p, paced("large", large, 0), paced("small", small, 300*time.Millisecond+phase), changes)
				sound(t, out)
				us := unitsOf(out, 0x100)
				var size []byte
				var shown, before uint64 // the newest PTS, and that before the last unit
				splices, repeats := 0, 0
				for i, u := range us {
					sps := u.parameterSet()
					if i == 0 {
						size, shown, before = sps, u.pts, u.pts
						continue
					}
					d := mpegts.PTSDelta(u.dts, us[i-1].dts)
					if d < picture/2 || d > mpegts.PTSHz/2 {
						t.Errorf("unit %d of %d comes %d ms behind the one before", i, len(us), d/90)
					}
					if sps != nil && !bytes.Equal(sps, size) {
						splices++
						if !u.access || !bytes.Contains(u.data, []byte{0, 0, 1, 0x68}) || !bytes.Contains(u.data, []byte{0, 0, 1, 0x65}) {
							t.Errorf("unit %d is of another size, and has not all that a decoder begins with", i)
						}
						if us[i-1].repeats() {
							repeats++
							shown = before
						}
						if d := mpegts.PTSDelta(u.pts, shown); d < picture-1 {
							t.Errorf("the picture before unit %d, of another size, is shown for %d ms", i, d/90)
						}
						size = sps
					}
					before = shown
					if mpegts.PTSDelta(u.pts, shown) > 0 {
						shown = u.pts
					}
				}
				if splices < 5 {
					t.Errorf("%d changes of size", splices)
				}
				if order.bf == "0" && repeats != splices {
					t.Errorf("before %d of %d changes of size a picture comes that may be lost", repeats, splices)
				}
			})
		}
	}
}

// TestPicturesAreInTimeAfterSwaps has ten in a row: each there and back sends a picture
// more than time has passed. They are not shown later and later.
func TestPicturesAreInTimeAfterSwaps(t *testing.T) {
	t.Parallel()
	large, small := film(t, "320x240", "60", "-bf", "0"), film(t, "160x112", "60", "-bf", "0")
	clips := map[string][]byte{"large": large, "small": small}
	var changes []event
	for i := range 36 {
		feed := []string{"small", "large"}[i%2]
		changes = append(changes, call(time.Duration(1500*i+1500)*time.Millisecond, func(p *program.Program) { p.Select(told(clips, feed)) })...)
	}
	p := program.New(time.Unix(10, 0))
	p.Select(rule("large"))
	latest := time.Duration(0)
	for _, e := range inOrder(paced("large", large, 0), paced("small", small, 190*time.Millisecond), changes) {
		fill(p, nil, e.at)
		if e.do != nil {
			e.do(p)
			p.Fill(nil, e.at)
			continue
		}
		for _, u := range unitsOf(p.Append(nil, e.feed, e.data, e.at), 0x100) {
			late := time.Duration(mpegts.PTSDelta(u.pts, uint64(ticks(10*time.Second+e.at)))) * time.Second / mpegts.PTSHz
			latest = max(latest, late)
		}
	}
	if latest > 250*time.Millisecond {
		t.Errorf("a picture is shown %v after it came", latest)
	}
}
