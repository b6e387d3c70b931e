package agent_test

import (
	"encoding/binary"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"vw/testrelay"
)

const packetSize = 188

// numbered are n transport packets of one PID that count from first on, in
// their payload and in their continuity counter.
func numbered(pid uint16, first, n int) []byte {
	b := make([]byte, n*packetSize)
	for i := range n {
		p := b[i*packetSize:][:packetSize]
		p[0], p[3] = 0x47, 0x10|byte((first+i)&0x0f)
		binary.BigEndian.PutUint16(p[1:], pid)
		binary.BigEndian.PutUint64(p[4:], uint64(first+i))
		for k := 12; k < len(p); k++ {
			p[k] = byte(pid)
		}
	}
	return b
}

// numbers are those of the packets of one PID in b, which has to be whole packets.
func numbers(t testing.TB, pid uint16, b []byte) (found []int) {
	t.Helper()
	if len(b)%packetSize != 0 {
		t.Fatalf("%d bytes are no whole packets", len(b))
	}
	for ; len(b) > 0; b = b[packetSize:] {
		if b[0] != 0x47 {
			t.Fatal("a packet without a sync byte")
		}
		if binary.BigEndian.Uint16(b[1:])&0x1fff == pid {
			found = append(found, int(binary.BigEndian.Uint64(b[4:])))
		}
	}
	return found
}

// consecutive says that the numbers count from first on, n of them.
func consecutive(t testing.TB, what string, got []int, first, n int) {
	t.Helper()
	for i, k := range got {
		if k != first+i {
			t.Fatalf("%s: packet %d comes where %d should", what, k, first+i)
		}
	}
	if len(got) != n {
		t.Fatalf("%s: %d packets, want %d", what, len(got), n)
	}
}

// A post is one that a test writes into.
type post struct {
	t     testing.TB
	body  *io.PipeWriter
	ended chan answer
}

type answer struct {
	status int
	body   string
}

// post begins one to a feed.
func (r *running) post(t testing.TB, feed string) *post {
	t.Helper()
	read, write := io.Pipe()
	p := &post{t, write, make(chan answer, 1)}
	t.Cleanup(func() { write.Close() })
	req, err := http.NewRequest(http.MethodPost, r.URL()+"/ts/"+feed, read)
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		transport := &http.Transport{DisableKeepAlives: true}
		resp, err := transport.RoundTrip(req)
		if err != nil {
			p.ended <- answer{0, err.Error()}
			return
		}
		defer resp.Body.Close()
		text, _ := io.ReadAll(resp.Body)
		p.ended <- answer{resp.StatusCode, string(text)}
	}()
	return p
}

func (p *post) write(b []byte) {
	p.t.Helper()
	if _, err := p.body.Write(b); err != nil {
		p.t.Fatalf("write to the post: %v", err)
	}
}

// answer waits for what the post was answered.
func (p *post) answer() answer {
	p.t.Helper()
	select {
	case a := <-p.ended:
		return a
	case <-time.After(patience):
		p.t.Fatal("the post was not answered")
		return answer{}
	}
}

// end ends the post as ffmpeg does, which has to succeed.
func (p *post) end() {
	p.t.Helper()
	p.body.Close()
	if a := p.answer(); a.status != http.StatusNoContent {
		p.t.Fatalf("the post ended with %d %s", a.status, a.body)
	}
}

// A flow posts numbered packets at a steady pace, until it is told to stop.
type flow struct {
	stop func() (sent int) // ends the post; the number of packets is how many were sent
	mu   sync.Mutex
	sent int
}

// count is how many packets have been written to the post.
func (f *flow) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.sent
}

// flow posts n packets every so often.
func (r *running) flow(t testing.TB, feed string, pid uint16, n int, every time.Duration) *flow {
	t.Helper()
	p := r.post(t, feed)
	f := &flow{}
	quit, quitted := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(quitted)
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			if _, err := p.body.Write(numbered(pid, f.count(), n)); err != nil {
				return
			}
			f.mu.Lock()
			f.sent += n
			f.mu.Unlock()
			select {
			case <-quit:
				return
			case <-tick.C:
			}
		}
	}()
	end := sync.OnceFunc(func() {
		close(quit)
		<-quitted
		p.body.Close()
	})
	t.Cleanup(end)
	f.stop = func() int {
		t.Helper()
		end()
		p.end()
		return f.count()
	}
	return f
}

// A viewer is what arrives at a relay on one topic.
type viewer struct {
	t    testing.TB
	sub  *testrelay.Subscription
	got  []byte    // of the binary messages
	each [][]byte  // of the binary messages
	from time.Time // earlier messages are passed over
	text []string
}

func view(t testing.TB, relay *testrelay.Server, topic string) *viewer {
	sub := relay.Subscribe(topic)
	t.Cleanup(sub.Close)
	return &viewer{t: t, sub: sub}
}

// until takes in messages until it is enough.
func (v *viewer) until(what string, enough func() bool) {
	v.t.Helper()
	ctx := patient(v.t)
	for !enough() {
		m, err := v.sub.Next(ctx)
		if err != nil {
			v.t.Fatalf("%s: not after %d bytes and %d texts", what, len(v.got), len(v.text))
		}
		v.take(m)
	}
}

func (v *viewer) take(m testrelay.Message) {
	if m.At.Before(v.from) {
		return
	}
	if m.Type == websocket.TextMessage {
		v.text = append(v.text, string(m.Data))
		return
	}
	v.each = append(v.each, m.Data)
	v.got = append(v.got, m.Data...)
}

// bytes takes in messages until there are n bytes.
func (v *viewer) bytes(n int) []byte {
	v.t.Helper()
	v.until("bytes", func() bool { return len(v.got) >= n })
	return v.got
}

// packet takes in messages until one holds the packet of that PID and number.
func (v *viewer) packet(pid uint16, number int) {
	v.t.Helper()
	seen := 0
	v.until("a packet", func() bool {
		for ; seen < len(v.each); seen++ {
			for _, k := range numbers(v.t, pid, v.each[seen]) {
				if k >= number {
					return true
				}
			}
		}
		return false
	})
}

// carries returns when what comes into a feed arrives: text messages go ahead
// of the packets, and are no part of what is viewed as bytes.
func (v *viewer) carries(r *running, feed string) {
	v.t.Helper()
	local := dial(v.t, strings.Replace(r.URL(), "http", "ws", 1)+"/ws/"+feed)
	defer local.ws.Close()
	ctx := patient(v.t)
	arrived := make(chan struct{})
	go func() {
		defer close(arrived)
		if m, err := v.sub.Next(ctx); err == nil {
			v.take(m)
		}
	}()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		local.send(websocket.TextMessage, "is it up?")
		select {
		case <-arrived:
			if len(v.text) == 0 {
				v.t.Fatal("what comes into the feed does not arrive")
			}
			return
		case <-tick.C:
		}
	}
}
