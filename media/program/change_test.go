package program_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"vw/media/mpegts"
	"vw/media/program"
	"vw/media/tscheck"
)

func TestSwapOfTwoVideosIsOneVideoAtAnyTime(t *testing.T) {
	t.Parallel()
	large, a := clip(t, video("22", "mpeg1video")...), clip(t, audio("22", "mp2")...)
	small := clip(t, "-f", "lavfi", "-i", "testsrc=s=160x120:r=25:d=22", "-c:v", "mpeg1video", "-g", "12")
	clips := map[string][]byte{"large": large, "small": small}
	var swaps []event
	for i := range 10 {
		feed := []string{"small", "large"}[i%2]
		swaps = append(swaps, call(time.Duration(2*i+2)*time.Second+7*time.Millisecond, func(p *program.Program) { p.Select(told(clips, feed, "a")) })...)
	}
	p := selecting("large", "a")
	out := play(t, p, paced("large", large, 0), paced("small", small, 150*time.Millisecond), paced("a", a, 100*time.Millisecond), swaps)
	r := sound(t, out)
	videos := 0
	for _, track := range r.Programs[0].Tracks {
		if track.Kind != "video" {
			continue
		}
		videos++
		if len(track.StreamIDs) != 1 || track.StreamIDs[0] != 0xe0 {
			t.Errorf("stream_ids %#x of PID %#x", track.StreamIDs, track.PID)
		}
		if track.Frames < 545 {
			t.Errorf("%d frames of PID %#x in 22 s", track.Frames, track.PID)
		}
	}
	if n := len(r.Programs[0].PMTVersions); videos != 1 || n != 2 { // of the first video alone, and of both tracks
		t.Errorf("%d video PIDs, %d versions of the PMT", videos, n)
	}
	intact(t, out, "a:0", a, "a:0")
}

func TestFiftyMutesLeaveTheProgramSound(t *testing.T) {
	t.Parallel()
	v, a := clip(t, video("40", "mpeg1video", "-s", "160x120")...), clip(t, audio("40", "mp2")...)
	for _, c := range []struct {
		name  string
		muted []string
	}{
		{"of the video, which carries the clock", []string{"a"}},
		{"of the audio", []string{"v"}},
		{"of everything", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := selecting("v", "a")
			pids := map[uint16]bool{}
			var changes []event
			for i := range 50 {
				at := time.Duration(i)*750*time.Millisecond + 500*time.Millisecond
				changes = append(changes, call(at, func(p *program.Program) { p.Select(rule(c.muted...)) })...)
				changes = append(changes, call(at+300*time.Millisecond, func(p *program.Program) { p.Select(rule("v", "a")) })...)
			}
			var out []byte
			for _, e := range inOrder(paced("v", v, 0), paced("a", a, 33*time.Millisecond), changes) {
				out = fill(p, out, e.at)
				if e.do != nil {
					e.do(p)
					out = p.Fill(out, e.at)
					continue
				}
				n := len(out)
				out = p.Append(out, e.feed, e.data, e.at)
				for q := range mpegts.Packets(out[n:]) {
					pids[q.PID()] = true
					if !p.Passing()(e.feed, q) {
						t.Fatalf("a packet of PID %#x, which is not selected", q.PID())
					}
				}
			}
			if len(pids) != 4 {
				t.Errorf("PIDs %v: not PAT, PMT and two tracks", pids)
			}
			r := sound(t, out)
			for _, track := range r.Programs[0].Tracks {
				if track.Frames < 150 {
					t.Errorf("%d frames of PID %#x", track.Frames, track.PID)
				}
			}
		})
	}
}

