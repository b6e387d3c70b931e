package devices_test

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"vw/agent/devices"
)

// enough is what is taken of a post, in bytes.
const enough = 188 * 300

func TestTheLinesFeedAnAgentAndComeBackWhenItBreaksOff(t *testing.T) {
	for _, test := range []struct {
		kind, source, path, codec string
	}{
		{"camera", "testsrc2=size=1280x720:rate=30", "/ts/video0", "mpeg1video,640,480,25/1"},
		{"microphone", "sine=sample_rate=48000", "/ts/audio0", "mp2,48000"},
	} {
		t.Run(test.kind, func(t *testing.T) {
			t.Parallel()
			posts := make(chan string, 10)
			body := make(chan []byte, 1)
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				posts <- r.Method + " " + r.URL.Path
				if len(posts) == 1 { // the first: take something, then break off
					_, _ = io.CopyN(io.Discard, r.Body, 188)
					conn, _, err := http.NewResponseController(w).Hijack()
					if err == nil {
						conn.Close()
					}
					return
				}
				b, _ := io.ReadAll(io.LimitReader(r.Body, enough))
				body <- b
			}))
			t.Cleanup(server.Close) // after ffmpeg has ended
			feed(t, test.kind, test.source, server.URL)

			var ts []byte
			select {
			case ts = <-body:
			case <-time.After(time.Minute):
				t.Fatal("no second post came within a minute")
			}
			for range 2 {
				if got := <-posts; got != "POST "+test.path {
					t.Errorf("got %s, want POST %s", got, test.path)
				}
			}
			if got := probe(t, ts); got != test.codec {
				t.Errorf("ffprobe says %s, want %s", got, test.codec)
			}
		})
	}
}

// feed runs the line of a device, with a source of ffmpeg's own in its place,
// until the test ends.
func feed(t *testing.T, kind, source, server string) {
	t.Helper()
	report, err := devices.Find(unpack(t, "pi"))
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	_, digits, _ := net.SplitHostPort(u.Host)
	port, _ := strconv.Atoi(digits)
	report.Assign(devices.Agent{Port: port})
	args := report.Cameras[0].Args
	if kind == "microphone" {
		args = report.Microphones[0].Args
	}
	begin, end := slices.Index(args, "-f"), slices.Index(args, "-i")+2
	args = slices.Replace(slices.Clone(args), begin, end, "-re", "-f", "lavfi", "-i", source)
	ctx, cancel := context.WithCancel(t.Context())
	ffmpeg := exec.CommandContext(ctx, args[0], args[1:]...)
	var said bytes.Buffer
	ffmpeg.Stderr = &said
	if err := ffmpeg.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		_ = ffmpeg.Wait() // it was killed
		if t.Failed() {
			t.Logf("ffmpeg said: %s", said.String())
		}
	})
}

// probe says what ffprobe finds: codec, then size and rate.
func probe(t *testing.T, ts []byte) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "post.ts")
	if err := os.WriteFile(file, ts, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), "ffprobe", "-v", "error", "-of", "csv=p=0:nk=1",
		"-show_entries", "stream=codec_name,width,height,sample_rate,r_frame_rate", file).Output()
	if err != nil {
		t.Fatalf("ffprobe: %v", err)
	}
	line, _, _ := strings.Cut(string(out), "\n")
	return strings.TrimSuffix(strings.TrimSpace(line), ",0/0")
}

// The input halves are for devices that are not here: ffmpeg, that it knows
// the options and fails for want of the device alone, shows that they are sound.
func TestTheInputOptionsAreFFmpegs(t *testing.T) {
	report, err := devices.Find(unpack(t, "pi"))
	if err != nil {
		t.Fatal(err)
	}
	report.Assign(devices.Agent{Port: 1})
	for _, d := range slices.Concat(report.Cameras, report.Microphones) {
		args := slices.Clone(d.Args)
		name := slices.Index(args, "-i") + 1
		args[name] = strings.NewReplacer("C920", "NoSuchCard", "/dev/", "/nowhere/").Replace(args[name])
		out, err := exec.CommandContext(t.Context(), args[0], args[1:]...).CombinedOutput()
		if err == nil || !strings.Contains(string(out), "No such file or directory") && !strings.Contains(string(out), "No such device") {
			t.Errorf("%s: %v: %s", d.Line, err, out)
		}
	}
}
