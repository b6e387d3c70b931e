package agent_test

import (
	"bytes"
	"encoding/binary"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"vw/agent"
	"vw/media/mpegts"
	"vw/testrelay"
)

// A film is a transport stream of one video track, in which every packet is a
// frame that counts: the mark, the film's letter and the number are in its
// payload, which no stream changes.
type film struct {
	letter byte
	frames int
}

// frameTime is how long a frame of a film is shown.
const frameTime = 200 * time.Microsecond

const mark = "vw-test-frame-"

// sequence begins each frame: the header of 320 by 240 pixels, and of a group of pictures
// (ISO/IEC 11172-2, 2.4.2.3 and 2.4.2.4).
const sequence = "\x00\x00\x01\xb3\x14\x00\xf0\x13\xff\xff\xe0\x18\x00\x00\x01\xb8\x00\x08\x00\x40"

// next returns the film's next n frames, with its tables in front.
func (f *film) next(n int) []byte {
	const pmtPID, pid = 0x1000, 0x100
	b, _ := mpegts.AppendSection(nil, mpegts.PATPID, byte(f.frames), mpegts.PAT{
		StreamID: 1, Programs: []mpegts.Program{{Number: 1, PMTPID: pmtPID}}}.Section())
	b, _ = mpegts.AppendSection(b, pmtPID, byte(f.frames), mpegts.PMT{
		Program: 1, PCRPID: pid, Tracks: []mpegts.Track{{Type: 2, PID: pid}}}.Section())
	for range n {
		b = append(b, f.frame(pid)...)
		f.frames++
	}
	return b
}

func (f *film) frame(pid uint16) []byte {
	ticks := uint64(90_000 + f.frames*int(90_000*frameTime/time.Second))
	shown := ticks + 63_000 // 0.7 s later, as with ffmpeg
	p := make([]byte, packetSize)
	p[0], p[3] = mpegts.SyncByte, 0x30|byte(f.frames&0x0f)
	binary.BigEndian.PutUint16(p[1:], 0x4000|pid)
	p[4], p[5] = 7, 0x50 // a random access point with a PCR
	binary.BigEndian.PutUint32(p[6:], uint32(ticks>>1))
	p[10] = byte(ticks<<7) | 0x7e
	pes := p[12:]
	copy(pes, []byte{0, 0, 1, 0xe0, 0, 0, 0x80, 0x80, 5,
		0x21 | byte(shown>>29), byte(shown >> 22), byte(shown>>14) | 1, byte(shown >> 7), byte(shown<<1) | 1})
	n := 14 + copy(pes[14:], sequence)
	n += copy(pes[n:], mark)
	pes[n] = f.letter
	binary.BigEndian.PutUint32(pes[n+1:], uint32(f.frames))
	return p
}

// frames are the numbers of the frames of a film in b.
func frames(letter byte, b []byte) (found []int) {
	want := append([]byte(mark), letter)
	for {
		at := bytes.Index(b, want)
		if at < 0 {
			return found
		}
		b = b[at+len(want):]
		found = append(found, int(binary.BigEndian.Uint32(b)))
	}
}

// frame takes in messages until that frame, which was not posted before, or a later
// one has come.
func (v *viewer) frame(letter byte, number int) {
	v.t.Helper()
	seen := len(v.each) // it has not been posted yet
	v.until("a frame", func() bool {
		for ; seen < len(v.each); seen++ {
			for _, k := range frames(letter, v.each[seen]) {
				if k >= number {
					return true
				}
			}
		}
		return false
	})
}

// play posts frames of a film until the test ends, some every millisecond. It
// returns how many have been posted.
func (r *running) play(t testing.TB, feed string, letter byte) (posted func() int) {
	t.Helper()
	f := &film{letter: letter}
	p := r.post(t, feed)
	asked := make(chan chan int)
	quit := make(chan struct{})
	t.Cleanup(func() { close(quit) })
	go func() {
		begun, tick := time.Now(), time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case now := <-tick.C: // which may come late: the film does not
				if due := int(now.Sub(begun)/frameTime) - f.frames; due > 0 {
					_, _ = p.body.Write(f.next(due))
				}
			case answer := <-asked:
				answer <- f.frames
			case <-quit:
				p.body.Close()
				return
			}
		}
	}()
	return func() int {
		answer := make(chan int)
		asked <- answer
		return <-answer
	}
}

