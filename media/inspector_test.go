package media_test

import (
	"bytes"
	"encoding/binary"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"vw/media"
	"vw/media/mpegts"
	"vw/media/tscheck"
)

// retell replaces the tables of a source by those that psi adds; counters are
// those of their PIDs.
func retell(b []byte, counters map[uint16]byte, psi func(add func(pid uint16, section []byte))) []byte {
	var out []byte
	for p := range mpegts.Packets(b) {
		switch p.PID() {
		case mpegts.PATPID:
			psi(func(pid uint16, section []byte) {
				out, counters[pid] = mpegts.AppendSection(out, pid, counters[pid], section)
			})
		case pmtPID:
		default:
			out = append(out, p...)
		}
	}
	return out
}

// part makes a section of a table one of two.
func part(section []byte, number byte) []byte {
	b := slices.Clone(section[:len(section)-4])
	b[6], b[7] = number, 1
	return binary.BigEndian.AppendUint32(b, mpegts.CRC(b))
}

func TestFirstProgramOfAPATInTwoSectionsIsTaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := media.NewRouter()
		r.SetStreams(map[string][]string{"s": {"mux"}})
		x := subscribe(t, r, media.Subscription{Name: "s"})
		p := open(t, r, "mux")
		src, counters := newSource(3, 0), map[uint16]byte{}
		for range 50 {
			p.send(t, retell(src.frame(), counters, func(add func(uint16, []byte)) {
				add(0, part(mpegts.PAT{Programs: []mpegts.Program{{Number: 1, PMTPID: pmtPID}}}.Section(), 0))
				add(0, part(mpegts.PAT{Programs: []mpegts.Program{{Number: 2, PMTPID: 0x1100}}}.Section(), 1))
				add(pmtPID, mpegts.PMT{Program: 1, PCRPID: videoPID, Tracks: []mpegts.Track{{PID: videoPID, Type: 2}}}.Section())
				add(0x1100, mpegts.PMT{Program: 2, PCRPID: 0x200, Tracks: []mpegts.Track{{PID: 0x200, Type: 3}}}.Section())
			}))
		}
		synctest.Wait()
		if n := len(only(waiting(x), 0x100)) / mpegts.PacketSize; n != 50*3 {
			t.Errorf("%d packets of the first program", n)
		}
		if tracks := r.Feeds()["mux"].Tracks; len(tracks) != 1 || tracks[0].PID != videoPID {
			t.Errorf("tracks %+v", tracks)
		}
	})
}

func TestCueMessagesPassAsData(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const cuePID = 0x1f0
		r := media.NewRouter()
		r.SetStreams(map[string][]string{"s": {"av"}})
		x := subscribe(t, r, media.Subscription{Name: "s"})
		p := open(t, r, "av")
		src, counters := newSource(3, 0), map[uint16]byte{}
		cue := []byte{0xfc, 0x30, 0x11, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xf0, 0, 0, 0, 0, 0x7a, 0x4f, 0xbf, 0xff} // splice_null
		for i := range 100 {
			b := retell(src.frame(), counters, func(add func(uint16, []byte)) {
				add(0, mpegts.PAT{Programs: []mpegts.Program{{Number: 1, PMTPID: pmtPID}}}.Section())
				add(pmtPID, mpegts.PMT{Program: 1, PCRPID: videoPID, Descriptors: mpegts.Registration("CUEI"),
					Tracks: []mpegts.Track{{PID: videoPID, Type: 0x1b}, {PID: cuePID, Type: 0x86}}}.Section())
			})
			if i == 1 || i == 50 {
				b, counters[cuePID] = mpegts.AppendSection(b, cuePID, counters[cuePID], cue)
			}
			p.send(t, b)
		}
		synctest.Wait()
		out := waiting(x)
		if n := bytes.Count(out, cue); n != 2 {
			t.Errorf("%d of 2 cue messages came out", n)
		}
		if !bytes.Contains(out, mpegts.Registration("CUEI")) {
			t.Error("the PMT does not say what they are")
		}
		if tracks := r.Streams()["s"].Tracks; len(tracks) != 2 || tracks[1].Codec != "scte_35" || tracks[1].Kind != "data" {
			t.Errorf("tracks %+v", tracks)
		}
	})
}

// unflagged has a muxer that sets no random_access_indicator: its pictures are
// told by their start codes.
func unflagged(src *source) []byte {
	intra := src.frames%src.group == 0
	b := src.frame()
	for p := range mpegts.Packets(b) {
		if _, opens := p.PES(); !opens || p.PID() != videoPID {
			continue
		}
		p[5] &^= 0x40
		coded := []byte{0, 0, 1, 0, 0, 0x57, 0xff, 0xf8} // a predicted picture
		if intra {
			coded = []byte{0, 0, 1, 0xb3, 0x14, 0, 0xf0, 0x13, 0xff, 0xff, 0xe0, 0x18, 0, 0, 1, 0, 0, 0x0f, 0xff, 0xf8}
		}
		copy(p.Payload()[14:], coded)
	}
	return b
}

