package agent_test

import (
	"context"
	"flag"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"vw/agent"
	"vw/testrelay"
)

var screenshots = flag.Bool("screenshots", false, "keep the pictures of the manuals in .github, as make screenshots does")

// maxScreenshot bounds a picture of the manuals, in bytes.
const maxScreenshot = 150_000

// The pictures that the manuals show: a real agent with two cameras, one of them
// on air, one muted, and what a viewer sees of it.
func TestBrowserTakesThePicturesOfTheManuals(t *testing.T) {
	relayPort, port, course, size := "0", 0, time.Second, "320x240" // what is slow to make is slower with the race detector
	if *screenshots {
		relayPort, port, course, size = "8090", 8888, 40*time.Second, "640x480" // the ports as in README.md
	}
	relay := lab(t, relayPort)
	a := start(t, nil, agent.Config{Name: "lab1", Port: port})
	bench := "-re -f lavfi -i testsrc2=size=" + size + ":rate=25 -re -f lavfi -i sine=sample_rate=48000 -map 0:v -c:v mpeg1video -b:v 1M -g 25 -bf 0 -map 1:a -c:a mp2 "
	ffmpegPosts(t, bench+"-f mpegts "+a.URL()+"/ts/bench")
	ffmpegPosts(t, "-re -f lavfi -i mandelbrot=size="+size+":rate=25:end_pts=20000 -c:v mpeg1video -b:v 1M -g 25 -bf 0 -f mpegts "+a.URL()+"/ts/microscope")
	for _, rule := range [][2]string{ // the other way round there is a feed of that name for a while
		{"/api/streams", `{"stream":"lab","feeds":["microscope","bench:audio"]}`},
		{"/api/destinations", `{"id":"0","stream":"lab","destination":"ws://` + relay + `/in/lab"}`},
	} {
		if resp, text := a.request(t, "POST", rule[0], rule[1]); resp.StatusCode != http.StatusOK {
			t.Fatal(text)
		}
	}
	a.request(t, "PUT", "/api/mutes/bench:video", "")
	dir := artefacts(t)
	browse(t, "screenshots.mjs", map[string]any{"url": a.URL(), "view": "http://" + relay + "/view/lab", "artefacts": dir, "course": course.Milliseconds()}, nil)
	for _, name := range []string{"page.png", "view.png"} {
		small := filepath.Join(dir, "small-"+name)
		if *screenshots {
			small = filepath.Join("..", ".github", name)
		}
		filter := "split[a][b];[a]palettegen=max_colors=128[p];[b][p]paletteuse=dither=none"
		if out, err := exec.Command("ffmpeg", "-v", "error", "-y", "-i", filepath.Join(dir, name), "-vf", filter, small).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		if info, err := os.Stat(small); err != nil || info.Size() > maxScreenshot {
			t.Errorf("%s is no picture of at most %d bytes: %+v, %v", name, maxScreenshot, info, err)
		}
	}
}

// lab runs a relay for viewers until the test ends, and returns its address.
func lab(t *testing.T, port string) string {
	t.Helper()
	relay, err := testrelay.New(testrelay.Config{KeyFrames: true})
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:"+port)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- relay.Serve(ctx, ln) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	return strings.Replace(ln.Addr().String(), "127.0.0.1", "localhost", 1)
}