func TestMuteOfOnePartLeavesTheOther(t *testing.T) {
	t.Parallel()
	av := clip(t, both("6", "mpeg1video", "mp2")...)
	p := selecting("av")
	out := play(t, p, paced("av", av, 0),
		call(2*time.Second, func(p *program.Program) { p.Select(rule("av:video")) }),
		call(3*time.Second, func(p *program.Program) { p.Select(rule("av")) }),
		call(4*time.Second, func(p *program.Program) { p.Select(rule("av:audio")) }))
	r := sound(t, out)
	if n := len(r.Programs[0].Tracks); n != 2 {
		t.Errorf("%d tracks", n)
	}
	whole := play(t, selecting("av"), paced("av", av, 0))
	want := sound(t, whole).Programs[0].Tracks
	for i, share := range []float64{4. / 6, 5. / 6} { // of the video, of the audio
		got := float64(r.Programs[0].Tracks[i].Frames) / float64(want[i].Frames)
		if got < share-0.12 || got > share+0.2 { // the filler's are fewer
			t.Errorf("track %d: %.2f of its frames", i, got)
		}
	}
}

func TestTrackThatWasAwayStartsAnew(t *testing.T) {
	for name, change := range map[string]func(*program.Program, []byte){
		"muted and unmuted with no packet between": func(p *program.Program, _ []byte) {
			p.Select(rule("av:audio"))
			p.Select(rule("av:video"))
		},
		"restarted": func(p *program.Program, tables []byte) {
			p.Restart("av")
			p.Append(nil, "av", tables, 0)
		},
	} {
		t.Run(name, func(t *testing.T) {
			v, _, tables := duet()
			p := selecting("av")
			p.Append(nil, "av", tables, 0)
			for i := 1; i < 10; i++ {
				p.Append(nil, "av", v.frame(time.Duration(i)*frameTime), time.Duration(i)*frameTime)
			}
			change(p, tables)
			if out := p.Append(nil, "av", v.packet([]byte{1, 2, 3}, 0, false), 10*frameTime); len(out) != 0 {
				t.Errorf("%d bytes of a PES packet that was cut", len(out))
			}
			if out := p.Append(nil, "av", v.frame(11*frameTime), 11*frameTime); len(out) == 0 {
				t.Error("the next frame did not come out")
			}
		})
	}
}

func TestRestartedSourceGoesOnOnItsTracks(t *testing.T) {
	t.Parallel()
	v, a := clip(t, video("3.1", "mpeg1video")...), clip(t, audio("20", "mp2")...)
	for _, silent := range []bool{false, true} {
		t.Run(fmt.Sprintf("told=%v", !silent), func(t *testing.T) {
			var events [][]event
			var at time.Duration
			var sent int64
			for i := range 6 {
				cut := len(v) - i*10*mpegts.PacketSize // killed in mid-frame
				run := paced("v", v[:cut], at)
				sent += frames(sound(t, v[:cut]), "video")
				at = end(run) + time.Duration(200+i*400)*time.Millisecond
				events = append(events, run)
				if !silent {
					events = append(events, call(end(run), func(p *program.Program) { p.Restart("v") }))
				}
			}
			p := selecting("v", "a")
			out := play(t, p, append(events, paced("a", a, 50*time.Millisecond))...)
			var untold int64
			if silent {
				untold = 4
			}
			r := soundButSilent(t, out, untold)
			if n := len(r.Programs[0].Tracks); n != 2 {
				t.Errorf("%d tracks", n)
			}
			if got := opened(sources(out, v), 0xe0); got != sent {
				t.Errorf("%d frames, want %d", got, sent)
			}
			intact(t, out, "a:0", a, "a:0")
		})
	}
}

func TestRestartWithOtherPIDsKeepsTheOutputPIDs(t *testing.T) {
	t.Parallel()
	first := clip(t, both("2", "mpeg1video", "mp2")...)
	second := clip(t, append(both("2", "mpeg1video", "mp2"), "-mpegts_start_pid", "0x300", "-mpegts_pmt_start_pid", "0x1010")...)
	other := clip(t, both("2", "libx264", "mp2")...)
	restart := func(p *program.Program) { p.Restart("av") }
	p := selecting("av")
	out := play(t, p, paced("av", first, 0), call(2500*time.Millisecond, restart),
		paced("av", second, 3*time.Second), call(5500*time.Millisecond, restart),
		paced("av", other, 6*time.Second), call(8500*time.Millisecond, restart),
		paced("av", first, 9*time.Second))
	r := sound(t, out)
	codecs := ""
	for _, track := range r.Programs[0].Tracks {
		codecs += fmt.Sprint(track.Codec, " ", track.Frames > 0, " ")
	}
	if codecs != "mpeg2video true mp2 true " {
		t.Errorf("tracks %s", codecs)
	}
}

