package program_test

import (
	"bytes"
	"testing"
	"time"

	"vw/media/mpegts"
	"vw/media/program"
)

type source struct {
	feed  string
	args  []string
	start time.Duration
}

// What goes in of which feed, and comes out as which track.
type passage struct{ feed, in, out string }

func TestFeedsBecomeOneProgram(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		sources []source
		rule    []string
		tracks  string
		pass    []passage
	}{
		{
			"mpeg1video and mp2 of two processes, the audio 2 s later",
			[]source{{"v", video("5", "mpeg1video"), 0}, {"a", audio("3", "mp2"), 2 * time.Second}},
			[]string{"v", "a"}, "mpeg1video mp2",
			[]passage{{"v", "v:0", "v:0"}, {"a", "a:0", "a:0"}},
		},
		{
			"h264 and aac",
			[]source{{"v", video("5", "libx264"), 0}, {"a", audio("4", "aac"), time.Second}},
			[]string{"v", "a"}, "h264 aac",
			[]passage{{"v", "v:0", "v:0"}, {"a", "a:0", "a:0"}},
		},
		{
			"hevc and mp2, the audio first in the rule",
			[]source{{"v", video("4", "libx265", "-x265-params", "log-level=error"), time.Second}, {"a", audio("5", "mp2"), 0}},
			[]string{"a", "v"}, "mp2 hevc",
			[]passage{{"v", "v:0", "v:0"}, {"a", "a:0", "a:0"}},
		},
		{
			"two videos",
			[]source{{"v", video("4", "mpeg1video"), 0}, {"w", video("4", "libx264"), 300 * time.Millisecond}},
			[]string{"v", "w"}, "mpeg1video h264",
			[]passage{{"v", "v:0", "v:0"}, {"w", "v:0", "v:1"}},
		},
		{
			"audio alone",
			[]source{{"a", audio("4", "mp2"), 0}},
			[]string{"a"}, "mp2",
			[]passage{{"a", "a:0", "a:0"}},
		},
		{
			"opus and ac3, which are private data",
			[]source{{"a", audio("4", "libopus"), 0}, {"b", audio("4", "ac3"), 0}},
			[]string{"a", "b"}, "opus ac3",
			[]passage{{"b", "a:0", "a:1"}},
		},
		{
			"one process with both, taken whole",
			[]source{{"av", both("4", "mpeg1video", "mp2"), 0}},
			[]string{"av"}, "mpeg1video mp2",
			[]passage{{"av", "v:0", "v:0"}, {"av", "a:0", "a:0"}},
		},
		{
			"one process with both, its video",
			[]source{{"av", both("4", "libx264", "aac"), 0}},
			[]string{"av:video"}, "h264",
			[]passage{{"av", "v:0", "v:0"}},
		},
		{
			"one process with both, its audio",
			[]source{{"av", both("4", "libx264", "aac"), 0}},
			[]string{"av:audio"}, "aac",
			[]passage{{"av", "a:0", "a:0"}},
		},
		{
			"the video of one and the audio of another",
			[]source{{"x", both("4", "mpeg1video", "mp2"), 0}, {"y", both("4", "libx264", "aac"), 500 * time.Millisecond}},
			[]string{"x:audio", "y:video"}, "mp2 h264",
			[]passage{{"y", "v:0", "v:0"}, {"x", "a:0", "a:0"}},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := map[string][]byte{}
			var events [][]event
			for _, s := range c.sources {
				in[s.feed] = clip(t, s.args...)
				events = append(events, late(paced(s.feed, in[s.feed], s.start), 30*time.Millisecond))
			}
			out := play(t, selecting(c.rule...), events...)
			sound(t, out)
			decodes(t, out)
			if got := tracks(t, out); got != c.tracks {
				t.Errorf("tracks %q, want %q", got, c.tracks)
			}
			for _, p := range c.pass {
				intact(t, out, p.out, in[p.feed], p.in)
			}
		})
	}
}

