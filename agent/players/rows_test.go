package players_test

import (
	"flag"
	"fmt"
	"strings"
	"testing"
	"time"
)

// A row is something that is done to a stream while it is played, and what its
// viewers may notice of it at most.
type row struct {
	name   string
	feeds  []string
	do     func(r *room) act
	bounds bounds
}

// An act is when it was done, and when all was as before again.
type act struct{ begun, back time.Time }

// bounds are what a viewer may notice. A viewer sees and hears all that is done as
// much later as the picture is behind, which is not counted.
type bounds struct {
	still  time.Duration // the longest standstill of the picture
	black  time.Duration // until the picture is black, where that is wanted
	sound  time.Duration // until the sound is back, where it was away
	behind time.Duration // how much more the picture is behind afterwards
	heard  bool          // the sound goes on all the time
}

var (
	all = flag.Bool("all", false, "every row, by the bounds of a machine that does nothing else")
	// tries is how often a row is tried on a machine that is too busy to tell.
	tries = flag.Int("tries", 3, "how often a row is tried while the machine is too busy to tell")
)

// lateness is how far a picture is behind by all that is well.
const lateness = 150 * time.Millisecond

func TestNoViewerNotices(t *testing.T) {
	if !*all {
		t.Skip("players are heavy, and not all rows hold yet: go test ./agent/players -all, on a machine that does nothing else")
	}
	s := newStage(t)
	a := launch(t)
	shoot(t, a.url, "front", front)
	control := s.newRoom(t, a, "control", "front.video", "front.audio")
	control.play1()
	for _, row := range rows {
		t.Run(strings.ReplaceAll(row.name, " ", "_"), func(t *testing.T) {
			for try := 1; ; try++ {
				r := s.newRoom(t, a, fmt.Sprintf("%s-%d", strings.ReplaceAll(row.name, " ", "-"), try), row.feeds...)
				act := row.do(r)
				end := time.Now()
				time.Sleep(300 * time.Millisecond) // what the pages have to say yet
				busy, _ := control.players[0].still(act.begun, end)
				faults := r.judge(row.bounds, act, end, max(0, busy-lateness))
				r.close()
				if len(faults) == 0 || try == *tries || busy < 2*lateness {
					for _, f := range faults {
						t.Error(f)
					}
					return
				}
				t.Logf("again, since the control stood still for %v: %q", busy, faults)
			}
		})
	}
}

// judge says what the viewers noticed. The machine's own standstill is not
// counted.
func (r *room) judge(b bounds, act act, end time.Time, busy time.Duration) (faults []string) {
	fault := func(p *player, what string, got, bound time.Duration) {
		if got > bound+max(busy, p.heldUp(act.begun, end)) {
			faults = append(faults, fmt.Sprintf("%s: %s %.2f s, not %.2f", p.name, what, got.Seconds(), bound.Seconds()))
		}
	}
	for _, p := range r.players {
		before := p.behind(act.begun.Add(-time.Second), act.begun)
		still, at := p.still(act.begun, end)
		fault(p, fmt.Sprintf("the picture stands still at %.2f for", at.Sub(act.begun).Seconds()), still, b.still)
		if b.black > 0 {
			fault(p, "the picture is black after", p.first("picture", act.begun.Add(before), end, black), b.black)
		}
		if b.sound > 0 {
			fault(p, "the sound is back after", p.first("sound", act.back.Add(before), end, loud), b.sound)
		}
		if b.heard {
			fault(p, "nothing is heard for", p.quiet(act.begun, end), b.still)
		}
		if b.behind > 0 {
			fault(p, fmt.Sprintf("from %.2f the picture comes behind by", before.Seconds()), p.behind(end.Add(-time.Second), end)-before, b.behind)
		}
		for _, e := range p.errors(act.begun) {
			faults = append(faults, fmt.Sprintf("%s: %s", p.name, e))
		}
		r.t.Logf("%-40s still %5.2f (at %5.2f) black %5.2f quiet %5.2f sound %5.2f behind %5.2f -> %5.2f held up %.2f control %.2f", p.name,
			still.Seconds(), at.Sub(act.begun).Seconds(), p.first("picture", act.begun, end, black).Seconds(),
			p.quiet(act.begun, end).Seconds(), p.first("sound", act.back, end, loud).Seconds(),
			before.Seconds(), p.behind(end.Add(-time.Second), end).Seconds(), p.heldUp(act.begun, end).Seconds(), busy.Seconds())
		if len(faults) > 0 {
			r.t.Logf("%s", p.log(act.begun, end))
		}
	}
	for _, reader := range r.readers {
		still := reader.still(act.begun, end)
		r.t.Logf("%-40s still %5.2f", reader.name, still.Seconds())
		if still > b.still+readerSlack+busy {
			faults = append(faults, fmt.Sprintf("%s: no frame for %.2f s", reader.name, still.Seconds()))
		}
		for _, c := range reader.complaints() {
			faults = append(faults, fmt.Sprintf("%s says: %s", reader.name, c))
		}
	}
	return faults
}

// readerSlack is how much later ffmpeg's reports show what it has decoded: one
// in 0.1 s.
const readerSlack = 150 * time.Millisecond
