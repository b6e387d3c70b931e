package program_test

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	"vw/media/mpegts"
	"vw/media/program"
)

// outlived is a new program of the same rule that another one's state has been given.
func outlived(t testing.TB, p *program.Program, at time.Duration, down time.Duration, rule []program.Selector) *program.Program {
	t.Helper()
	start := time.Unix(10, 0).Add(at)
	text, err := json.Marshal(p.State(at, start))
	if err != nil {
		t.Fatal(err)
	}
	var x program.State
	if err := json.Unmarshal(text, &x); err != nil || x.Check() != nil {
		t.Fatal(err, x.Check())
	}
	next := program.New(start.Add(down))
	next.Restore(x)
	next.Select(rule)
	return next
}

func TestARestoredProgramGoesOnAsTheOneBefore(t *testing.T) {
	t.Parallel()
	for name, codecs := range map[string][2]string{
		"mpeg1video and mp2": {"mpeg1video", "mp2"}, "H.264 and AAC": {"libx264", "aac"}, "mpeg2video and mp3": {"mpeg2video", "libmp3lame"},
	} {
		t.Run(name, func(t *testing.T) {
			cam, mic := clip(t, video("4", codecs[0], "-bf", "0")...), clip(t, audio("4", codecs[1])...)
			p := selecting("cam", "mic")
			out := play(t, p, paced("cam", cam, 0), paced("mic", mic, 0))
			muted := rule("cam", "mic")
			muted[1].Muted = true
			next := outlived(t, p, 4*time.Second, time.Second, muted)
			after := play(t, next, call(0, func(*program.Program) {}), call(4*time.Second, func(p *program.Program) { p.Select(rule("mic", "cam")) }),
				paced("mic", mic, 5*time.Second), paced("cam", cam, 6*time.Second), call(10*time.Second, func(p *program.Program) { p.End("cam") }), call(11*time.Second, func(*program.Program) {}))
			for _, pid := range []uint16{0x100, 0x101} {
				if n := len(perPID(after[:len(after)/20], pid)); n == 0 {
					t.Errorf("PID %#x is not filled at once", pid)
				}
			}
			sound(t, after)
			r := sound(t, joined(out, after))
			if n := len(r.Programs[0].Tracks); n != 2 || r.Programs[0].Tracks[0].PID != 0x100 || r.Programs[0].Tracks[0].Kind != "video" {
				t.Errorf("%d tracks: %+v", n, r.Programs[0].Tracks)
			}
		})
	}
}

func perPID(ts []byte, pid uint16) (own []mpegts.Packet) {
	for q := range mpegts.Packets(ts) {
		if q.PID() == pid {
			own = append(own, q)
		}
	}
	return own
}

// A viewer sees each set of tables under a version of its own, whatever the one before had.
func TestARestoredProgramsTablesAreToldFromThoseBefore(t *testing.T) {
	p := selecting("cam")
	frames := filmed("cam", camera(), 50)
	out := play(t, p, frames)
	next := outlived(t, p, end(frames), 0, rule("cam", "mic"))
	again := play(t, next, filmed("mic", microphone(), 50), filmed("cam", camera(), 50))
	sound(t, joined(out, again))
}

// joined is what a viewer gets who stays: links make the jumps of the tables' counters legal.
func joined(before, after []byte) []byte {
	out := bytes.Clone(before)
	for _, pid := range []uint16{mpegts.PATPID, 0x20} {
		out = mpegts.AppendDiscontinuity(out, pid, 0)
	}
	return append(out, after...)
}

// The clock of a source that runs slow has drawn program time behind the time of day.
func TestARestoredProgramsTimeGoesOnFromWhereItWas(t *testing.T) {
	p := selecting("cam")
	d := camera()
	var events []event
	for i := range 25 * 600 {
		at := time.Duration(i) * 40 * time.Millisecond
		frame := d.frame(at - at/1000) // 0.6 s in 10 minutes
		if i%10 == 0 {
			frame = append(d.tables(), frame...)
		}
		events = append(events, event{at: at, feed: "cam", data: frame})
	}
	out := play(t, p, events)
	before := lastPTS(t, out)
	next := outlived(t, p, end(events), time.Second, rule("cam"))
	after := lastPTS(t, play(t, next, filmed("cam", camera(), 1)))
	if d := mpegts.PTSDelta(after, before); d < 8*mpegts.PTSHz/10 || d > 14*mpegts.PTSHz/10 {
		t.Errorf("the time went on by %d/90,000 s in a second", d)
	}
}

func lastPTS(t testing.TB, ts []byte) (last uint64) {
	t.Helper()
	for q := range mpegts.Packets(ts) {
		if s, ok := q.PES(); ok {
			last, _ = s.PTS()
		}
	}
	if last == 0 {
		t.Fatal("no PES packet")
	}
	return last
}
