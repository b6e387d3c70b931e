package agent_test

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"vw/agent"
	"vw/testrelay"
)

func TestWhatFfmpegSendsArrivesByteForByte(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		args string
		cuts bool // its HTTP chunks cut packets
		rate int  // bit/s at least
	}{
		"640x480 mpeg1video": {"-f lavfi -i testsrc2=size=640x480:rate=25 -t 3 -c:v mpeg1video -b:v 1000k -bf 0", false, 500_000},
		"1280x720 intra only, 20 Mbit/s": {"-f lavfi -i testsrc2=size=1280x720:rate=25,noise=alls=60:allf=t -t 3 -threads 1 " +
			"-c:v mpeg2video -g 1 -b:v 20M -minrate 20M -maxrate 20M -bufsize 4M", true, 15_000_000},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			relay := listen(t, testrelay.Config{})
			a := start(t, relay, agent.Config{})
			channel := orchestrate(t, relay, "agent1")
			channel.route("0", "video0", relay.URL()+"/in/video0")
			viewer := view(t, relay, "video0")
			viewer.carries(a, "video0")
			tap := newTap(t, strings.TrimPrefix(a.URL(), "http://"))

			args := append([]string{"-nostdin", "-v", "error", "-re"}, strings.Fields(c.args)...)
			ffmpeg(t, nil, append(args, "-f", "mpegts", "http://"+tap.address+"/ts/video0")...)
			sent, cuts := tap.body(t)
			if len(sent)*8/3 < c.rate {
				t.Errorf("only %d bytes in 3 s", len(sent))
			}
			if cuts != c.cuts {
				t.Errorf("HTTP chunks cut packets: %v, want %v", cuts, c.cuts)
			}
			got := viewer.bytes(len(sent))
			if !bytes.Equal(got, sent) {
				t.Errorf("%d bytes were sent, %d arrived, the first that differs is byte %d", len(sent), len(got), differs(got, sent))
			}
			wholePackets(t, viewer)
			if complaints := ffmpeg(t, got, "-v", "warning", "-f", "mpegts", "-i", "-", "-f", "null", "-"); complaints != "" {
				t.Errorf("the decoder complains: %s", complaints)
			}
			if s := channel.status().Destinations["0"]; s.Dials != 1 || s.Queue.Dropped != 0 {
				t.Errorf("the destination is told as %+v", s)
			}
		})
	}
}

// ffmpeg runs it to its end and returns what it had to say.
func ffmpeg(t testing.TB, stdin []byte, args ...string) (said string) {
	t.Helper()
	cmd := exec.CommandContext(patient(t), "ffmpeg", args...)
	var stderr bytes.Buffer
	cmd.Stdin, cmd.Stderr = bytes.NewReader(stdin), &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("ffmpeg: %v: %s", err, stderr.String())
	}
	return strings.TrimSpace(stderr.String())
}

// A tap passes one connection on as it is, and keeps what the client sent.
type tap struct {
	address string
	done    chan struct{}
	sent    bytes.Buffer
	last    time.Time
	pause   time.Duration // the longest between two pieces of what the client sent
}

// Write keeps a piece.
func (p *tap) Write(b []byte) (int, error) {
	now := time.Now()
	if !p.last.IsZero() {
		p.pause = max(p.pause, now.Sub(p.last))
	}
	p.last = now
	return p.sent.Write(b)
}

func newTap(t testing.TB, to string) *tap {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &tap{address: ln.Addr().String(), done: make(chan struct{})}
	go func() {
		defer close(p.done)
		client, err := ln.Accept()
		if err != nil {
			return
		}
		defer client.Close()
		server, err := net.Dial("tcp", to)
		if err != nil {
			return
		}
		defer server.Close()
		var wg sync.WaitGroup
		wg.Go(func() {
			_, _ = io.Copy(server, io.TeeReader(client, p))
			_ = server.(*net.TCPConn).CloseWrite()
		})
		wg.Go(func() {
			_, _ = io.Copy(client, server)
			_ = client.(*net.TCPConn).CloseWrite()
		})
		wg.Wait()
	}()
	t.Cleanup(func() {
		ln.Close()
		<-p.done
	})
	return p
}

// body is the body of the request that has passed, and whether an HTTP chunk
// of it was no whole packets.
func (p *tap) body(t testing.TB) (body []byte, cuts bool) {
	t.Helper()
	select {
	case <-p.done:
	case <-patient(t).Done():
		t.Fatal("the post did not end")
	}
	raw := p.sent.Bytes()
	req, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(raw)))
	if err != nil {
		t.Fatal(err)
	}
	if body, err = io.ReadAll(req.Body); err != nil {
		t.Fatal(err)
	}
	_, chunks, _ := bytes.Cut(raw, []byte("\r\n\r\n"))
	for {
		line, rest, _ := bytes.Cut(chunks, []byte("\r\n"))
		size, err := strconv.ParseUint(string(line), 16, 32)
		if err != nil || len(rest) < int(size)+2 {
			t.Fatalf("the body is not chunked as expected: %v", err)
		}
		if size == 0 {
			return body, cuts
		}
		cuts = cuts || size%packetSize != 0
		chunks = rest[size+2:]
	}
}

// A feed whose ffmpeg is killed and starts again goes on, on the same link.
func TestFfmpegThatIsKilledAndStartsAgainIsTakenInAgain(t *testing.T) {
	t.Parallel()
	relay := listen(t, testrelay.Config{})
	a := start(t, relay, agent.Config{})
	channel := orchestrate(t, relay, "agent1")
	channel.route("0", "video0", relay.URL()+"/in/video0")
	viewer := view(t, relay, "video0")
	viewer.carries(a, "video0")
	for i := range 2 {
		cmd := exec.Command("ffmpeg", strings.Fields("-nostdin -v quiet -re -f lavfi -i testsrc2=size=320x240:rate=25 -c:v mpeg1video -f mpegts "+a.URL()+"/ts/video0")...)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		viewer.bytes(len(viewer.got) + 100_000)
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		eventually(t, "the log tells of it", func() bool { return len(a.log.lines("post ended: its sender has gone")) == i+1 })
		viewer.rest()
	}
	wholePackets(t, viewer)
	if n := len(relay.Visits("/in/video0")); n != 1 {
		t.Errorf("the relay was dialled %d times", n)
	}
}
