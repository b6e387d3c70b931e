package program_test

import (
	"fmt"
	"testing"
	"time"

	"vw/media/program"
	"vw/media/tscheck"
)

// Nobody asks for anything while a stream's rule is deleted, though somebody may still read it.
func TestAProgramThatWasNotWantedForAWhileGoesOnInTime(t *testing.T) {
	t.Parallel()
	low := []string{"-muxdelay", "0.1", "-muxpreload", "0"}
	v, w := clip(t, video("20", "libx264", append(low, "-bf", "0")...)...), clip(t, video("20", "libx264", append(low, "-bf", "0", "-qp", "30")...)...)
	a := clip(t, audio("20", "mp2", low...)...)
	for _, away := range []time.Duration{300 * time.Millisecond, 1200 * time.Millisecond, 2 * time.Second, 5 * time.Second} {
		for name, rules := range map[string][2][]string{"the same": {{"v", "a"}, {"v", "a"}}, "another camera": {{"w"}, {"v", "a"}}, "sound": {{"v", "a"}, {"a"}}, "another": {{"a"}, {"w"}}} {
			t.Run(fmt.Sprint(name, " after ", away), func(t *testing.T) {
				const begins = 5 * time.Second
				ends := begins + away
				var before, after []event
				for feed, ts := range map[string][]byte{"v": v, "w": w, "a": a} {
					for _, e := range paced(feed, ts, 0) {
						if e.at <= begins {
							before = append(before, e)
						} else if e.at > ends {
							after = append(after, e)
						}
					}
				}
				p := program.New(time.Unix(10, 0))
				p.Select(rule("v", "w", "a"))
				p.Select(rule(rules[0]...))
				check := tscheck.New(tscheck.Options{})
				check.Write(play(t, p, before))
				p.Select(nil)
				p.Skip(ends)
				p.Select(told(map[string][]byte{"v": v, "w": w, "a": a}, rules[1]...))
				check.Write(p.Fill(nil, ends))
				for _, e := range inOrder(after) {
					check.Write(p.Append(fill(p, nil, e.at), e.feed, e.data, e.at))
				}
				for _, fault := range check.Report().Faults() {
					t.Error(fault)
				}
			})
		}
	}
}