func TestNothingOfAMutedFeedLeavesAfterTheReply(t *testing.T) {
	t.Parallel()
	relay := listen(t, testrelay.Config{})
	dir := t.TempDir()
	a := start(t, relay, agent.Config{RecordDir: dir})
	channel := orchestrate(t, relay, "agent1")
	viewer := view(t, relay, "s")
	rule := jsonOf(map[string]string{"id": "0", "stream": "s", "destination": relay.URL() + "/in/s", "file": "s.ts"})
	channel.combine("s", "muted", "kept")
	channel.want(`{"verb":"add","what":"destination","rule":`+rule+`}`, rule)
	awaitUp(t, relay, "/in/s")
	muted, kept := a.play(t, "muted", 'm'), a.play(t, "kept", 'k')
	file, err := os.Open(filepath.Join(dir, "s.ts"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var recorded []byte
	for range 50 { // what is new is looked at: of what is older all is before the reply
		seen := len(viewer.got)
		channel.combine("s", "muted", "kept")
		viewer.frame('m', muted())
		viewer.frame('k', kept())
		channel.combine("s", "kept")
		atReply := muted()
		viewer.frame('k', kept()+200)
		for _, n := range frames('m', viewer.got[seen:]) {
			if n >= atReply {
				t.Fatalf("frame %d of the muted feed arrived, %d had been posted at the reply", n, atReply)
			}
		}
		written, err := io.ReadAll(file)
		if err != nil {
			t.Fatal(err)
		}
		recorded = append(recorded[max(0, len(recorded)-packetSize):], written...)
		for _, n := range frames('m', recorded) {
			if n >= atReply {
				t.Fatalf("frame %d of the muted feed was recorded, %d had been posted at the reply", n, atReply)
			}
		}
		if len(frames('m', recorded)) == 0 {
			t.Error("nothing of it was recorded before")
		}
	}
	channel.combine("s") // silence
	atReply := kept()
	channel.combine("s", "muted")
	viewer.frame('m', muted())
	for _, n := range frames('k', viewer.got) {
		if n >= atReply {
			t.Fatalf("frame %d arrived of a stream that had been silenced at %d", n, atReply)
		}
	}
	if len(relay.Visits("/in/s")) != 1 {
		t.Error("a mute has cost a link that reads")
	}
	sound(t, viewer.got)
}

// awaitUp returns when a link is up at both ends.
func awaitUp(t testing.TB, relay *testrelay.Server, path string) {
	t.Helper()
	awaitVisits(t, relay, path, func(v []testrelay.Visit) bool { return v[0].Up })
}

// The backlog of a relay that reads slowly or not at all is muted too: what
// arrives of it is what had been written before the reply.
func TestTheBacklogOfAMutedFeedStaysWhereItIs(t *testing.T) {
	t.Parallel()
	for name, faults := range map[string]testrelay.Faults{"slow": {ReadRate: 200_000}, "stalled": {Stall: true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			relay := listen(t, testrelay.Config{})
			a := start(t, relay, agent.Config{})
			channel := orchestrate(t, relay, "agent1")
			viewer := view(t, relay, "s")
			channel.combine("s", "muted", "kept")
			channel.route("0", "s", relay.URL()+"/in/s")
			first, second := &film{letter: 'm'}, &film{letter: 'k'}
			muted, kept := a.post(t, "muted"), a.post(t, "kept")
			for len(viewer.each) == 0 { // until the link carries
				muted.write(first.next(10))
				a.request(t, "GET", "/healthcheck", "")
				viewer.rest()
			}
			relay.SetFaults("/in/s", faults)
			eventually(t, "a MiB waits", func() bool {
				muted.write(first.next(2000))
				return channel.status().Destinations["0"].Queue.Bytes > 1<<20
			})
			a.awaitFeed(t, "muted", uint64(first.frames))
			since := time.Now()
			channel.combine("s", "kept")
			if d := time.Since(since); d > time.Second {
				t.Errorf("the reply took %v", d)
			}
			q := channel.status().Destinations["0"].Queue
			if q.Bytes > 32<<10 { // the stream's own tables may, of a MiB and more
				t.Errorf("%d bytes wait after the reply", q.Bytes)
			}
			relay.SetFaults("/in/s", testrelay.Faults{})
			awaitVisits(t, relay, "/in/s", func(v []testrelay.Visit) bool { return v[len(v)-1].Up })
			before := second.frames
			for {
				kept.write(second.next(10))
				a.request(t, "GET", "/healthcheck", "")
				viewer.rest()
				if got := frames('k', viewer.got); len(got) > 0 && got[len(got)-1] > before+100 {
					break
				}
			}
			arrived := len(frames('m', viewer.got)) * packetSize
			if uint64(arrived) > q.SentBytes {
				t.Errorf("%d bytes of the muted feed arrived, %d had been written at the reply", arrived, q.SentBytes)
			}
		})
	}
}

// While one link takes over from another it is the old one that holds what is
// muted. The new one comes up while the mute waits for that.
func TestAMuteDuringAHandOverCutsTheOldLink(t *testing.T) {
	t.Parallel()
	relay := listen(t, testrelay.Config{})
	a := start(t, relay, agent.Config{})
	channel := orchestrate(t, relay, "agent1")
	channel.route("0", "video0", relay.URL()+"/in/old")
	view(t, relay, "old").carries(a, "video0")
	relay.SetFaults("/in/old", testrelay.Faults{Stall: true})
	p := a.post(t, "video0")
	next := 0
	eventually(t, "the old link takes no more", func() bool {
		p.write(numbered(1, next, 1000))
		next += 1000
		return channel.status().Destinations["0"].Queue.Bytes > 1<<20
	})
	relay.SetFaults("/in/new", testrelay.Faults{Delay: 60 * time.Millisecond})
	channel.route("0", "video0", relay.URL()+"/in/new")
	a.request(t, "PUT", "/api/mutes/video0", "")
	awaitVisits(t, relay, "/in/new", func(v []testrelay.Visit) bool { return len(v) > 0 && v[0].Up })
	relay.SetFaults("/in/old", testrelay.Faults{})
	awaitVisits(t, relay, "/in/old", func(v []testrelay.Visit) bool { return testrelay.Up(v) == 0 })
	if v := relay.Visits("/in/new"); len(v) != 1 || v[0].Gone {
		t.Errorf("the new link was cut: %+v", v)
	}
}

func TestAFeedThatWasMutedIsNotShownToWhoJoinsLater(t *testing.T) {
	t.Parallel()
	relay := listen(t, testrelay.Config{})
	a := start(t, relay, agent.Config{})
	channel := orchestrate(t, relay, "agent1")
	channel.combine("s", "video0")
	film := &film{letter: 'x'}
	p := a.post(t, "video0")
	p.write(film.next(100))
	a.awaitFeed(t, "video0", 100)
	channel.combine("s")
	channel.combine("s", "video0")
	viewer := view(t, relay, "s")
	channel.route("0", "s", relay.URL()+"/in/s")
	for len(frames('x', viewer.got)) == 0 {
		p.write(film.next(10))
		a.request(t, "GET", "/healthcheck", "")
		viewer.rest()
	}
	if first := frames('x', viewer.got)[0]; first < 100 {
		t.Errorf("frame %d from before the mute arrived", first)
	}
}

// What was a stream's does not become the feed's of the same name.
func TestADestinationOfADeletedStreamFallsSilent(t *testing.T) {
	t.Parallel()
	relay := listen(t, testrelay.Config{})
	a := start(t, relay, agent.Config{})
	channel := orchestrate(t, relay, "agent1")
	channel.combine("video0", "video0")
	channel.route("0", "video0", relay.URL()+"/in/video0")
	viewer := view(t, relay, "video0")
	awaitUp(t, relay, "/in/video0")
	posted := a.play(t, "video0", 'x')
	viewer.frame('x', posted())
	channel.remove("stream", "video0")
	atReply := posted()
	target := posted() + 500
	eventually(t, "half a second of the feed has gone by", func() bool { return posted() > target })
	channel.combine("video0", "video0")
	viewer.frame('x', posted())
	for _, n := range frames('x', viewer.got) {
		if n >= atReply && n < target {
			t.Fatalf("frame %d arrived, the stream was deleted at %d and came back after %d", n, atReply, target)
		}
	}
}
