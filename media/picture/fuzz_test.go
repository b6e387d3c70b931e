package picture_test

import (
	"bytes"
	"image/jpeg"
	"testing"
	"time"

	"vw/media/mpegts"
	"vw/media/picture"
)

// holds says what has to hold whatever comes in.
func holds(t *testing.T, packets []byte) {
	t.Helper()
	begun := time.Now()
	var d picture.Decoder
	for half := len(packets) / 2 / mpegts.PacketSize * mpegts.PacketSize; len(packets) > 0; packets = packets[half:] {
		half = max(min(half, len(packets)), 1)
		d.Write(packets[:half])
		unsure := d.Err()
		b, err := d.JPEG()
		if unsure != nil && err == nil {
			t.Errorf("there is a picture in spite of %v", unsure)
		}
		if err != nil {
			continue
		}
		c, err := jpeg.DecodeConfig(bytes.NewReader(b))
		if err != nil || c.Width*c.Height > 1920*1088 {
			t.Errorf("a JPEG of %dx%d, %v", c.Width, c.Height, err)
		}
	}
	if took := time.Since(begun); took > 10*time.Second {
		t.Errorf("it took %v", took)
	}
}

const (
	tiny       = "-f lavfi -i testsrc2=size=64x48:rate=25 -t 0.4 "
	tinyVector = "-f lavfi -i testsrc2=size=64x48:rate=25,rotate=t*9 -t 0.4 "
)

func FuzzPackets(f *testing.F) {
	clip := ffmpeg(f, tiny+mpeg1+asTS)
	f.Add(clip)
	f.Add(clip[:len(clip)/2])
	f.Add(ffmpeg(f, tiny+"-c:v mpeg2video "+asTS))
	f.Add(ffmpeg(f, tiny+"-c:v libx264 -preset ultrafast "+asTS))
	f.Fuzz(holds)
}

func FuzzVideo(f *testing.F) {
	for _, args := range []string{tiny + mpeg1, tinyVector + mpeg1, tiny + "-c:v mpeg1video -bf 2 -q:v 31 ", tiny + "-c:v mpeg2video "} {
		video := ffmpeg(f, args+"-f mpeg1video ")
		f.Add(video)
		f.Add(video[:len(video)*2/3])
	}
	f.Fuzz(func(t *testing.T, video []byte) { holds(t, wrap(video)) })
}

// Damage is what a fuzzer does, a little of it in every run of the tests.
func TestDamagedVideoEndsNothing(t *testing.T) {
	for _, args := range []string{tiny + mpeg1, tinyVector + mpeg1} {
		video := ffmpeg(t, args+"-f mpeg1video ")
		for i := range 300 {
			damaged := bytes.Clone(video)
			for k := range 1 + i%5 {
				damaged[(i*7919+k*104729)%len(damaged)] ^= byte(1 + (i*31+k)%255)
			}
			holds(t, wrap(damaged[:len(damaged)-i*len(damaged)/1000]))
		}
	}
}
