package media_test

import (
	"bytes"
	"encoding/json"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"vw/media"
	"vw/media/mpegts"
)

func TestFeedInfoSaysWhatArrives(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, newSource(5, 2))
		subscribe(t, s.Router, media.Subscription{Name: "feed"})
		if i := s.Feeds("feed")["feed"]; i.AgeMs != nil || !i.Source || i.Readers != 1 || len(i.Tracks) != 0 {
			t.Errorf("before the first packet: %+v", i)
		}
		s.play(t, 50)
		i := s.Feeds()["feed"]
		if int(i.Bytes) != len(s.sent) || int(i.Packets) != len(s.sent)/mpegts.PacketSize || !i.Source {
			t.Errorf("after %d bytes: %+v", len(s.sent), i)
		}
		if *i.AgeMs != 40 {
			t.Errorf("the last packet came %d ms ago", *i.AgeMs)
		}
		want := []media.TrackInfo{
			{PID: videoPID, Kind: "video", Codec: "mpeg2video", Packets: 250},
			{PID: audioPID, Kind: "audio", Codec: "mp2", Packets: 100},
		}
		for n := range i.Tracks {
			if age := i.Tracks[n].AgeMs; age == nil || *age != 40 || i.Tracks[n].SilentMs != 40 {
				t.Errorf("the last packet of track %d came %v ms ago", n, age)
			}
			i.Tracks[n].AgeMs, i.Tracks[n].SilentMs = nil, 0
		}
		if !slices.Equal(i.Tracks, want) {
			t.Errorf("tracks %+v", i.Tracks)
		}
		for range 10 {
			s.play(t, 1)
			rate := uint64(7.2 * mpegts.PacketSize * 8 * 25) // bit/s, tables among them
			if got := s.Feeds()["feed"].Bitrate; got < rate*92/100 || got > rate*108/100 {
				t.Errorf("%d bit/s, want about %d", got, rate)
			}
		}
		time.Sleep(1060 * time.Millisecond)
		if i := s.Feeds()["feed"]; i.Bitrate != 0 || *i.AgeMs != 1100 {
			t.Errorf("a second later: %d bit/s, %d ms", i.Bitrate, *i.AgeMs)
		}
		if all := s.Feeds("other"); len(all) != 0 {
			t.Errorf("of a feed that does not exist: %v", all)
		}
	})
}

func TestFaultsOfTheInputAreCountedNotHidden(t *testing.T) {
	ts := newSource(5, 2).take(20)
	packet := func(n int) []byte { return ts[n*mpegts.PacketSize : (n+1)*mpegts.PacketSize] }
	damaged := bytes.Clone(ts[20*mpegts.PacketSize:])
	damaged[1] |= 0x80
	jump := mpegts.AppendDiscontinuity(nil, videoPID, mpegts.Packet(packet(12)).Continuity()) // 11 is the one that is missing
	clocks := mpegts.AppendPCR(nil, videoPID, mpegts.Packet(packet(11)).Continuity(), 1)
	null := []byte{mpegts.SyncByte, 0x1f, 0xff, 0x15}
	null = append(null, make([]byte, mpegts.PacketSize-len(null))...)
	rest := ts[12*mpegts.PacketSize:]
	to := ts[:11*mpegts.PacketSize]
	if mpegts.Packet(packet(11)).PID() != videoPID || mpegts.Packet(packet(12)).PID() != videoPID {
		t.Fatal("not the packets that the test is about")
	}
	for _, c := range []struct {
		name                   string
		in                     [][]byte
		faults, damaged, bytes int
	}{
		{"none", [][]byte{ts}, 0, 0, 0},
		{"a packet lost", [][]byte{to, rest}, 1, 0, 0},
		{"a packet twice", [][]byte{to, packet(11), packet(11), rest}, 0, 0, 0},
		{"a packet three times", [][]byte{to, packet(11), packet(11), packet(11), rest}, 1, 0, 0},
		{"an announced jump", [][]byte{to, jump, rest}, 0, 0, 0},
		{"clocks without payload", [][]byte{to, packet(11), clocks, clocks, rest}, 0, 0, 0},
		{"null packets of any counter", [][]byte{to, packet(11), null, null, null, rest}, 0, 0, 0},
		{"a damaged packet", [][]byte{ts[:20*mpegts.PacketSize], damaged}, 1, 1, 0},
		{"noise", [][]byte{to, {1, 2, 3}, packet(11), rest}, 0, 0, 3},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := bytes.Join(c.in, nil)
			got, i, err := packetsOf(t, bytes.NewReader(in))
			if err != nil || len(got) != len(in)-c.bytes {
				t.Errorf("%v: %d of %d bytes passed on", err, len(got), len(in))
			}
			if i.ContinuityErrors != uint64(c.faults) || i.TransportErrors != uint64(c.damaged) || i.SkippedBytes != uint64(c.bytes) {
				t.Errorf("%+v", i)
			}
			if n := i.Tracks[0].ContinuityErrors; n != uint64(c.faults) {
				t.Errorf("%d of them on the video", n)
			}
		})
	}
}

