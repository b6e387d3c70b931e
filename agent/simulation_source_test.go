package agent_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"time"

	"vw/media/mpegts"
)

// A track is one kind of what a feed carries.
type track struct {
	feed string
	kind byte // 'v' or 'a'
}

// simFeeds are the feeds of a simulated world, and what each carries.
var simFeeds = []struct{ name, kinds string }{
	{"cam0", "v"}, {"cam1", "v"}, {"mic0", "a"}, {"mic1", "a"}, {"av", "va"},
}

func kindsOf(feed string) string {
	for _, f := range simFeeds {
		if f.name == feed {
			return f.kinds
		}
	}
	return ""
}

// frameEvery is the time from one frame of a source to the next: seldom, so that much
// time can pass in little. A frame of sound is as many as there are in that time.
const frameEvery = 384 * time.Millisecond

// A feeder is what ffmpeg is in the world: it posts one feed, whose every packet
// tells the feed, its kind, how often the source has been started, and a number.
type feeder struct {
	feed   int
	run    int // how often it has been started
	frames int
	cc     map[uint16]byte
}

// tables are PAT and PMT.
func (s *feeder) tables() []byte {
	const pmtPID = 0x1000
	pmt := mpegts.PMT{Program: 1, PCRPID: 0x100}
	for i, kind := range simFeeds[s.feed].kinds {
		coding := byte(0x01)
		if kind == 'a' {
			coding = 0x03
		}
		pmt.Tracks = append(pmt.Tracks, mpegts.Track{PID: 0x100 + uint16(i), Type: coding})
	}
	b, cc := mpegts.AppendSection(nil, mpegts.PATPID, s.cc[mpegts.PATPID], mpegts.PAT{StreamID: 1, Programs: []mpegts.Program{{Number: 1, PMTPID: pmtPID}}}.Section())
	s.cc[mpegts.PATPID] = cc
	b, s.cc[pmtPID] = mpegts.AppendSection(b, pmtPID, s.cc[pmtPID], pmt.Section())
	return b
}

// frame is the next frame of each track, with tables before it.
func (s *feeder) frame() []byte {
	b := s.tables()
	pts := uint64(s.frames)*uint64(frameEvery/time.Millisecond)*90 + mpegts.PTSHz
	for i, kind := range simFeeds[s.feed].kinds {
		u := mpegts.Unit{PID: 0x100 + uint16(i), StreamID: 0xe0, PTS: pts, HasPCR: i == 0, PCR: (pts - mpegts.PTSHz/2) * 300,
			RandomAccess: kind == 'a' || s.frames%3 == 0}
		mark := s.mark(byte(kind))
		if kind == 'a' {
			u.StreamID, u.Data = 0xc0, soundOf(mark)
		} else {
			u.Data = pictureOf(mark, u.RandomAccess)
		}
		b, s.cc[u.PID] = u.Append(b, s.cc[u.PID])
	}
	s.frames++
	return b
}

// A frame's bytes are full of its mark: markBegin, and the digits of base 64 of the
// feed, the kind, the run and the frame's number. No start code is in it.
const (
	markBegin = "\xf5vw\xf5"
	markSize  = len(markBegin) + 8
)

// A marked packet is of a frame.
type marked struct {
	track
	run, frame int
}

func (s *feeder) mark(kind byte) []byte {
	digit := func(n, place int) byte { return 0x80 | byte(n>>(6*place))&0x3f }
	return append([]byte(markBegin), digit(s.feed, 0), kind, digit(s.run, 1), digit(s.run, 0),
		digit(s.frames, 3), digit(s.frames, 2), digit(s.frames, 1), digit(s.frames, 0))
}

// readMark returns what a packet is of, where that can be told.
func readMark(packet []byte) (m marked, ok bool) {
	at := bytes.Index(packet, []byte(markBegin))
	if at < 0 || len(packet)-at < markSize {
		return m, false
	}
	n := func(digits []byte) (sum int) {
		for _, d := range digits {
			sum = sum<<6 | int(d&0x3f)
		}
		return sum
	}
	b := packet[at+len(markBegin):]
	return marked{track{simFeeds[n(b[:1])].name, b[1]}, n(b[2:4]), n(b[4:8])}, true
}

// soundOf is 16 frames of MPEG-1 layer II, 24 ms and 96 bytes each (32 kbit/s, 48 kHz, mono).
func soundOf(mark []byte) (b []byte) {
	for range 16 {
		b = append(b, 0xff, 0xfd, 0x14, 0xc0)
		b = append(b, bytes.Repeat(mark, 8)[:92]...)
	}
	return b
}

// pictureOf is one of MPEG-1, of which nothing but the headers is true.
func pictureOf(mark []byte, access bool) (b []byte) {
	kind := byte(2) // P
	if access {
		kind = 1 // I
		b = []byte{0, 0, 1, 0xb3, 0x0a, 0x00, 0x60, 0x13, 0xff, 0xff, 0xe0, 0x18}
	}
	b = append(b, 0, 0, 1, 0x00, 0x00, kind<<3, 0, 0, 0, 0, 1, 0x01)
	return append(b, bytes.Repeat(mark, 30)...)
}

// A poster feeds one feed of the agent, as ffmpeg does, and comes back by itself.
type poster struct {
	dial   func(ctx context.Context) (net.Conn, error)
	source feeder
	on     bool
	since  time.Time // since when it is on or off
	stop   context.CancelFunc
	ended  chan struct{}
}

// start starts it.
func (c *poster) start() {
	ctx, cancel := context.WithCancel(context.Background())
	c.on, c.since, c.stop, c.ended = true, time.Now(), cancel, make(chan struct{})
	go func() {
		defer close(c.ended)
		for ctx.Err() == nil {
			c.source.run++
			c.source.frames, c.source.cc = 0, map[uint16]byte{}
			c.post(ctx)
			select {
			case <-ctx.Done():
			case <-time.After(time.Second):
			}
		}
	}()
}

// end ends it, its connection with it.
func (c *poster) end() {
	if c.on {
		c.stop()
		<-c.ended
		c.on, c.since = false, time.Now()
	}
}

// post sends frames until ctx ends, or the agent does not take them.
func (c *poster) post(ctx context.Context) {
	read, write := io.Pipe()
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return c.dial(ctx) }}}
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		req, _ := http.NewRequestWithContext(ctx, http.MethodPost, "http://localhost:8888/ts/"+simFeeds[c.source.feed].name, read)
		resp, err := client.Do(req)
		if err == nil {
			resp.Body.Close()
		}
		read.CloseWithError(errors.New("the post has ended"))
	}()
	tick := time.NewTicker(frameEvery)
	defer tick.Stop()
	for ctx.Err() == nil {
		if _, err := write.Write(c.source.frame()); err != nil {
			break
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
		case <-gone:
		}
	}
	write.Close()
	<-gone
}
