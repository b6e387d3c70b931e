package soak_test

import (
	"bufio"
	"bytes"
	"fmt"
	"hash/maphash"
	"io"
	"net"
	"net/http"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"
)

const packetSize = 188

// A camera is an ffmpeg that feeds some of an agent's feeds. Whatever it sends goes through the
// test, which knows it again where it arrives.
type camera struct {
	t     testing.TB
	to    string // the agent, host:port
	seen  *memory
	feeds []string
	args  string // ffmpeg's, with %d for the run and %s for where a feed goes

	runs  int
	cmd   *exec.Cmd
	said  bytes.Buffer
	taps  []net.Listener
	ended sync.WaitGroup
	since time.Time // since when it is on or off
}

const (
	pictures = "-re -f lavfi -i testsrc2=size=160x112:rate=25,noise=alls=12:allf=t:all_seed=%d "
	noise    = "-re -f lavfi -i anoisesrc=color=pink:sample_rate=48000:amplitude=0.1:seed=%d "
	mpegts   = " -flush_packets 1 -muxpreload 0 -muxdelay 0.1 -f mpegts %s"
	h264     = "-c:v libx264 -preset ultrafast -tune zerolatency -pix_fmt yuv420p -bf 0 -g 25 -b:v 150k -threads 1"
	mpeg1    = "-c:v mpeg1video -b:v 150k -bf 0 -g 25 -threads 1"
	mp2      = "-c:a mp2 -ac 1 -b:a 64k"
)

// videoCodec is that of the seed.
func videoCodec() string {
	if *seed%2 == 0 {
		return h264
	}
	return mpeg1
}

// newCamera returns one that ends with the test.
func newCamera(t testing.TB, a *agent, seen *memory, args string, feeds ...string) *camera {
	c := &camera{t: t, to: strings.TrimPrefix(a.url, "http://"), seen: seen, feeds: feeds, args: args}
	t.Cleanup(c.end)
	return c
}

// shoot starts it.
func (c *camera) shoot() {
	c.t.Helper()
	c.runs++
	values := []any{}
	words := strings.Fields(c.args)
	for i, w := range words {
		switch {
		case strings.Contains(w, "%d"): // no run is like another
			words[i] = fmt.Sprintf(w, c.runs*1000+len(c.feeds))
		case strings.Contains(w, "%s"):
			words[i] = c.tap(c.feeds[len(values)])
			values = append(values, nil)
		}
	}
	c.said.Reset()
	c.cmd = exec.Command("ffmpeg", append([]string{"-nostdin", "-v", "error"}, words...)...)
	c.cmd.Stderr = &c.said
	if err := c.cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	c.since = time.Now()
}

// on reports whether it feeds.
func (c *camera) on() bool { return c.cmd != nil }

// end kills it.
func (c *camera) end() {
	if c.cmd == nil {
		return
	}
	_ = c.cmd.Process.Kill()
	_ = c.cmd.Wait() // it was killed
	for _, ln := range c.taps {
		ln.Close()
	}
	c.ended.Wait()
	c.cmd, c.taps, c.since = nil, nil, time.Now()
}

// tap returns where a feed can be posted that is to be remembered.
func (c *camera) tap(feed string) string {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		c.t.Fatal(err)
	}
	c.taps = append(c.taps, ln)
	c.ended.Go(func() {
		near, err := ln.Accept()
		if err != nil {
			return
		}
		defer near.Close()
		far, err := net.Dial("tcp", c.to)
		if err != nil {
			return
		}
		defer far.Close()
		read, write := io.Pipe()
		c.ended.Go(func() { c.remember(feed, read) })
		c.ended.Go(func() { _, _ = io.Copy(near, far); near.Close() })
		_, _ = io.Copy(io.MultiWriter(write, far), near) // what is sent is remembered first
		write.Close()
	})
	return fmt.Sprintf("http://%s/ts/%s", ln.Addr(), feed)
}

// remember reads the post of a feed.
func (c *camera) remember(feed string, from *io.PipeReader) {
	defer from.Close()
	req, err := http.ReadRequest(bufio.NewReaderSize(from, packetSize))
	if err != nil {
		return
	}
	packet := make([]byte, packetSize)
	for last := time.Now().Add(time.Hour); ; last = time.Now() {
		if _, err := io.ReadFull(req.Body, packet); err != nil {
			return
		}
		if time.Since(last) > stalled {
			c.seen.stall()
		}
		c.seen.note(feed, packet)
	}
}

// A memory knows packets again by what they carry: no stream changes that, but at the begin of
// a PES packet.
type memory struct {
	seed maphash.Seed

	mu  sync.Mutex
	all map[uint64]sighting
	old map[uint64]sighting // of before

	stalledAt time.Time // when a camera last sent at once what it had not for a while
}

// A sighting is when something of a feed was sent first; of no feed where more than one has sent it.
type sighting struct {
	feed string
	at   time.Time
}

func newMemory() *memory {
	return &memory{seed: maphash.MakeSeed(), all: map[uint64]sighting{}, old: map[uint64]sighting{}}
}

// remembered is how many packets are forgotten together: of some minutes.
const remembered = 100_000

// stalled is how long a camera sends nothing that has no time to do so: some pictures' time.
const stalled = 250 * time.Millisecond

func (m *memory) stall() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.stalledAt = time.Now()
}

// stalledSince reports whether a camera has stalled since then.
func (m *memory) stalledSince(then time.Time) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.stalledAt.After(then)
}

// key is that of a packet's payload, where it is long enough to be of one packet alone.
func (m *memory) key(packet []byte) (key uint64, ok bool) {
	if packet[1]&0x40 != 0 || packet[3]&0x10 == 0 { // a PES packet or a section begins, or nothing is carried
		return 0, false
	}
	from := 4
	if packet[3]&0x20 != 0 {
		from += 1 + int(packet[4])
	}
	if len(packet)-from < 64 {
		return 0, false
	}
	return maphash.Bytes(m.seed, packet[from:]), true
}

func (m *memory) note(feed string, packet []byte) {
	key, ok := m.key(packet)
	if !ok {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if s, known := m.find(key); known {
		if s.feed != feed { // an encoder says the same of itself in all
			m.all[key] = sighting{}
		}
		return
	}
	m.all[key] = sighting{feed, time.Now()}
	if len(m.all) > remembered {
		m.old, m.all = m.all, map[uint64]sighting{}
	}
}

// find is called with the lock.
func (m *memory) find(key uint64) (sighting, bool) {
	s, ok := m.all[key]
	if !ok {
		s, ok = m.old[key]
	}
	return s, ok
}

// recall returns when a packet was sent that has arrived, if it is one of a feed.
func (m *memory) recall(packet []byte) (s sighting, ok bool) {
	key, ok := m.key(packet)
	if !ok {
		return s, false
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	s, _ = m.find(key)
	return s, s.feed != ""
}
