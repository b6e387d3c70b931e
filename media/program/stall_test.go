package program_test

import (
	"fmt"
	"testing"
	"time"

	"vw/media/tscheck"
)

// Nobody calls for a while, as where the machine is overloaded: what is due is done late, and all
// that has come in meanwhile at once. A second later all is in time again.
func TestAStallOfTheMachineIsOverWhenItIs(t *testing.T) {
	t.Parallel()
	low := []string{"-muxdelay", "0.1", "-muxpreload", "0"}
	for _, codec := range []string{"mpeg1video", "libx264"} {
		clips := map[string][]byte{"v": clip(t, video("20", codec, append(low, "-bf", "0")...)...), "a": clip(t, audio("20", "mp2", low...)...)}
		for _, stall := range []time.Duration{500 * time.Millisecond, 1300 * time.Millisecond, 3 * time.Second, 10 * time.Second} {
			for _, order := range [][]string{{"v", "a"}, {"a", "v"}} {
				t.Run(fmt.Sprint(codec, " ", stall, " ", order), func(t *testing.T) {
					const begins = 5 * time.Second
					for _, fault := range stalls(t, clips, order, begins, begins+stall).Faults() {
						t.Error(fault)
					}
				})
			}
		}
	}
}

// stalls judges what comes from a second after a stall on, at whose end the feeds come in that order.
func stalls(t testing.TB, clips map[string][]byte, order []string, begins, ends time.Duration) tscheck.Report {
	t.Helper()
	p := selecting("v", "a")
	var before, after []event
	missed := map[string][]byte{}
	for _, feed := range order {
		for _, e := range paced(feed, clips[feed], 0) {
			switch {
			case e.at <= begins:
				before = append(before, e)
			case e.at <= ends:
				missed[feed] = append(missed[feed], e.data...)
			default:
				after = append(after, e)
			}
		}
	}
	play(t, p, before)
	p.Fill(nil, ends)
	for _, feed := range order {
		p.Append(nil, feed, missed[feed], ends)
	}
	check := tscheck.New(tscheck.Options{})
	for _, e := range inOrder(after) {
		out := p.Append(fill(p, nil, e.at), e.feed, e.data, e.at)
		if e.at > ends+time.Second {
			check.Write(out)
		}
	}
	return check.Report()
}
