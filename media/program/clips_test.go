package program_test

import (
	"bytes"
	"cmp"
	"encoding/json"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"vw/media/mpegts"
	"vw/media/program"
	"vw/media/tscheck"
)

// ffmpeg runs ffmpeg on in and returns what it writes to its standard output.
// Whatever it complains of fails the test.
func ffmpeg(t testing.TB, in []byte, args ...string) []byte {
	t.Helper()
	cmd := exec.Command("ffmpeg", append([]string{"-hide_banner", "-nostdin"}, args...)...)
	var out, complaints bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(in), &out, &complaints
	if err := cmd.Run(); err != nil || complaints.Len() > 0 {
		t.Fatalf("ffmpeg %q: %v\n%s", args, err, complaints.Bytes())
	}
	return out.Bytes()
}

// A recording is what ffmpeg makes of some arguments.
type recording struct {
	sync.Mutex
	ts []byte
}

// recordings are kept by their arguments.
var recordings sync.Map

// clip is a transport stream as ffmpeg makes it with its default settings. It is
// made once for all tests, which must not change it.
func clip(t testing.TB, args ...string) []byte {
	t.Helper()
	known, _ := recordings.LoadOrStore(strings.Join(args, " "), new(recording))
	r := known.(*recording)
	r.Lock()
	defer r.Unlock()
	if r.ts == nil {
		r.ts = ffmpeg(t, nil, slices.Concat([]string{"-v", "error"}, args, []string{"-f", "mpegts", "-"})...)
	}
	return r.ts
}

func video(seconds, codec string, more ...string) []string {
	return append([]string{"-f", "lavfi", "-i", "testsrc=s=160x112:r=25:d=" + seconds, "-c:v", codec, "-threads", "1", "-pix_fmt", "yuv420p", "-g", "12"}, more...)
}

func audio(seconds, codec string, more ...string) []string {
	return append([]string{"-f", "lavfi", "-i", "sine=d=" + seconds, "-c:a", codec}, more...)
}

func both(seconds, videoCodec, audioCodec string) []string {
	return []string{"-f", "lavfi", "-i", "testsrc=s=160x112:r=25:d=" + seconds, "-f", "lavfi", "-i", "sine=d=" + seconds,
		"-c:v", videoCodec, "-threads", "1", "-pix_fmt", "yuv420p", "-g", "12", "-c:a", audioCodec}
}

// An event is what happens to a program at one time: packets of a feed come,
// or do is called.
type event struct {
	at   time.Duration
	feed string
	data []byte
	do   func(*program.Program)
}

// paced cuts a clip into frames that arrive at the times that their own stamps
// tell, from start on, as a live source sends them.
func paced(feed string, ts []byte, start time.Duration) []event {
	var events []event
	var first uint64
	at := start
	for p := range mpegts.Packets(ts) {
		if s, ok := p.PES(); ok {
			dts, _ := s.DTS()
			if len(events) == 0 || first == 0 {
				first = dts
			}
			at = max(at, start+time.Duration(mpegts.PTSDelta(dts, first))*time.Second/mpegts.PTSHz)
		}
		if n := len(events); n > 0 && events[n-1].at == at {
			events[n-1].data = append(events[n-1].data, p...)
			continue
		}
		events = append(events, event{at: at, feed: feed, data: bytes.Clone(p)})
	}
	return events
}

// end is the time of the last event.
func end(events []event) time.Duration { return events[len(events)-1].at }

// late delays each event by up to most, and keeps their order.
func late(events []event, most time.Duration) []event {
	r := rand.New(rand.NewPCG(1, 2))
	var at time.Duration
	for i := range events {
		at = max(at, events[i].at+time.Duration(r.Int64N(int64(most))))
		events[i].at = at
	}
	return events
}

func call(at time.Duration, do func(*program.Program)) []event { return []event{{at: at, do: do}} }

// inOrder merges events by time.
func inOrder(events ...[]event) []event {
	all := slices.Concat(events...)
	slices.SortStableFunc(all, func(a, b event) int { return cmp.Compare(a.at, b.at) })
	return all
}

// play lets all the events happen in the order of their times, and returns
// what comes of them.
func play(t testing.TB, p *program.Program, events ...[]event) []byte {
	t.Helper()
	var out []byte
	for _, e := range inOrder(events...) {
		out = fill(p, out, e.at)
		if e.do != nil {
			e.do(p)
			out = p.Fill(out, e.at)
			continue
		}
		out = p.Append(out, e.feed, e.data, e.at)
	}
	return out
}

// fill appends what p has to fill before a time, when it is due.
func fill(p *program.Program, out []byte, before time.Duration) []byte {
	for {
		due, ok := p.Due()
		if !ok || due >= before {
			return out
		}
		out = p.Fill(out, due)
	}
}

func selecting(feeds ...string) *program.Program {
	p := program.New(time.Unix(10, 0))
	p.Select(rule(feeds...))
	return p
}

// rule is a selection as a stream rule writes it.
func rule(feeds ...string) []program.Selector {
	var s []program.Selector
	for _, entry := range feeds {
		name, part, _ := strings.Cut(entry, ":")
		kind := map[string]mpegts.Kind{"video": mpegts.Video, "audio": mpegts.Audio}[part]
		s = append(s, program.Selector{Feed: name, Part: kind})
	}
	return s
}

