package clip

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"time"
)

// endGrace is how long ffmpeg has to end its post properly when it is told to.
const endGrace = 2 * time.Second

// FFmpeg has ffmpeg post a test picture (640×480, 25 frames a second,
// mpeg1video) with a tone (mp2, 48 kHz, mono) to url, in real time, until ctx
// ends or ffmpeg does, and returns why: ctx's error, or ffmpeg's with the last
// line that it said. Without ffmpeg on this machine errors.Is(err,
// exec.ErrNotFound) holds, at once. It returns when the process is gone,
// which takes 2 s at most.
func FFmpeg(ctx context.Context, url string) error {
	cmd := exec.CommandContext(ctx, "ffmpeg", "-v", "error",
		"-re", "-f", "lavfi", "-i", "testsrc2=size=640x480:rate=25",
		"-re", "-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000:beep_factor=4",
		"-c:v", "mpeg1video", "-b:v", "1500k", "-g", "25", "-bf", "0",
		"-c:a", "mp2", "-b:a", "96k", "-ac", "1",
		"-muxpreload", "0", "-muxdelay", "0.1", "-pcr_period", "40", "-pes_payload_size", "0",
		"-f", "mpegts", url)
	// Its own command, not a signal: Windows has none, and a second SIGINT after
	// that of Ctrl-C, which the terminal sends it too, would break the post off.
	keys, err := cmd.StdinPipe()
	if err != nil {
		return fmt.Errorf("ffmpeg: %w", err)
	}
	cmd.Cancel = func() error {
		_, err := io.WriteString(keys, "q")
		return err
	}
	cmd.WaitDelay = endGrace
	_, err = cmd.Output() // it keeps a bounded part of what ffmpeg says
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		lines := strings.Split(strings.TrimSpace(string(exit.Stderr)), "\n")
		return fmt.Errorf("ffmpeg: %w: %s", err, lines[len(lines)-1])
	}
	if err != nil {
		return fmt.Errorf("ffmpeg: %w", err)
	}
	return errors.New("ffmpeg ended by itself")
}