// stamps are the stamps of one output PID's PES packets, in order.
type stamp struct {
	pts, dts uint64
	id       byte
	at       time.Duration
}

// observe plays events and tells, for each output PID, when its PES packets
// came out and with what stamps.
func observe(t testing.TB, p *program.Program, events ...[]event) map[uint16][]stamp {
	t.Helper()
	seen := map[uint16][]stamp{}
	for _, e := range inOrder(events...) {
		if e.do != nil {
			e.do(p)
			continue
		}
		for q := range mpegts.Packets(p.Append(nil, e.feed, e.data, e.at)) {
			if s, ok := q.PES(); ok {
				pts, _ := s.PTS()
				dts, _ := s.DTS()
				seen[q.PID()] = append(seen[q.PID()], stamp{pts, dts, s.StreamID(), e.at})
			}
		}
	}
	return seen
}

func TestTracksLiveAtTheSameTimePlayAtTheSameTime(t *testing.T) {
	t.Parallel()
	v, a := clip(t, video("6", "mpeg1video")...), clip(t, audio("4", "mp2")...)
	seen := observe(t, selecting("v", "a"), paced("v", v, 0), paced("a", a, 2*time.Second))
	if len(seen) != 2 {
		t.Fatalf("%d tracks", len(seen))
	}
	var zero [2]int64 // program time less arrival time
	i := 0
	for _, stamps := range seen {
		zero[i] = int64(stamps[0].pts) - int64(stamps[0].at*mpegts.PTSHz/time.Second)
		i++
	}
	if d := zero[0] - zero[1]; d > mpegts.PTSHz/10 || d < -mpegts.PTSHz/10 {
		t.Errorf("audio and video are %d ms apart", d/90)
	}
}

func TestStreamIDsTellTracksApart(t *testing.T) {
	t.Parallel()
	v, a := clip(t, video("2", "mpeg1video")...), clip(t, audio("2", "mp2")...)
	p := selecting("v", "a", "w", "b")
	ids := map[byte]bool{}
	for _, stamps := range observe(t, p, paced("v", v, 0), paced("w", v, 0), paced("a", a, 0), paced("b", a, 0)) {
		ids[stamps[0].id] = true
	}
	for _, id := range []byte{0xe0, 0xe1, 0xc0, 0xc1} {
		if !ids[id] {
			t.Errorf("no track with stream_id %#x: %v", id, ids)
		}
	}
}

func TestOutputDoesNotDependOnHowInputIsCut(t *testing.T) {
	t.Parallel()
	av := clip(t, both("3", "mpeg1video", "mp2")...)
	events := paced("av", av, 0)
	var cut []event
	for _, e := range events {
		for q := range mpegts.Packets(e.data) {
			cut = append(cut, event{at: e.at, feed: e.feed, data: q})
		}
	}
	if !bytes.Equal(play(t, selecting("av"), events), play(t, selecting("av"), cut)) {
		t.Error("packets that arrive one by one become other packets")
	}
}

func TestNothingIsSentWithoutTracks(t *testing.T) {
	t.Parallel()
	v := clip(t, video("1", "mpeg1video")...)
	for _, p := range []*program.Program{selecting(), selecting("other"), selecting("v:audio")} {
		if out := play(t, p, paced("v", v, 0)); len(out) != 0 {
			t.Errorf("%d bytes", len(out))
		}
		if s := p.Stats(); s.Sent != 0 || s.Unselected == 0 {
			t.Errorf("stats %+v", s)
		}
	}
}

func TestPacketsBeforeThePMTAreCounted(t *testing.T) {
	t.Parallel()
	v := clip(t, video("1", "mpeg1video")...)
	events := paced("v", v, 0)
	p := selecting("v")
	events[0].data = events[0].data[3*mpegts.PacketSize:] // SDT, PAT, PMT
	out := play(t, p, events)
	if p.Stats().Early == 0 {
		t.Error("none counted")
	}
	sound(t, out)
}