func TestStartAndDropsFindUnflaggedPictures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := media.NewRouter()
		r.SetStreams(map[string][]string{"s": {"v"}})
		p := open(t, r, "v")
		src := newSource(5, 0)
		isIntra := func(b []byte) bool {
			return len(b) >= mpegts.PacketSize && bytes.Contains(b[:mpegts.PacketSize], []byte{0, 0, 1, 0xb3, 0x14})
		}
		play := func(n int) {
			for range n {
				p.send(t, unflagged(src))
				time.Sleep(frameTime)
			}
			synctest.Wait()
		}
		play(15)
		for _, name := range []string{"v", "s"} {
			x := subscribe(t, r, media.Subscription{Name: name, Client: true})
			if got := waiting(x); len(got) < 3*mpegts.PacketSize || !isIntra(got[2*mpegts.PacketSize:]) {
				t.Errorf("the start of %s is not tables and a picture that stands alone", name)
			}
		}
		slow := subscribe(t, r, media.Subscription{Name: "v", Client: true})
		waiting(slow)
		play(75)
		if got := waiting(slow); !isIntra(got[2*mpegts.PacketSize:]) && !isIntra(got) {
			t.Error("a full queue goes on in the middle of a group of pictures")
		}
	})
}

func TestListsNameTheLayerOfMPEGAudio(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for codec, header := range map[string][]byte{"mp3": {0xff, 0xfb, 0x90, 0}, "mp2": {0xff, 0xfd, 0x90, 0}} {
			r := media.NewRouter()
			r.SetStreams(map[string][]string{"s": {"a"}})
			p := open(t, r, "a")
			src := newSource(0, 2)
			for range 5 {
				b := src.frame()
				for q := range mpegts.Packets(b) {
					if _, opens := q.PES(); opens && q.PID() == audioPID {
						copy(q.Payload()[14:], header)
					}
				}
				p.send(t, b)
			}
			synctest.Wait()
			if got := r.Feeds()["a"].Tracks[0].Codec; got != codec {
				t.Errorf("the feed lists %s for %s", got, codec)
			}
			if got := r.Streams()["s"].Tracks[0].Codec; got != codec {
				t.Errorf("the stream lists %s for %s", got, codec)
			}
		}
	})
}

func TestTablesHaveAnotherVersionAfterAChangeOfStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStudio(t)
		s.SetStreams(map[string][]string{"both": {"v", "a"}, "quiet": {"v"}, "sound": {"a"}})
		x := follow(t, s.Router, media.Subscription{Name: "av"}) // a feed at first
		s.play(t, time.Second)
		for i := range 12 {
			x.Follow([]string{"both", "quiet", "sound"}[i%3], true).Wait(t.Context())
			s.play(t, 300*time.Millisecond)
			if i == 5 {
				s.SetStreams(map[string][]string{"both": {"a", "v"}, "quiet": {"v"}, "sound": {"a"}})
			}
		}
		c := tscheck.New(tscheck.Options{})
		c.Write(x.got())
		r := c.Report()
		if r.UnmarkedChanges != 0 || r.Programs[0].PMTChanges < 12 {
			t.Errorf("%d of %d changes of the tables are under the same version", r.UnmarkedChanges, r.Programs[0].PMTChanges)
		}
		if r.ContinuityErrors+r.UnreferencedPackets != 0 {
			t.Error(r.Faults())
		}
	})
}

func TestStreamSaysWhatOfItsRuleIsNotKnown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := media.NewRouter()
		r.SetStreams(map[string][]string{"s": {"av:video", "av:audio"}})
		p := open(t, r, "av")
		src, counters := newSource(3, 2), map[uint16]byte{}
		play := func(kind byte) {
			p.send(t, retell(src.take(src.group), counters, func(add func(uint16, []byte)) {
				add(0, mpegts.PAT{Programs: []mpegts.Program{{Number: 1, PMTPID: pmtPID}}}.Section())
				add(pmtPID, mpegts.PMT{Program: 1, Version: kind, PCRPID: videoPID,
					Tracks: []mpegts.Track{{PID: videoPID, Type: kind}, {PID: audioPID, Type: 3}}}.Section())
			}))
			synctest.Wait()
		}
		play(6) // ffmpeg's way to carry MJPEG
		if got := r.Streams()["s"].Missing; len(got) != 1 || got["av:video"] != "no video among its tracks: unknown, mp2" {
			t.Errorf("missing: %q", got)
		}
		play(2)
		if got := r.Streams()["s"].Missing; len(got) != 0 {
			t.Errorf("missing: %q", got)
		}
	})
}
