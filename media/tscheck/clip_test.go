package tscheck_test

import (
	"bytes"
	"errors"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"

	"vw/media/mpegts"
)

// A clip is what ffmpeg made, once for all tests.
type clip func() ([]byte, error)

func ffmpeg(arguments string) clip {
	return sync.OnceValues(func() ([]byte, error) {
		b, err := exec.Command("ffmpeg", strings.Fields("-v error -nostdin "+arguments+" -f mpegts -")...).Output()
		if e := (*exec.ExitError)(nil); errors.As(err, &e) {
			err = errors.New(string(e.Stderr))
		}
		return b, err
	})
}

const (
	picture = "-f lavfi -i testsrc2=s=320x240:r=25:d=6 "
	sound   = "-f lavfi -i sine=d=6 "
)

var clips = map[string]clip{
	"mpeg1video and mp2": ffmpeg(picture + sound + "-c:v mpeg1video -b:v 1M -c:a mp2"),
	"h264 and aac":       ffmpeg(picture + sound + "-c:v libx264 -bf 2 -c:a aac"),
	"hevc":               ffmpeg(picture + "-c:v libx265 -preset ultrafast -x265-params log-level=none"),
	"125 a second":       ffmpeg("-f lavfi -i testsrc2=s=320x240:r=125:d=6 -c:v libx264 -preset ultrafast -bf 0"),
	"mp2 alone":          ffmpeg(sound + "-c:a mp2"),
	"constant rate":      ffmpeg(picture + sound + "-c:v libx264 -c:a aac -muxrate 4M"),
	"clocks that wrap":   ffmpeg(picture + sound + "-c:v libx264 -bf 2 -c:a aac -output_ts_offset 95440"),
	"two of each":        ffmpeg(picture + sound + "-map 0 -map 1 -map 0 -map 1 -c:v mpeg1video -c:a mp2"),
	"opus":               ffmpeg(sound + "-c:a libopus"),
}

// packets are a copy of a clip, cut up.
func packets(t testing.TB, name string) (ps []mpegts.Packet) {
	t.Helper()
	b, err := clips[name]()
	if err != nil {
		t.Fatalf("ffmpeg: %v", err)
	}
	for p := range mpegts.Packets(bytes.Clone(b)) {
		ps = append(ps, p)
	}
	return ps
}

func joined(ps []mpegts.Packet) (b []byte) {
	for _, p := range ps {
		b = append(b, p...)
	}
	return b
}

// middle is the first packet from half way on that is as wanted.
func middle(t testing.TB, ps []mpegts.Packet, wanted func(mpegts.Packet) bool) int {
	t.Helper()
	i := slices.IndexFunc(ps[len(ps)/2:], wanted)
	if i < 0 {
		t.Fatal("the clip has no such packet")
	}
	return len(ps)/2 + i
}

const (
	videoPID = 0x100 // what ffmpeg gives
	audioPID = 0x101
	pmtPID   = 0x1000
)

func plainVideo(p mpegts.Packet) bool {
	return p.PID() == videoPID && !p.UnitStart() && len(p.Payload()) == 184
}

func hasPCR(p mpegts.Packet) bool { _, ok := p.PCR(); return ok }

func isTable(pid uint16) func(mpegts.Packet) bool {
	return func(p mpegts.Packet) bool { return p.PID() == pid }
}

func startOf(pid uint16) func(mpegts.Packet) bool {
	return func(p mpegts.Packet) bool { _, ok := p.PES(); return ok && p.PID() == pid }
}

// shift moves the clocks of packets by milliseconds: the PCR and the stamps of
// pid, 0 for all.
func shift(ps []mpegts.Packet, pcr bool, pids []uint16, ms int64) {
	for _, p := range ps {
		if ticks, ok := p.PCR(); ok && pcr {
			p.SetPCR(uint64(int64(ticks+mpegts.PCRModulus) + ms*27_000))
		}
		if s, ok := p.PES(); ok && slices.Contains(pids, p.PID()) {
			s.Shift(ms * 90)
		}
	}
}

// without is ps but for the next n from i on that are as described.
func without(ps []mpegts.Packet, i, n int, described func(mpegts.Packet) bool) []mpegts.Packet {
	rest := slices.Clone(ps[:i])
	for _, p := range ps[i:] {
		if n > 0 && described(p) {
			n--
			continue
		}
		rest = append(rest, p)
	}
	return rest
}
