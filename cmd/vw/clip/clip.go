// Package clip is the picture that vw demo sends: a few seconds of transport
// stream that the program carries in itself, played for ever, and the same
// kind of picture live from ffmpeg where there is one. It must not know of
// feeds, agents or relays: it writes packets, or has them posted to a URL.
package clip

import (
	"context"
	_ "embed"
	"fmt"
	"io"
	"time"

	"vw/media/mpegts"
)

// Duration is one round of the clip: 120 frames of video (40 ms each) and 200
// of mp2 audio (24 ms), so that both go on over the seam in step.
const Duration = 4800 * time.Millisecond

// roundTicks is Duration in 1/90,000 s.
const roundTicks = int64(Duration / time.Millisecond * mpegts.PTSHz / 1000)

// videoPID carries the video and the PCR.
const videoPID = 0x100

// The clip is made by "make clip": its picture and its tone come round in one
// Duration, its video begins with a key frame and has no frames that are
// reordered.
//
//go:embed clip.ts
var clip []byte

// Play writes the clip to w again and again until ctx ends or w fails, and
// returns why. Each Write holds whole packets, those of one frame of video and
// what is muxed with it, at the time that its DTS says; a Write that blocks
// makes the next ones late, and they catch up. Time stamps and continuity
// counters go on from round to round; nothing tells a reader that there is a
// seam. The bytes are valid during the Write only.
func Play(ctx context.Context, w io.Writer) error {
	frames := cut(clip)
	start := time.Now()
	var buf []byte
	counters := map[uint16]byte{}
	for round := int64(0); ; round++ {
		for _, f := range frames {
			if err := waitUntil(ctx, start.Add(time.Duration(round)*Duration+f.at)); err != nil {
				return err
			}
			buf = append(buf[:0], f.packets...)
			for p := range mpegts.Packets(buf) {
				rebase(p, round*roundTicks, counters)
			}
			if _, err := w.Write(buf); err != nil {
				return fmt.Errorf("play clip: %w", err)
			}
		}
	}
}

// A frame is what is written at once, at a time after the round's beginning.
type frame struct {
	at      time.Duration
	packets []byte
}

// cut splits ts before every frame of video but the first, which also holds
// what comes before it. The frames share ts's memory.
func cut(ts []byte) []frame {
	var frames []frame
	var first uint64
	begin, end := 0, 0
	for p := range mpegts.Packets(ts) {
		if s, ok := p.PES(); ok && p.PID() == videoPID {
			dts, _ := s.DTS()
			if frames == nil {
				first = dts
			} else {
				frames[len(frames)-1].packets = ts[begin:end]
				begin = end
			}
			at := time.Duration(mpegts.PTSDelta(dts, first)) * time.Second / mpegts.PTSHz
			frames = append(frames, frame{at: at})
		}
		end += mpegts.PacketSize
	}
	frames[len(frames)-1].packets = ts[begin:end]
	return frames
}

// rebase moves p's clocks by shift (1/90,000 s) and gives it the next
// continuity counter of its PID, which only a payload advances (ISO/IEC
// 13818-1, 2.4.3.3).
func rebase(p mpegts.Packet, shift int64, counters map[uint16]byte) {
	if p.HasPayload() {
		counters[p.PID()]++
	}
	p.SetContinuity(counters[p.PID()])
	if pcr, ok := p.PCR(); ok {
		p.SetPCR(pcr + uint64(shift)*(mpegts.PCRHz/mpegts.PTSHz))
	}
	if s, ok := p.PES(); ok {
		s.Shift(shift)
	}
}

// waitUntil returns at t, or with the context's error where that ends before.
func waitUntil(ctx context.Context, t time.Time) error {
	select {
	case <-time.After(time.Until(t)):
	case <-ctx.Done():
	}
	return ctx.Err()
}