func TestLoopedClipNeverGoesBack(t *testing.T) {
	t.Parallel()
	av, a := clip(t, both("5", "mpeg1video", "mp2")...), clip(t, audio("62", "mp2")...)
	var events [][]event
	for i := range 12 {
		events = append(events, late(paced("av", av, time.Duration(i)*5*time.Second), 40*time.Millisecond))
	}
	p := selecting("av:video", "a", "av:audio")
	out := play(t, p, append(events, paced("a", a, 0), call(end(events[len(events)-1]), func(p *program.Program) { p.End("av") }))...)
	r := sound(t, out)
	if d := r.DurationSeconds; d < 59 || d > 63 {
		t.Errorf("60 s of clip last %.1f s", d)
	}
	once := frames(sound(t, av), "video")
	if got := opened(sources(out, av), 0xe0); got != 12*once {
		t.Errorf("%d video frames, want 12 × %d", got, once)
	}
	if p.Stats().Jumps < 11 {
		t.Errorf("%d jumps", p.Stats().Jumps)
	}
	decodes(t, out)
	intact(t, out, "a:0", a, "a:0")
	// Each loop is the clip's own video again.
	if !bytes.HasPrefix(elementary(t, out, "v:0"), bytes.Repeat(elementary(t, av, "v:0"), 12)) {
		t.Error("the video is not the clip's, 12 times")
	}
}

func TestWrapOfTheStampsPasses(t *testing.T) {
	t.Parallel()
	av := clip(t, append(both("8", "mpeg1video", "mp2"), "-output_ts_offset", "95440")...)
	p := selecting("av")
	out := play(t, p, paced("av", av, 0))
	sound(t, out)
	decodes(t, out)
	if p.Stats().Jumps != 0 {
		t.Error("the wrap was taken for a jump")
	}
	plain := clip(t, both("8", "mpeg1video", "mp2")...)
	intact(t, out, "v:0", plain, "v:0")
	intact(t, out, "a:0", plain, "a:0")
}

func TestProgramTimeIsTheTimeOfDayAndWraps(t *testing.T) {
	t.Parallel()
	av := clip(t, both("8", "mpeg1video", "mp2")...)
	wrap := time.Unix(0, 0).Add((1 << 33) * time.Second / mpegts.PTSHz)
	p := program.New(wrap.Add(-4 * time.Second))
	p.Select(rule("av"))
	out := play(t, p, paced("av", av, 0), call(5*time.Second, func(p *program.Program) { p.Select(rule("av:video")) }),
		call(6*time.Second, func(p *program.Program) { p.Select(rule("av")) }))
	sound(t, out)
	intact(t, out, "v:0", av, "v:0")
	for q := range mpegts.Packets(out) {
		if s, ok := q.PES(); ok {
			if pts, _ := s.PTS(); mpegts.PTSDelta(pts, 0) < -4*mpegts.PTSHz-1 || mpegts.PTSDelta(pts, 0) > -3*mpegts.PTSHz {
				t.Errorf("4 s before the wrap the first stamp is %d", pts)
			}
			break
		}
	}
}

// frames counts the PES packets of all tracks of a kind.
func frames(r tscheck.Report, kind string) (n int64) {
	for _, track := range r.Programs[0].Tracks {
		if track.Kind == kind {
			n += track.Frames
		}
	}
	return n
}

