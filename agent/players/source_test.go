package players_test

import (
	"bytes"
	"fmt"
	"io"
	"math/bits"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"
)

// frameTime is that of 25 pictures a second.
const frameTime = 40 * time.Millisecond

// A source is a camera with a microphone: an ffmpeg that feeds what this test
// draws, in H.264 and in MPEG-1, and a tone, in AAC and in MP2. Each picture
// shows the time at which it was drawn.
type source struct {
	t     testing.TB
	cmd   *exec.Cmd
	said  bytes.Buffer
	ended sync.WaitGroup
	stop  func()
}

// A camera has a number, below 8, and a size.
type camera struct {
	id            uint32
	width, height int
}

var (
	front = camera{1, 320, 240}
	back  = camera{2, 320, 240}
	small = camera{3, 192, 144} // a bar of the clock is a block wide
	tiny  = camera{4, 192, 144}
)

// codecs are ffmpeg's options for what a feed is in. They carry no picture that
// has to wait for another.
var codecs = map[string]string{"h264": h264, "mpeg1": mpeg1, "aac": aac, "mp2": mp2}

var everything = []string{"h264", "mpeg1", "aac", "mp2"}

const (
	h264  = "-c:v libx264 -preset superfast -tune zerolatency -profile:v main -pix_fmt yuv420p -bf 0 -g 25 -b:v 400k -threads 1"
	mpeg1 = "-c:v mpeg1video -b:v 400k -bf 0 -g 25 -threads 1"
	aac   = "-c:a aac -b:a 64k"
	mp2   = "-c:a mp2 -b:a 64k"
)

// shoot has a camera feed an agent until it is ended, or the agent goes. Its
// feeds are NAME.CODEC. It returns when they are there.
func shoot(t testing.TB, a *agent, name string, c camera, into ...string) *source {
	t.Helper()
	args := fmt.Sprintf("-v error -f rawvideo -pix_fmt gray -video_size %dx%d -framerate 25 -i pipe:0 "+
		"-re -f lavfi -i sine=frequency=440:sample_rate=48000", c.width, c.height)
	var names []string
	for _, codec := range into {
		track := "0:v"
		if strings.Contains(codecs[codec], "-c:a") {
			track = "1:a"
		}
		names = append(names, name+"."+codec)
		args += fmt.Sprintf(" -map %s %s -muxpreload 0 -muxdelay 0.1 -flush_packets 1 -f mpegts %s/ts/%s.%s", track, codecs[codec], a.url, name, codec)
	}
	s := &source{t: t, cmd: exec.Command("ffmpeg", strings.Fields(args)...)}
	s.cmd.Stderr = &s.said
	pipe, err := s.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	s.ended.Go(func() { draw(pipe, c) })
	s.stop = sync.OnceFunc(func() {
		_ = s.cmd.Process.Kill()
		_ = s.cmd.Wait() // it was killed
		s.ended.Wait()
	})
	a.t.Cleanup(s.stop)
	a.await(names...)
	return s
}

// draw writes pictures at their time until nobody takes them.
func draw(to io.Writer, c camera) {
	picture := make([]byte, c.width*c.height)
	tick := time.NewTicker(frameTime)
	defer tick.Stop()
	for n := 0; ; n++ {
		now := <-tick.C
		row := picture[:c.width]
		code := clockCode(now, c.id)
		for x := range row {
			row[x] = 48 + 160*byte(code>>(bars-1-x*bars/c.width)&1)
		}
		for y := 1; y < c.height/2; y++ {
			copy(picture[y*c.width:], row)
		}
		for y := c.height / 2; y < c.height; y++ {
			for x := range c.width {
				picture[y*c.width+x] = byte(64 + (x+y+4*n)%128)
			}
		}
		if _, err := to.Write(picture); err != nil {
			return
		}
	}
}

// bars is how many bits the upper half of a picture shows: 20 of the time in
// milliseconds, 3 of the camera, and one that makes their sum even.
const (
	bars      = 24
	clockBits = 20
)

func clockCode(now time.Time, id uint32) uint32 {
	code := uint32(now.UnixMilli())&(1<<clockBits-1)<<3 | id
	return code<<1 | uint32(bits.OnesCount32(code)&1)
}