// told is rule, with the tables of the feeds whose clips are given.
func told(clips map[string][]byte, feeds ...string) []program.Selector {
	s := rule(feeds...)
	for i := range s {
		if ts := clips[s[i].Feed]; ts != nil {
			s[i].Tables = ts[mpegts.PacketSize : 3*mpegts.PacketSize] // behind the SDT
		}
	}
	return s
}

// sound fails the test unless tscheck finds no fault.
func sound(t testing.TB, ts []byte) tscheck.Report {
	t.Helper()
	c := tscheck.New(tscheck.Options{})
	c.Write(ts)
	return faultless(t, ts, c)
}

// soundButSilent is sound where so many times a source has fallen silent and nothing has
// told that it has ended: the picture is filled after a second.
func soundButSilent(t testing.TB, ts []byte, times int64) tscheck.Report {
	t.Helper()
	c := tscheck.New(tscheck.Options{Interrupted: true})
	c.Write(ts)
	r := faultless(t, ts, c)
	onlySilent(t, r, times)
	return r
}

// onlySilent fails the test unless nothing but so many silences of a source interrupts the program.
func onlySilent(t testing.TB, r tscheck.Report, times int64) {
	t.Helper()
	var holes int64
	for _, p := range r.Programs {
		if p.TrackMoves+p.TrackReturns > 0 {
			t.Errorf("tracks move, or leave and come back: %+v", p.Moves)
		}
		for _, track := range p.Tracks {
			holes += track.Holes
			if track.Kind != "video" && track.Holes > 0 || track.LongestHoleSeconds > 1.05 {
				t.Errorf("%d holes of %.3f s at most in %s", track.Holes, track.LongestHoleSeconds, track.Codec)
			}
		}
	}
	if holes != times {
		t.Errorf("%d holes, want %d", holes, times)
	}
}

func faultless(t testing.TB, ts []byte, c *tscheck.Checker) tscheck.Report {
	t.Helper()
	r := c.Report()
	for _, fault := range r.Faults() {
		t.Error(fault)
	}
	if t.Failed() {
		keep(t, ts)
	}
	return r
}

// keep leaves the stream of a failed test where it can be looked at, if
// VW_KEEP names a folder.
func keep(t testing.TB, ts []byte) {
	if folder := os.Getenv("VW_KEEP"); folder != "" {
		os.WriteFile(filepath.Join(folder, strings.ReplaceAll(t.Name(), "/", "_")+".ts"), ts, 0o644)
	}
}

// decodes fails the test if ffmpeg says a word on the stream.
func decodes(t testing.TB, ts []byte) {
	t.Helper()
	ffmpeg(t, ts, "-v", "warning", "-i", "-", "-map", "0", "-enc_time_base", "-1", "-f", "null", "-")
}

// sources is ts without what the filler made: PES packets that begin as none of
// the clips' does, and what belongs to them.
func sources(ts []byte, clips ...[]byte) (rest []byte) {
	known, foreign := map[string]bool{}, map[uint16]bool{}
	for _, clip := range clips {
		for q := range mpegts.Packets(clip) {
			if s, ok := q.PES(); ok {
				known[string(s.Data())] = true
			}
		}
	}
	for q := range mpegts.Packets(ts) {
		if s, ok := q.PES(); ok {
			foreign[q.PID()] = !known[string(s.Data())]
		}
		if !foreign[q.PID()] {
			rest = append(rest, q...)
		}
	}
	return rest
}

// opened counts the PES packets of one stream_id.
func opened(ts []byte, id byte) (n int64) {
	for q := range mpegts.Packets(ts) {
		if s, ok := q.PES(); ok && s.StreamID() == id {
			n++
		}
	}
	return n
}

// tracks is what ffprobe finds: one program, and the codecs of its tracks.
func tracks(t testing.TB, ts []byte) string {
	t.Helper()
	cmd := exec.Command("ffprobe", "-v", "error", "-show_programs", "-of", "json", "-")
	cmd.Stdin = bytes.NewReader(ts)
	out, err := cmd.Output()
	var found struct {
		Programs []struct {
			Streams []struct {
				Codec string `json:"codec_name"`
			}
		}
	}
	if err == nil {
		err = json.Unmarshal(out, &found)
	}
	if err != nil || len(found.Programs) != 1 {
		t.Fatalf("ffprobe: %v: not one program: %s", err, out)
	}
	var codecs []string
	for _, s := range found.Programs[0].Streams {
		codecs = append(codecs, s.Codec)
	}
	return strings.Join(codecs, " ")
}

// elementary is one track of a stream, demultiplexed by ffmpeg: "v:0", "a:0".
func elementary(t testing.TB, ts []byte, track string) []byte {
	t.Helper()
	return ffmpeg(t, ts, "-v", "warning", "-copyts", "-i", "-", "-map", "0:"+track, "-c", "copy", "-f", "data", "-")
}

// intact fails the test unless the tracks of out are byte for byte those of in;
// what comes after their end is the filler's.
func intact(t testing.TB, out []byte, outTrack string, in []byte, inTrack string) {
	t.Helper()
	got, want := elementary(t, out, outTrack), elementary(t, in, inTrack)
	if len(want) == 0 || !bytes.HasPrefix(got, want) {
		t.Errorf("track %s differs: %d bytes out, %d in", outTrack, len(got), len(want))
	}
}
