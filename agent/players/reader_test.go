package players_test

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

var keep = flag.String("keep", "", "a folder for what the relay gives, to look at")

// A reader is libavformat at the relay, as ffmpeg's users have it: it decodes the
// first video and the first audio and is bound to their PIDs.
type reader struct {
	name string

	mu     sync.Mutex
	frames []time.Time // when ffmpeg told of another frame
	last   string
	said   []line
}

// A line is one that ffmpeg has said.
type line struct {
	at   time.Time
	text string
}

func (s *stage) read(t testing.TB, topic string) *reader {
	t.Helper()
	sub := s.relay.Subscribe(topic)
	r := &reader{name: topic + " ffmpeg"}
	cmd := exec.Command("ffmpeg", strings.Fields("-v info -nostats -stats_period 0.05 -progress pipe:1 -fflags nobuffer -probesize 200000 "+
		"-f mpegts -i pipe:0 -map 0:v:0 -map 0:a:0 -enc_time_base:v -1 -f null -")...)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var ended sync.WaitGroup
	var kept io.Writer = io.Discard
	if *keep != "" {
		file, err := os.Create(filepath.Join(*keep, topic+".ts"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { file.Close() })
		kept = file
	}
	ended.Go(func() {
		defer stdin.Close()
		for {
			m, err := sub.Next(ctx)
			if err != nil {
				return
			}
			if _, err := io.MultiWriter(stdin, kept).Write(m.Data); err != nil {
				return
			}
		}
	})
	ended.Go(func() { r.watch(stdout) })
	ended.Go(func() { r.listen(stderr) })
	t.Cleanup(func() {
		cancel()
		sub.Close()
		ended.Wait()
		_ = cmd.Wait()
	})
	return r
}

func (r *reader) watch(stdout io.Reader) {
	for lines := bufio.NewScanner(stdout); lines.Scan(); {
		if frame, ok := strings.CutPrefix(lines.Text(), "frame="); ok {
			r.mu.Lock()
			if frame != r.last {
				r.frames = append(r.frames, time.Now())
			}
			r.last = frame
			r.mu.Unlock()
		}
	}
}

func (r *reader) listen(stderr io.Reader) {
	for lines := bufio.NewScanner(stderr); lines.Scan(); {
		r.mu.Lock()
		r.said = append(r.said, line{time.Now(), strings.TrimSpace(lines.Text())})
		r.mu.Unlock()
	}
}

// await waits until ffmpeg, which analyses what comes first, decodes.
func (r *reader) await(t testing.TB) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for late := time.Now().Add(patience); ; <-tick.C {
		r.mu.Lock()
		n := len(r.frames)
		r.mu.Unlock()
		if n > 1 {
			return
		}
		if time.Now().After(late) {
			t.Fatalf("%s shows nothing: %v", r.name, r.said)
		}
	}
}

// still is the longest time without another frame.
func (r *reader) still(from, to time.Time) (longest time.Duration, at time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	last := from
	for _, f := range append(r.frames, to) {
		if f.Before(from) || f.After(to) {
			continue
		}
		if gap := f.Sub(last); gap > longest {
			longest, at = gap, last
		}
		last = f
	}
	return longest, at
}

// complaints are what it said of the stream's time or its packets in a stretch of time.
func (r *reader) complaints(from, to time.Time) (texts []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, l := range r.said {
		low := strings.ToLower(l.text)
		if l.at.After(from) && l.at.Before(to) && (strings.Contains(low, "non-monoton") || strings.Contains(low, "non monoton") || strings.Contains(low, "corrupt")) {
			texts = append(texts, fmt.Sprintf("at %.2f: %s", l.at.Sub(from).Seconds(), l.text))
		}
	}
	return texts
}
