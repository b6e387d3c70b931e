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
	do     func(r *room) act
	bounds bounds
	but    []exception
}

// An exception is what does not hold yet, or cannot: one viewer's bound of one thing.
type exception struct {
	who, what string
	bound     time.Duration
	why       string
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
	heard  bool          // the sound goes on all the time, without a pause of soundPause
}

var (
	rounds = flag.Int("rows", 0, "how often each row is done")
	// tries is how often a row is tried on a machine that is too busy to tell.
	tries = flag.Int("tries", 3, "how often a row is tried while the machine is too busy to tell")
)

const (
	// lateness is how far a picture is behind by all that is well.
	lateness = 150 * ms
	// busy is the most of the machine's own standstill that is taken off.
	busy = 150 * ms
	// soundPause is the longest that players and meters leave between two sounds.
	soundPause = 250 * ms
	// readerSlack is how much later ffmpeg's reports show what it has decoded: one
	// in 0.05 s, of a picture that it has waited for the next to show.
	readerSlack = 200 * ms
)

func TestNoViewerNotices(t *testing.T) {
	if *rounds == 0 {
		t.Skip("players are heavy and their time is real: go test ./agent/players -rows 1, on a machine that does nothing else; make test does")
	}
	s := newStage(t)
	control := s.newRoom(t, launch(t), "control", "h264")
	shoot(t, control.agent, "front", tiny, "h264", "aac")
	control.open(true, "mpegts.js")
	r := s.newRoom(t, launch(t), "room", "h264", "mpeg1")
	r.front = shoot(t, r.agent, "front", front, everything...)
	var table []string
	defer func() { t.Logf("what viewers noticed, in seconds:\n%s", strings.Join(table, "\n")) }()
	for range *rounds {
		for _, row := range rows {
			t.Run(strings.ReplaceAll(row.name, " ", "_"), func(t *testing.T) {
				r.t, s.TB = t, t
				table = append(table, r.hold(row, control.players[0])...)
			})
		}
	}
	r.t, s.TB = t, t
}

// hold does what a row says, and holds its bounds against what is noticed. Where they
// do not hold it is done again, if the machine held up the control, which nothing is
// done to, or the players' pages.
func (r *room) hold(row row, control *player) (table []string) {
	for try := 1; ; try++ {
		if len(r.players) == 0 {
			r.open(true, "mpegts.js", "mpegts.js chasing", "jsmpeg")
		}
		act := row.do(r)
		end := time.Now()
		time.Sleep(time.Second) // what the pages have to say yet
		held, _ := control.still(act.begun, end)
		v := &verdict{row: row, held: max(0, held-lateness)}
		for _, p := range r.players {
			v.held = max(v.held, p.heldUp(act.begun, end))
		}
		v.figures = append(v.figures, fmt.Sprintf("%s, the machine's share %.2f", row.name, v.held.Seconds()))
		for _, p := range r.players {
			v.player(p, act, end)
		}
		for _, reader := range r.readers {
			v.reader(reader, act, end)
		}
		table = append(table, v.figures...)
		if len(v.faults) == 0 {
			return table
		}
		for _, p := range r.players {
			r.t.Logf("%s", p.log(act.begun, end))
		}
		r.closePlayers()
		if v.held > busy && try < *tries {
			continue
		}
		if v.held > busy {
			r.t.Errorf("the machine is too busy to tell: it held the players up for %.2f s, each of %d times", v.held.Seconds(), try)
		}
		for _, f := range v.faults {
			r.t.Error(f)
		}
		return table
	}
}

// A verdict is what the viewers noticed in a row, and what of that they may not.
type verdict struct {
	row
	held            time.Duration // by the machine
	figures, faults []string
}

// bound holds a bound, or the exception to it.
func (v *verdict) bound(who, what string, got, bound time.Duration) {
	for _, e := range v.but {
		if e.who == who && e.what == what {
			v.figures = append(v.figures, fmt.Sprintf("  %-18s %s: %.2f s, not the %.2f that it is to be, but %.2f: %s",
				who, what, got.Seconds(), bound.Seconds(), e.bound.Seconds(), e.why))
			bound = e.bound
		}
	}
	if got > bound+min(v.held, busy) {
		v.faults = append(v.faults, fmt.Sprintf("%s: %s: %.2f s, not %.2f", who, what, got.Seconds(), bound.Seconds()))
	}
}

func (v *verdict) player(p *player, act act, end time.Time) {
	before, after := p.behind(act.begun.Add(-time.Second), act.begun), p.behind(end.Add(-time.Second), end)
	still, at := p.still(act.begun, end)
	dark, back := p.first("picture", act.begun.Add(before), end, black), p.first("sound", act.back.Add(before), end, loud)
	quiet := p.quiet(act.begun, end)
	v.figures = append(v.figures, fmt.Sprintf("  %-18s still %s at %s, black after %s, quiet for %s, sound back after %s, behind %s -> %s",
		p.name, seconds(still), seconds(at.Sub(act.begun)), seconds(dark), seconds(quiet), seconds(back), seconds(before), seconds(after)))
	v.bound(p.name, "still", still, v.bounds.still)
	if v.bounds.black > 0 {
		v.bound(p.name, "black after", dark, v.bounds.black)
	}
	if v.bounds.sound > 0 {
		v.bound(p.name, "sound back after", back, v.bounds.sound)
	}
	if v.bounds.heard {
		v.bound(p.name, "quiet for", quiet, soundPause)
	}
	if v.bounds.behind > 0 {
		v.bound(p.name, "further behind", after-before, v.bounds.behind)
	}
	for _, e := range p.errors(act.begun) {
		v.faults = append(v.faults, fmt.Sprintf("%s: %s", p.name, e))
	}
}

func (v *verdict) reader(r *reader, act act, end time.Time) {
	still, at := r.still(act.begun, end)
	complaints := r.complaints(act.begun, end)
	v.figures = append(v.figures, fmt.Sprintf("  %-18s still %s at %s, complaints: %d", r.name, seconds(still), seconds(at.Sub(act.begun)), len(complaints)))
	v.bound(r.name, "still", still, v.bounds.still+readerSlack)
	for _, e := range v.but {
		if e.who == r.name && e.what == "complaints" {
			v.figures = append(v.figures, fmt.Sprintf("  %-18s may complain: %s", r.name, e.why))
			return
		}
	}
	for _, c := range complaints {
		v.faults = append(v.faults, fmt.Sprintf("%s says: %s", r.name, c))
	}
}

func seconds(d time.Duration) string {
	if d >= never-time.Minute {
		return "   -"
	}
	return fmt.Sprintf("%5.2f", d.Seconds())
}
