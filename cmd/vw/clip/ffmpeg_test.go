package clip_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"vw/cmd/vw/clip"
	"vw/media/mpegts"
)

// stubborn makes this test program an ffmpeg that ignores interrupts and ends
// when its URL has answered.
const stubborn = "VW_TEST_STUBBORN_FFMPEG"

func TestMain(m *testing.M) {
	if os.Getenv(stubborn) == "" {
		os.Exit(m.Run())
	}
	signal.Ignore(os.Interrupt)
	_, _ = http.Get(os.Args[len(os.Args)-1])
}

func TestFFmpegPostsATestPictureUntilToldToEnd(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	body := make(chan error, 1)
	var ts bytes.Buffer
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		// Some picture, then the post's proper end.
		_, err := io.CopyN(&ts, r.Body, 100_000)
		cancel()
		if err == nil {
			_, err = io.Copy(&ts, r.Body)
		}
		body <- err
	}))
	defer server.Close()

	if err := clip.FFmpeg(ctx, server.URL+"/ts/demo"); !errors.Is(err, context.Canceled) {
		t.Fatalf("FFmpeg ended with %v, want the context's error", err)
	}
	if err := <-body; err != nil {
		t.Errorf("the post ended with %v, want it complete", err)
	}
	file := filepath.Join(t.TempDir(), "post.ts")
	if err := os.WriteFile(file, ts.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	got := run(t, "ffprobe", "-v", "warning", "-of", "csv=p=0",
		"-show_entries", "stream=codec_name,width,height,sample_rate,channels,r_frame_rate", file)
	for _, want := range []string{"mpeg1video,640,480,25/1", "mp2,48000,1,"} {
		if !strings.Contains(got, want) {
			t.Errorf("ffprobe finds no %q in\n%s", want, got)
		}
	}
	if ts.Len()%mpegts.PacketSize != 0 {
		t.Errorf("%d bytes are no whole number of packets", ts.Len())
	}
}

func TestFFmpegSaysWhyItEnded(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close() // nobody listens there any more
	err := clip.FFmpeg(t.Context(), server.URL+"/ts/demo")
	if exit := new(exec.ExitError); !errors.As(err, &exit) || !strings.Contains(err.Error(), "refused") {
		t.Errorf("FFmpeg ended with %v, want ffmpeg's own reason", err)
	}
}

func TestMissingFFmpegIsReportedAsNotFound(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	if err := clip.FFmpeg(t.Context(), "http://127.0.0.1:0/"); !errors.Is(err, exec.ErrNotFound) {
		t.Errorf("FFmpeg ended with %v, want exec.ErrNotFound", err)
	}
}

func TestFFmpegThatDoesNotEndIsKilled(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	name := "ffmpeg"
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	dir := t.TempDir()
	program, err := os.ReadFile(self)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name), program, 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir)
	t.Setenv(stubborn, "1")

	ctx, cancel := context.WithCancel(t.Context())
	var told time.Time
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		told = time.Now()
		cancel()
		select {
		case <-r.Context().Done(): // it was killed
		case <-time.After(10 * time.Second):
		}
	}))
	defer server.Close()
	if err := clip.FFmpeg(ctx, server.URL); !errors.Is(err, context.Canceled) {
		t.Fatalf("FFmpeg ended with %v, want the context's error", err)
	}
	server.Close() // waits for the handler, and with it for told
	if d := time.Since(told); d < 2*time.Second || d > 9*time.Second {
		t.Errorf("it was gone after %v, want 2 s", d)
	}
}
