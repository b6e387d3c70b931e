package agent_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"maps"
	"strings"
	"sync"
	"time"

	"vw/media/tscheck"
)

// A customs sees all that leaves the agent, when it does, and holds it against the
// permits of the model.
type customs struct {
	mu      sync.Mutex
	permits map[string]permit
	taps    map[*spy]bool
	acks    map[string]func() // by a command's ref: called when its reply leaves
	wrong   []string
	passed  int // packets
	tracks  int // of them, marked ones
	links   int
}

func newCustoms() *customs {
	return &customs{permits: map[string]permit{}, taps: map[*spy]bool{}, acks: map[string]func(){}}
}

// allowLocked puts permits in force. The caller holds the lock.
func (c *customs) allowLocked(permits map[string]permit) {
	c.permits = permits
	for t := range c.taps {
		if t.checker != nil && permits[t.url].program != t.program {
			t.unchecked() // another program on the same link
		}
		t.paused = t.paused || permits[t.url].silent
	}
}

// either is what one of two permits allows.
func either(a, b map[string]permit) map[string]permit {
	all := maps.Clone(a)
	for url, p := range b {
		if have, ok := all[url]; ok {
			p = permit{maps.Clone(p.tracks), have.program, p.silent || have.silent}
			if have.program != b[url].program {
				p.program = "?"
			}
			maps.Copy(p.tracks, have.tracks)
		}
		all[url] = p
	}
	return all
}

// fault notes what must not be. The caller holds the lock.
func (c *customs) fault(format string, args ...any) {
	if len(c.wrong) < 20 {
		c.wrong = append(c.wrong, fmt.Sprintf(format, args...))
	}
}

// maxPCRInterval is that of a program of sources whose frames come seldom.
const maxPCRInterval = 3 * frameEvery

// A spy reads what the agent writes to one connection: a handshake, then frames.
type spy struct {
	customs *customs
	host    string
	url     string
	plain   bool // it asks for access, and is no websocket
	begun   time.Time
	bytes   []byte // not understood yet
	message []byte // of frames so far
	last    map[track]marked
	program string
	checker *tscheck.Checker // nil: nothing is checked
	since   time.Time        // it is
	checked bool             // it has been decided whether
	paused  bool             // the program has had no rule for a while
}

// tap returns the tap of a new connection.
func (c *customs) tap(host string) *spy {
	t := &spy{customs: c, host: host, begun: time.Now(), last: map[track]marked{}}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.taps[t] = true
	c.links++
	return t
}

// over says that nothing leaves by the tap any more.
func (t *spy) over() {
	t.customs.mu.Lock()
	defer t.customs.mu.Unlock()
	if t.customs.taps[t] {
		t.judge()
		delete(t.customs.taps, t)
	}
}

// write takes what is written.
func (t *spy) write(b []byte) {
	t.customs.mu.Lock()
	defer t.customs.mu.Unlock()
	t.bytes = append(t.bytes, b...)
	if t.url == "" {
		head, rest, whole := bytes.Cut(t.bytes, []byte("\r\n\r\n"))
		if !whole {
			return
		}
		fields := strings.Fields(string(head))
		path, _, _ := strings.Cut(fields[1], "?")
		t.url, t.bytes, t.plain = "ws://"+t.host+path, append([]byte(nil), rest...), fields[0] == "POST"
	}
	if t.plain {
		return
	}
	for t.frame() {
	}
}

// frame takes one frame (RFC 6455, 5.2), if it is there.
func (t *spy) frame() bool {
	b := t.bytes
	if len(b) < 6 {
		return false
	}
	size, at := int(b[1]&0x7f), 2
	switch size {
	case 126:
		size, at = int(binary.BigEndian.Uint16(b[2:])), 4
	case 127:
		if len(b) < 14 {
			return false
		}
		size, at = int(binary.BigEndian.Uint64(b[2:])), 10
	}
	if len(b) < at+4+size {
		return false
	}
	key, payload := b[at:at+4], b[at+4:at+4+size]
	for i := range payload {
		payload[i] ^= key[i&3]
	}
	opcode, fin := b[0]&0x0f, b[0]&0x80 != 0
	if opcode < 8 {
		t.message = append(t.message, payload...)
		if fin {
			if strings.HasSuffix(t.url, "/bi/agent") {
				t.said(t.message)
			} else {
				t.media(t.message)
			}
			t.message = t.message[:0]
		}
	}
	t.bytes = append(t.bytes[:0], b[at+4+size:]...)
	return true
}

// said is a message of the command channel.
func (t *spy) said(message []byte) {
	for ref, ack := range t.customs.acks {
		if bytes.Contains(message, []byte(`"ref":"`+ref+`"`)) {
			delete(t.customs.acks, ref)
			ack()
		}
	}
}

// media is a message of packets.
func (t *spy) media(message []byte) {
	c := t.customs
	if len(message)%packetSize != 0 {
		c.fault("a message of %d bytes to %s is no whole packets", len(message), t.url)
		return
	}
	p := c.permits[t.url]
	for at := 0; at < len(message); at += packetSize {
		c.passed++
		m, ok := readMark(message[at : at+packetSize])
		if !ok {
			continue
		}
		c.tracks++
		if !p.tracks[m.track] {
			c.fault("%s of %s (run %d, frame %d) leaves for %s, and may not", string(m.kind), m.feed, m.run, m.frame, t.url)
		}
		if last, ok := t.last[m.track]; ok && (m.run < last.run || m.run == last.run && m.frame < last.frame) {
			c.fault("to %s comes %s of %s (run %d, frame %d) after run %d, frame %d", t.url, string(m.kind), m.feed, m.run, m.frame, last.run, last.frame)
		}
		t.last[m.track] = m
	}
	if !t.checked && p.program != "" && p.program != "?" {
		t.program = p.program
		t.checker = tscheck.New(tscheck.Options{MaxPCRInterval: maxPCRInterval, MaxSilence: 1000 * time.Hour})
		t.since = time.Now()
	}
	t.checked = true
	if t.checker != nil {
		_, _ = t.checker.Write(message)
	}
}

// judge tells what is wrong with the program that has left. The caller holds the lock.
func (t *spy) judge() {
	if t.checker == nil {
		return
	}
	if time.Since(t.since) < maxPCRInterval {
		return // what has no PCR yet may have one in time
	}
	r := t.checker.Report()
	for _, g := range r.Programs { // a stream that was deleted, and is back before a PCR is missed
		for i := range g.Tracks {
			if t.paused && g.Tracks[i].LongestHoleSeconds < maxPCRInterval.Seconds() {
				g.Tracks[i].Holes = 0
			}
		}
	}
	for _, fault := range r.Faults() {
		t.customs.fault("the program %s to %s, a link since %v, is not sound: %s", t.program, t.url, t.begun.Format(time.TimeOnly), fault)
		t.checker = nil // once
	}
}

// unchecked ends the check of a program in the middle of a link.
func (t *spy) unchecked() {
	t.judge()
	t.checker = nil
}

// faults judges all programs, and returns all that was wrong so far.
func (c *customs) faults() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.wrong
}

func (c *customs) judgeAll() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for t := range c.taps {
		t.judge()
	}
}
