package clip_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"vw/cmd/vw/clip"
	"vw/media/mpegts"
)

const (
	videoPID = 0x100
	audioPID = 0x101
	pmtPID   = 0x1000
)

// writerFunc is an io.Writer made of a function.
type writerFunc func(b []byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }

// play runs clip.Play into w for d of its time and fails if it ends before.
func play(t *testing.T, d time.Duration, w io.Writer) {
	t.Helper()
	// The millisecond keeps a frame that is due at d out.
	ctx, cancel := context.WithTimeout(t.Context(), d-time.Millisecond)
	defer cancel()
	if err := clip.Play(ctx, w); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Play ended with %v, want the context's error", err)
	}
}

func TestTenMinutesOfClipHaveNoSeam(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := checker{t: t, start: time.Now(), last: map[uint16]byte{}, sections: map[uint16]*table{
			mpegts.PATPID: {}, pmtPID: {},
		}}
		play(t, 10*time.Minute, writerFunc(c.write))
		if want := 10 * 60 * 25; c.video.count != want {
			t.Errorf("%d frames of video, want %d", c.video.count, want)
		}
		if want := 10 * 60 * 1000 / 24; c.audio.count != want {
			t.Errorf("%d frames of audio, want %d", c.audio.count, want)
		}
		if c.pcrs != c.video.count {
			t.Errorf("%d PCRs, want one a frame: %d", c.pcrs, c.video.count)
		}
	})
}

// A checker holds what Play writes against ISO/IEC 13818-1 and TR 101 290.
type checker struct {
	t            *testing.T
	start        time.Time
	last         map[uint16]byte // continuity counter by PID
	video, audio grid
	pcr          uint64
	pcrs         int
	sections     map[uint16]*table
}

// A grid is a row of time stamps at one distance, in 1/90,000 s.
type grid struct {
	first, last uint64
	count       int
}

// A table is a section that has to come again unchanged.
type table struct {
	reader mpegts.SectionReader
	first  []byte
	at     time.Time
}

func (c *checker) write(b []byte) (int, error) {
	if len(b) == 0 || len(b)%mpegts.PacketSize != 0 {
		c.t.Fatalf("a write of %d bytes is no whole number of packets", len(b))
	}
	frames := c.video.count
	for p := range mpegts.Packets(b) {
		c.packet(p)
	}
	if c.video.count != frames+1 {
		c.t.Fatalf("a write holds %d frames of video, want 1", c.video.count-frames)
	}
	media := time.Duration(c.video.last-c.video.first) * time.Second / mpegts.PTSHz
	if wall := time.Since(c.start); wall != media {
		c.t.Fatalf("the frame due after %v was written after %v", media, wall)
	}
	for pid, s := range c.sections {
		if time.Since(s.at) > 500*time.Millisecond { // TR 101 290, 1.3 and 1.5
			c.t.Fatalf("no section on PID %#x for more than 0.5 s", pid)
		}
	}
	return len(b), nil
}

func (c *checker) packet(p mpegts.Packet) {
	pid := p.PID()
	if cc, ok := c.last[pid]; ok && p.Continuity() != (cc+1)&0x0f || !p.HasPayload() || p.Discontinuity() {
		c.t.Fatalf("PID %#x: continuity counter %d after %d", pid, p.Continuity(), cc)
	}
	c.last[pid] = p.Continuity()
	if pcr, ok := p.PCR(); ok {
		if d := mpegts.PCRDelta(pcr, c.pcr); c.pcrs > 0 && (d <= 0 || d > mpegts.PCRHz/10) { // 2.7.2
			c.t.Fatalf("PCR %d comes %d ticks after the last", pcr, d)
		}
		c.pcr = pcr
		c.pcrs++
	}
	if s, ok := c.sections[pid]; ok {
		s.reader.Feed(p, func(b []byte) { c.section(s, b) })
	}
	if pes, ok := p.PES(); ok {
		c.unit(p, pes)
	}
}

func (c *checker) section(s *table, b []byte) {
	if s.first == nil {
		s.first = bytes.Clone(b)
	}
	if mpegts.CRC(b) != 0 || !bytes.Equal(b, s.first) {
		c.t.Fatalf("section %x, want %x", b, s.first)
	}
	s.at = time.Now()
}

func (c *checker) unit(p mpegts.Packet, pes mpegts.PES) {
	dts, _ := pes.DTS()
	switch p.PID() {
	case videoPID:
		if c.video.count%120 == 0 && !p.RandomAccess() {
			c.t.Fatal("a round does not begin with a key frame")
		}
		if pts, _ := pes.PTS(); mpegts.PTSDelta(pts, dts) != 3600 {
			c.t.Fatalf("PTS %d, DTS %d: want them 40 ms apart", pts, dts)
		}
		// The decoder's delay: a PCR does not follow the DTS that it clocks.
		if d := mpegts.PTSDelta(dts, c.pcr/300); d < 0 || d > mpegts.PTSHz {
			c.t.Fatalf("DTS is %d ticks after the PCR", d)
		}
		c.step(&c.video, dts, 3600)
	case audioPID:
		c.step(&c.audio, dts, 2160)
	default:
		c.t.Fatalf("PES on PID %#x", p.PID())
	}
}

func (c *checker) step(g *grid, stamp uint64, distance int64) {
	if g.count == 0 {
		g.first = stamp
	} else if d := mpegts.PTSDelta(stamp, g.last); d != distance {
		c.t.Fatalf("time stamp %d comes %d ticks after the last, want %d", stamp, d, distance)
	}
	g.last = stamp
	g.count++
}

func TestPlayCatchesUpAfterASlowWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		var at []time.Duration
		play(t, 3*time.Second, writerFunc(func(b []byte) (int, error) {
			at = append(at, time.Since(start))
			if len(at) == 1 {
				time.Sleep(time.Second)
			}
			return len(b), nil
		}))
		if len(at) != 75 || at[25] != time.Second || at[74] != 74*40*time.Millisecond {
			t.Errorf("frames were written after %v", at)
		}
	})
}

func TestPlayEndsWithItsWriter(t *testing.T) {
	gone := errors.New("gone")
	err := clip.Play(t.Context(), writerFunc(func([]byte) (int, error) { return 0, gone }))
	if !errors.Is(err, gone) {
		t.Errorf("Play ended with %v, want the writer's error", err)
	}
}

// Four rounds, three seams: a decoder finds every frame and complains of none.
func TestFFmpegDecodesTheLoopWithoutComplaint(t *testing.T) {
	var ts bytes.Buffer
	synctest.Test(t, func(t *testing.T) { play(t, 4*clip.Duration, &ts) })
	file := filepath.Join(t.TempDir(), "loop.ts")
	if err := os.WriteFile(file, ts.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	if out := run(t, "ffmpeg", "-nostdin", "-v", "warning", "-i", file, "-f", "null", "-"); out != "" {
		t.Errorf("ffmpeg says:\n%s", out)
	}
	got := run(t, "ffprobe", "-v", "warning", "-count_frames", "-of", "csv=p=0",
		"-show_entries", "stream=codec_name,nb_read_frames", file)
	for _, want := range []string{"mpeg1video,480", "mp2,800"} {
		if !strings.Contains(got, want) {
			t.Errorf("ffprobe finds no %q in\n%s", want, got)
		}
	}
}

// run returns what a program that has to succeed says.
func run(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
	return string(out)
}
