//go:build unix

package agent_test

import (
	"bufio"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"vw/agent"
	"vw/agent/link"
	"vw/media/mpegts"
)

// A load is a process that posts 50 Mbit/s, and is the relay to which that goes.
type load struct {
	child   *exec.Cmd
	url, ca string // of the relay
	post    io.WriteCloser
	read    *bufio.Reader // a byte for each MB that has come to the relay
}

const loadOver = "VW_TEST_LOAD" // plain or tls, in the environment of that process

// BenchmarkLink is the whole way from the HTTP body to a websocket, at 50 Mbit/s: an
// operation is 1 MB, and cpu-s/GB what the process spends on it that carries it. The
// floor is the least that can be done: a body is read, and what was read is written.
func BenchmarkLink(b *testing.B) {
	if over := os.Getenv(loadOver); over != "" {
		serveLoad(over == "tls")
		return
	}
	for _, over := range []string{"plain", "tls"} {
		for _, by := range []string{"floor", "feed", "stream"} {
			b.Run("over="+over+"/by="+by, func(b *testing.B) {
				to := newLoad(b, over)
				if by == "floor" {
					to.carry(b, floor(b, to))
				} else {
					to.carry(b, forwarder(b, to, by))
				}
			})
		}
	}
}

func newLoad(b *testing.B, over string) *load {
	read, write, err := os.Pipe()
	if err != nil {
		b.Fatal(err)
	}
	child := exec.Command(os.Args[0], "-test.run=^$", "-test.bench=^BenchmarkLink$", "-test.benchtime=1x")
	child.Env = append(os.Environ(), loadOver+"="+over)
	child.ExtraFiles = []*os.File{write}
	l := &load{child: child, read: bufio.NewReader(read)}
	if l.post, err = child.StdinPipe(); err == nil {
		err = child.Start()
	}
	if err != nil {
		b.Fatal(err)
	}
	write.Close()
	b.Cleanup(func() { read.Close() })
	if _, err := fmt.Fscanf(l.read, "%q %q\n", &l.url, &l.ca); err != nil {
		b.Fatal(err)
	}
	return l
}

// carry measures this process while the load posts to a URL.
func (l *load) carry(b *testing.B, url string) {
	fmt.Fprintln(l.post, url)
	for range 3 { // until it is steady
		l.await(b)
	}
	b.SetBytes(1e6)
	before, n := cpu(b), 0
	for b.Loop() {
		l.await(b)
		n++
	}
	b.ReportMetric((cpu(b)-before).Seconds()*1000/float64(n), "cpu-s/GB")
	l.post.Close()
	_ = l.child.Wait()
}

func (l *load) await(b *testing.B) {
	if _, err := l.read.ReadByte(); err != nil {
		b.Fatal(err)
	}
}

func cpu(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// caFile returns the name of a file with the relay's certificate, "" over plain.
func (l *load) caFile(b *testing.B) string {
	if l.ca == "" {
		return ""
	}
	return writeFile(b, "ca.pem", []byte(l.ca))
}

// forwarder is an agent with one rule, of a feed or of a stream made of it.
func forwarder(b *testing.B, to *load, by string) (url string) {
	a := start(b, nil, agent.Config{CAFile: to.caFile(b)})
	name := "v"
	if by == "stream" {
		name = "s"
		a.request(b, "POST", "/api/streams", `{"stream":"s","feeds":["v"]}`)
	}
	a.request(b, "POST", "/api/destinations", `{"id":"0","stream":"`+name+`","destination":"`+to.url+`"}`)
	a.log.await(b, `"link up"`)
	return a.URL() + "/ts/v"
}

// floor reads a body and writes what it read.
func floor(b *testing.B, to *load) (url string) {
	tls, err := link.TLS(to.caFile(b), "", "")
	if err != nil {
		b.Fatal(err)
	}
	ws, _, err := (&websocket.Dialer{WriteBufferSize: 64 << 10, TLSClientConfig: tls}).Dial(to.url, nil)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { ws.Close() })
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		buf := make([]byte, 64<<10)
		for {
			n, err := r.Body.Read(buf)
			if n > 0 && ws.WriteMessage(websocket.BinaryMessage, buf[:n]) != nil || err != nil {
				return
			}
		}
	}))
	b.Cleanup(s.Close)
	return s.URL
}

// serveLoad is that process: it tells its relay's URL, reads where to post to, and
// posts until its input ends.
func serveLoad(secure bool) {
	told := os.NewFile(3, "told")
	relay := httptest.NewUnstartedServer(counting(told))
	var ca []byte
	if secure {
		relay.StartTLS()
		ca = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: relay.Certificate().Raw})
	} else {
		relay.Start()
	}
	fmt.Fprintf(told, "%q %q\n", strings.Replace(relay.URL, "http", "ws", 1), ca)
	var url string
	if _, err := fmt.Scanln(&url); err != nil {
		return
	}
	body, w := io.Pipe()
	go func() {
		if resp, err := http.Post(url, "video/mp2t", body); err == nil { //nolint:noctx // the process ends it
			resp.Body.Close()
		}
	}()
	go pictures(w)
	_, _ = io.Copy(io.Discard, os.Stdin)
}

// counting is a relay that writes a byte to told for each MB that it has read.
func counting(told io.Writer) http.Handler {
	upgrader := websocket.Upgrader{ReadBufferSize: 64 << 10}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ws, err := upgrader.Upgrade(w, r, nil)
		if err != nil {
			return
		}
		defer ws.Close()
		buf, got := make([]byte, 64<<10), 0
		for {
			_, message, err := ws.NextReader()
			for err == nil {
				var n int
				n, err = message.Read(buf)
				for got += n; got >= 1e6; got -= 1e6 {
					_, _ = told.Write([]byte{'.'})
				}
			}
			if err != io.EOF {
				return
			}
		}
	})
}

// pictures writes 25 pictures a second of 250 kB each, in pieces of 32 KiB as ffmpeg does.
func pictures(w io.Writer) {
	const pmtPID, videoPID = 0x1000, 0x100
	pat := mpegts.PAT{Programs: []mpegts.Program{{Number: 1, PMTPID: pmtPID}}}.Section()
	pmt := mpegts.PMT{Program: 1, PCRPID: videoPID, Tracks: []mpegts.Track{{PID: videoPID, Type: 0x1b}}}.Section()
	var patCC, pmtCC, cc byte
	picture := make([]byte, 244_000)
	tick := time.NewTicker(40 * time.Millisecond)
	defer tick.Stop()
	for n := uint64(0); ; n++ {
		var b []byte
		if n%5 == 0 {
			b, patCC = mpegts.AppendSection(b, mpegts.PATPID, patCC, pat)
			b, pmtCC = mpegts.AppendSection(b, pmtPID, pmtCC, pmt)
		}
		pts := 90_000 + n*3600
		b, cc = mpegts.Unit{PID: videoPID, StreamID: 0xe0, PTS: pts, Data: picture, RandomAccess: n%25 == 0, HasPCR: true, PCR: (pts - 9000) * 300}.Append(b, cc)
		for piece := range slices.Chunk(b, 32768) {
			if _, err := w.Write(piece); err != nil {
				return
			}
		}
		<-tick.C
	}
}
