package agent_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"sync/atomic"
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
	run    int
	frames int
	cc     map[uint16]byte
	dirty  *rand.Rand // nil: it is clean
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
	b, cc := mpegts.AppendSection(make([]byte, 0, 16*packetSize), mpegts.PATPID, s.cc[mpegts.PATPID], mpegts.PAT{StreamID: 1, Programs: []mpegts.Program{{Number: 1, PMTPID: pmtPID}}}.Section())
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
	if s.dirty != nil {
		return soil(s.dirty, b)
	}
	return b
}

// A frame's bytes are full of its mark: markBegin, and the digits of base 64 of the
// feed, the kind, the run and the frame's number. No start code is in it.
const (
	markBegin = "\xf5vw\xf5"
	markSize  = len(markBegin) + 9
)

// A marked packet is of a frame.
type marked struct {
	track
	run, frame int
}

func (s *feeder) mark(kind byte) []byte {
	digit := func(n, place int) byte { return 0x80 | byte(n>>(6*place))&0x3f }
	return append([]byte(markBegin), digit(s.feed, 0), kind, digit(s.run, 2), digit(s.run, 1), digit(s.run, 0),
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
	return marked{track{simFeeds[n(b[:1])].name, b[1]}, n(b[2:5]), n(b[5:9])}, true
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
	feed   int
	runs   atomic.Int64 // posts so far
	on     bool
	since  time.Time // since when it is on or off
	newest *encoder
}

// An encoder is one ffmpeg.
type encoder struct {
	stop   context.CancelFunc
	ended  chan struct{}
	once   chan struct{} // closed: it does not come back any more
	status int           // of the last answer, once it has ended
}

// start starts it. One that posts already is taken over. Dirty, where not nil, says what
// else is sent between the packets.
func (c *poster) start(dirty *rand.Rand) {
	ctx, cancel := context.WithCancel(context.Background())
	x := &encoder{stop: cancel, ended: make(chan struct{}), once: make(chan struct{})}
	c.on, c.since, c.newest = true, time.Now(), x
	go func() {
		defer close(x.ended)
		for ctx.Err() == nil {
			x.status = c.post(ctx, &feeder{feed: c.feed, run: int(c.runs.Add(1)), cc: map[uint16]byte{}, dirty: dirty})
			select {
			case <-ctx.Done():
			case <-x.once:
				return
			case <-time.After(time.Second):
			}
		}
	}()
}

// takeOver starts another encoder of the feed, and returns what the one before was
// answered, which does not come back.
func (c *poster) takeOver(dirty *rand.Rand) (status int) {
	former := c.newest
	close(former.once)
	c.start(dirty)
	select {
	case <-former.ended:
	case <-time.After(10 * time.Second):
		former.stop()
		<-former.ended
		return 0
	}
	return former.status
}

// end ends it, its connection with it.
func (c *poster) end() {
	if c.on {
		c.newest.stop()
		<-c.newest.ended
		c.on, c.since = false, time.Now()
	}
}

// post sends frames until ctx ends, or the agent does not take them. It returns the
// status that it is answered, 0 for none.
func (c *poster) post(ctx context.Context, source *feeder) (status int) {
	read, write := io.Pipe()
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		status = c.send(ctx, source.feed, read)
		read.CloseWithError(errors.New("the post has ended"))
	}()
	tick := time.NewTicker(frameEvery)
	defer tick.Stop()
	for ctx.Err() == nil {
		if _, err := write.Write(source.frame()); err != nil {
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
	return status
}

// send posts a body to a feed, and returns the status of the answer, 0 for none.
func (c *poster) send(ctx context.Context, feed int, body io.Reader) (status int) {
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return c.dial(ctx) }}}
	req, _ := http.NewRequestWithContext(ctx, http.MethodPost, "http://localhost:8888/ts/"+simFeeds[feed].name, body)
	resp, err := client.Do(req)
	if err != nil {
		return 0
	}
	resp.Body.Close()
	return resp.StatusCode
}

// rubbish is bytes among which no packet can be found.
func rubbish(r *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		if b[i] = byte(r.Uint32()); b[i] == mpegts.SyncByte {
			b[i] = 0
		}
	}
	return b
}

// soil puts between packets what does no harm to who understands it: bytes that are no
// packets, null packets, such as say that they are damaged, those of unknown PIDs,
// and a packet again.
func soil(r *rand.Rand, frame []byte) (b []byte) {
	whole := slices.Collect(slices.Chunk(frame, packetSize))
	rubbed := false
	for i, p := range whole {
		b = append(b, p...)
		if r.IntN(4) > 0 {
			continue
		}
		stray := mpegts.Packet(append([]byte{mpegts.SyncByte, 0, 0, 0x10}, rubbish(r, packetSize-4)...))
		switch r.IntN(5) {
		case 0: // behind it packets have to be found again
			if len(whole)-i > 3 && !rubbed {
				b, rubbed = append(b, rubbish(r, 1+r.IntN(400))...), true
			}
		case 1:
			stray.SetPID(mpegts.NullPID)
			b = append(b, stray...)
		case 2:
			stray[1] |= 0x80
			stray.SetPID(0x100)
			b = append(b, stray...)
		case 3:
			stray.SetPID(0x333)
			b = append(b, stray...)
		case 4:
			b = append(b, p...)
		}
	}
	return b
}