func TestFaultsOfFormerSourcesStayCounted(t *testing.T) {
	r := media.NewRouter()
	ts := newSource(5, 2).take(20)
	gap := slices.Concat(ts[:11*mpegts.PacketSize], ts[12*mpegts.PacketSize:])
	damaged := bytes.Clone(ts)
	damaged[len(damaged)-mpegts.PacketSize+1] |= 0x80
	for range 3 {
		copyAll(t, r, "feed", gap)
		copyAll(t, r, "damaged", damaged)
	}
	if n := r.Feeds()["damaged"].TransportErrors; n != 3 {
		t.Errorf("%d transport errors, want 3", n)
	}
	i := r.Feeds()["feed"]
	if i.ContinuityErrors != 3 || int(i.Packets) != 3*len(gap)/mpegts.PacketSize {
		t.Errorf("%+v", i)
	}
	if i.Tracks[0].ContinuityErrors != 1 {
		t.Errorf("the present source's track: %+v", i.Tracks[0])
	}
	b, err := json.Marshal(i)
	if err != nil || !bytes.Contains(b, []byte(`"continuityErrors":3`)) || !bytes.Contains(b, []byte(`"muted":[]`)) {
		t.Errorf("%s, %v", b, err)
	}
}

func TestTablesOfSeveralPacketsAreRead(t *testing.T) {
	pmt := mpegts.PMT{Program: 1, PCRPID: videoPID}
	for i := range 30 {
		pmt.Tracks = append(pmt.Tracks, mpegts.Track{PID: 0x200 + uint16(i), Type: 0x0f, Descriptors: bytes.Repeat([]byte{0x0a, 2, 'e', 'n'}, 4)})
	}
	pmt.Tracks = append(pmt.Tracks, mpegts.Track{PID: videoPID, Type: 0x1b})
	src := newSource(5, 2)
	pat, _ := mpegts.AppendSection(nil, mpegts.PATPID, 15, mpegts.PAT{Programs: []mpegts.Program{{Number: 1, PMTPID: pmtPID}}}.Section())
	tables, _ := mpegts.AppendSection(pat, pmtPID, 15-3, pmt.Section())
	src.frames = 1
	r := media.NewRouter()
	ts := slices.Concat(tables, src.unit(nil, videoPID, 0xe0, 90_000, true, 5))
	p := open(t, r, "feed")
	p.send(t, ts)
	p.finish()
	if tracks := r.Feeds()["feed"].Tracks; len(tracks) != 31 || tracks[30].Codec != "h264" || tracks[0].Kind != "audio" {
		t.Errorf("tracks %+v", tracks)
	}
	x := subscribe(t, r, media.Subscription{Name: "feed", Client: true})
	same(t, waiting(x), ts)
}

func TestThousandPostsLeaveNothingBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // which ends only when all goroutines have
		r := media.NewRouter()
		ts := newSource(5, 2).take(3)
		for i := range 1000 {
			p := open(t, r, "feed")
			p.send(t, ts)
			if i%3 == 0 {
				p.CloseWithError(io.ErrUnexpectedEOF)
			} else if i%3 == 1 {
				p.finish()
			}
		}
		for range 2 {
			synctest.Wait()
		}
		i := r.Feeds()["feed"]
		if int(i.Bytes) != 1000*len(ts) {
			t.Errorf("%+v", i)
		}
	})
}

func TestStreamInfoSaysWhatGoesOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStudio(t)
		s.SetStreams(map[string][]string{"s": {"v", "a"}, "silent": {}})
		x := follow(t, s.Router, media.Subscription{Name: "s"})
		s.play(t, 2*time.Second)
		all := s.Streams()
		i := all["s"]
		if len(all) != 2 || !slices.Equal(i.Feeds, []string{"v", "a"}) || i.Readers != 1 {
			t.Errorf("%+v", all)
		}
		if int(i.Bytes) != len(x.got()) || i.Packets != 50*(8+2) || i.Gaps != 0 || i.Jumps != 0 {
			t.Errorf("%d bytes went out: %+v", len(x.got()), i)
		}
		if rate := uint64(10 * 25 * mpegts.PacketSize * 8); i.Bitrate < rate || i.Bitrate > rate*11/10 {
			t.Errorf("%d bit/s, want a little more than %d", i.Bitrate, rate)
		}
		slices.SortFunc(i.Tracks, func(a, b media.TrackInfo) int { return strings.Compare(b.Kind, a.Kind) }) // they stand as they came
		if len(i.Tracks) != 2 || i.Tracks[0].Kind != "video" || i.Tracks[0].Packets < 400 || i.Tracks[1].Codec != "mp2" {
			t.Errorf("tracks %+v", i.Tracks)
		}
		s.SetStreams(nil)
		all = s.Streams()
		if i := all["s"]; len(all) != 1 || i.Feeds != nil || i.Tracks == nil || len(i.Tracks) != 0 {
			t.Errorf("a stream that is deleted but named: %+v", all)
		}
	})
}