// clockPIDs are the PCR PIDs of the PMT's versions, by the kind of their
// track, each change once.
func clockPIDs(r tscheck.Report) string {
	kinds := map[uint16]string{}
	for _, track := range r.Programs[0].Tracks {
		kinds[track.PID] = track.Kind
	}
	var names []string
	for _, v := range r.Programs[0].PMTVersions {
		if k := kinds[v.PCRPID]; len(names) == 0 || names[len(names)-1] != k {
			names = append(names, k)
		}
	}
	return strings.Join(names, " ")
}

func TestClockGoesOnWhileItsFeedIsAway(t *testing.T) {
	t.Parallel()
	v, a := clip(t, video("5", "mpeg1video")...), clip(t, audio("20", "mp2")...)
	mute := func(p *program.Program) { p.Select(rule("a")) }
	unmute := func(p *program.Program) { p.Select(rule("v", "a")) }
	restart := func(p *program.Program) { p.Restart("v") }
	for _, c := range []struct {
		name   string
		events [][]event
		untold int64 // times that the picture's source falls silent
		clock  string
	}{
		{"muted and back", [][]event{paced("v", clip(t, video("20", "mpeg1video")...), 0), call(4*time.Second, mute), call(9*time.Second, unmute)}, 0, "video"},
		{"dead and back", [][]event{paced("v", v, 0), call(6*time.Second, restart), paced("v", v, 12*time.Second)}, 2, "video"},
		{"dead, and another back", [][]event{paced("v", v, 0), paced("v", clip(t, video("5", "mpeg1video", "-muxdelay", "0.1", "-output_ts_offset", "1000")...), 12*time.Second)}, 2, "video"},
	} {
		t.Run(c.name, func(t *testing.T) {
			out := play(t, selecting("v", "a"), append(c.events, late(paced("a", a, 70*time.Millisecond), 20*time.Millisecond))...)
			r := soundButSilent(t, out, c.untold)
			if got := clockPIDs(r); got != c.clock {
				t.Errorf("the clock was carried by %s", got)
			}
			if d := r.DurationSeconds; d < 19 || d > 21 {
				t.Errorf("20 s last %.1f s", d)
			}
			if r.Programs[0].Silences != 0 {
				t.Errorf("%d silences", r.Programs[0].Silences)
			}
			intact(t, out, "a:0", a, "a:0")
		})
	}
}

// TestClockOfAnotherDecoderDelayIsKept has the clock go from a sound that is to
// be played at once to a picture that is kept for 0.7 s, and back, again and again.
func TestClockOfAnotherDecoderDelayIsKept(t *testing.T) {
	t.Parallel()
	a := clip(t, append(audio("20", "mp2"), "-muxdelay", "0.001")...)
	v := clip(t, video("18", "mpeg1video", "-s", "160x120")...)
	p := selecting("v", "a")
	var changes []event
	for i := range 6 {
		feeds := [][]string{{"a"}, {"v", "a"}}[i%2]
		changes = append(changes, call(time.Duration(5+2*i)*time.Second+7*time.Millisecond, func(p *program.Program) { p.Select(rule(feeds...)) })...)
	}
	out := play(t, p, paced("a", a, 0), paced("v", v, 2*time.Second), changes)
	r := sound(t, out)
	jumps, soon, pcr := 0, 0, uint64(0)
	for packet := range mpegts.Packets(sources(out, a, v)) {
		if packet.Discontinuity() {
			jumps++
		}
		if ticks, ok := packet.PCR(); ok {
			pcr = ticks / 300
		}
		if s, ok := packet.PES(); ok && packet.PID() == r.Programs[0].PCRPID && s.StreamID() == 0xe0 {
			pts, _ := s.PTS()
			if mpegts.PTSDelta(pts, pcr) < mpegts.PTSHz/2 {
				soon++
			}
		}
	}
	if soon > 4*4 { // until the next PMT names the picture's PCR, 100 ms at most
		t.Errorf("%d pictures come much less than ffmpeg's own 700 ms before their time", soon)
	}
	if jumps == 0 || jumps > 8 {
		t.Errorf("%d jumps of the clock are announced in 7 changes of it", jumps)
	}
	decodes(t, out)
}
