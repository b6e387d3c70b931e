package devices

import (
	"regexp"
	"slices"
	"strings"
)

// shellSafe are words that no shell changes.
var shellSafe = regexp.MustCompile(`^[A-Za-z0-9_@%+:,./-][A-Za-z0-9_@%+=:,./-]*$`)

// cameraArgs has ffmpeg feed 640×480 at 25 frames and about 1 Mbit a second,
// with a key frame every second and none that are reordered: what jsmpeg plays,
// and what a destination can be started on. A camera that cannot do the size or
// rate gives its nearest, and is converted.
func cameraArgs(device, url string) []string {
	return feedArgs([]string{"-f", "v4l2", "-framerate", "25", "-video_size", "640x480", "-i", device},
		[]string{"-map", "0:v", "-s", "640x480", "-r", "25", "-c:v", "mpeg1video",
			"-b:v", "1M", "-maxrate", "1M", "-bufsize", "1M", "-g", "25", "-bf", "0"}, url)
}

// microphoneArgs has ffmpeg feed mp2 at 128 kbit/s. The device is opened as
// plughw, ALSA's converter before the same hardware: hw refuses what the
// hardware does not do by itself, and most webcams do not do the stereo that
// ffmpeg asks for.
func microphoneArgs(device, url string) []string {
	return feedArgs([]string{"-f", "alsa", "-i", "plug" + device},
		[]string{"-map", "0:a", "-c:a", "mp2", "-b:a", "128k"}, url)
}

// feedArgs is ffmpeg's command line. The fifo muxer goes on through an agent's
// restart and waits for one that is not there yet; it takes no streams but
// those that are mapped. The rest keeps the delay small: a PCR every 40 ms, and
// every frame of sound sent as it comes (eight at a time by default).
func feedArgs(input, codec []string, url string) []string {
	return slices.Concat([]string{"ffmpeg", "-nostdin", "-hide_banner", "-loglevel", "warning"}, input, codec,
		[]string{"-flags", "+global_header", "-muxpreload", "0", "-muxdelay", "0.1",
			"-f", "fifo", "-fifo_format", "mpegts", "-format_opts", "pcr_period=40:pes_payload_size=0",
			"-attempt_recovery", "1", "-recover_any_error", "1", "-recovery_wait_time", "1",
			"-drop_pkts_on_overflow", "1", "-restart_with_keyframe", "1", url})
}

// shellLine is a command line for a POSIX shell.
func shellLine(args []string) string {
	words := make([]string, len(args))
	for i, arg := range args {
		if words[i] = arg; !shellSafe.MatchString(arg) {
			words[i] = quoted(arg)
		}
	}
	return strings.Join(words, " ")
}

// quoted is s as one word for a POSIX shell, in which nothing has a meaning.
func quoted(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
