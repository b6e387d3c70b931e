package media_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"

	"vw/media"
	"vw/media/mpegts"
)

// pieces reads b in pieces whose sizes next gives.
func pieces(b []byte, next func() int) io.Reader {
	return readerFunc(func(p []byte) (int, error) {
		if len(b) == 0 {
			return 0, io.EOF
		}
		n := copy(p, b[:min(len(b), next())])
		b = b[n:]
		return n, nil
	})
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// packetsOf is what a follower of a feed gets of a post, and how it ended.
func packetsOf(t testing.TB, src io.Reader) (got []byte, info media.FeedInfo, err error) {
	r := media.NewRouter()
	s := subscribe(t, r, media.Subscription{Name: "feed"})
	err = r.Post("feed", nil).Copy(src)
	return waiting(s), r.Feeds()["feed"], err
}

func TestBytesPassUnchangedHoweverTheyAreCut(t *testing.T) {
	ts := newSource(60, 3).take(40)
	random := rand.New(rand.NewPCG(3, 4))
	cuts := map[string]io.Reader{
		"whole":              bytes.NewReader(ts),
		"data with the end":  iotest.DataErrReader(bytes.NewReader(ts)),
		"halves":             iotest.HalfReader(bytes.NewReader(ts)),
		"anywhere":           pieces(ts, func() int { return 1 + random.IntN(3*mpegts.PacketSize) }),
		"anywhere, in large": pieces(ts, func() int { return 1 + random.IntN(media.MaxMessage) }),
	}
	for _, n := range []int{1, 187, 188, 189, 4096, 32 << 10, media.MaxMessage} {
		cuts[fmt.Sprint(n, " bytes")] = pieces(ts, func() int { return n })
	}
	for name, src := range cuts {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				got, info, err := packetsOf(t, src)
				if err != nil || info.SkippedBytes != 0 {
					t.Errorf("%v, %d bytes skipped", err, info.SkippedBytes)
				}
				same(t, got, ts)
			})
		})
	}
}

func TestReaderFindsThePacketsAgain(t *testing.T) {
	ts := newSource(4, 0).take(20)
	at := 6 * mpegts.PacketSize // where something happens
	before, after := ts[:at], ts[at:]
	without := func(b []byte) []byte { return bytes.ReplaceAll(b, []byte{mpegts.SyncByte}, []byte{0}) }
	noise := without(newSource(9, 0).frame())[:1000]
	damaged := bytes.Clone(after)
	damaged[0] = 0
	for _, c := range []struct {
		name    string
		in      [][]byte
		want    [][]byte
		skipped int
	}{
		{"noise first", [][]byte{noise, ts}, [][]byte{ts}, 1000},
		{"noise between", [][]byte{before, noise, after}, [][]byte{ts}, 1000},
		{"noise last", [][]byte{ts, noise}, [][]byte{ts}, 1000},
		{"noise of sync bytes", [][]byte{before, {0, 0x47, 0x47, 0x47}, after}, [][]byte{ts}, 4},
		{"a byte more", [][]byte{before, {0}, after}, [][]byte{ts}, 1},
		{"a byte less", [][]byte{before, without(after[1:188]), after[188:]}, [][]byte{before, after[188:]}, 187},
		{"a packet cut short", [][]byte{before, without(after[:50]), after[188:]}, [][]byte{before, after[188:]}, 50},
		{"a damaged sync byte", [][]byte{before, without(damaged[:188]), damaged[188:]}, [][]byte{before, after[188:]}, 188},
		{"the end in mid-packet", [][]byte{ts, after[:187]}, [][]byte{ts}, 187},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				in := bytes.Join(c.in, nil)
				for _, n := range []int{1, 100, len(in)} {
					got, info, err := packetsOf(t, pieces(in, func() int { return n }))
					if err != nil || info.SkippedBytes != uint64(c.skipped) {
						t.Errorf("in pieces of %d: %v, %d bytes skipped, want %d", n, err, info.SkippedBytes, c.skipped)
					}
					same(t, got, bytes.Join(c.want, nil))
				}
			})
		})
	}
}

func TestPostsTooShortToShowTheirGridPassWhenTheyEnd(t *testing.T) {
	ts := newSource(4, 0).take(20)
	for _, n := range []int{1, 2} {
		for _, end := range []error{io.EOF, io.ErrUnexpectedEOF} {
			t.Run(fmt.Sprint(n, " packets, ", end), func(t *testing.T) {
				in := ts[:n*mpegts.PacketSize]
				got, _, err := packetsOf(t, io.MultiReader(bytes.NewReader(in), iotest.ErrReader(end)))
				if err != nil && err != end {
					t.Error(err)
				}
				same(t, got, in)
			})
		}
	}
}

func TestErrorOfTheSourceComesAfterItsPackets(t *testing.T) {
	ts := newSource(60, 0).take(10)
	broken := errors.New("line cut")
	for _, extra := range []int{0, 100} {
		got, info, err := packetsOf(t, io.MultiReader(bytes.NewReader(ts), strings.NewReader(strings.Repeat("x", extra)), iotest.ErrReader(broken)))
		if err != broken {
			t.Errorf("%v, want the source's error", err)
		}
		if info.SkippedBytes != uint64(extra) || info.Source {
			t.Errorf("%d bytes skipped, want %d; source %v", info.SkippedBytes, extra, info.Source)
		}
		same(t, got, ts)
	}
	_, _, err := packetsOf(t, io.MultiReader(strings.NewReader("too short to tell"), iotest.ErrReader(broken)))
	if err != broken {
		t.Errorf("%v, want the source's error: nobody knows what was to come", err)
	}
}

// forever reads b again and again, 4 MiB of it, and counts what was read.
func forever(b []byte, read *int) io.Reader {
	return readerFunc(func(p []byte) (int, error) {
		if *read >= 4<<20 {
			return 0, io.EOF
		}
		for i := range p {
			p[i] = b[(*read+i)%len(b)]
		}
		*read += len(p)
		return len(p), nil
	})
}

func TestWhatIsNoTransportStreamIsRefused(t *testing.T) {
	var read int
	g := strings.Repeat("x", 500) + "G" + strings.Repeat("x", mpegts.PacketSize-1)
	for _, c := range []struct {
		name  string
		body  io.Reader
		first string
	}{
		{"a word", strings.NewReader("hello"), "hello"},
		{"a picture", strings.NewReader("GIF89a" + strings.Repeat("\x00\x01", 3000)), "GIF89a"},
		{"one byte less than a packet", bytes.NewReader(newSource(1, 0).frame()[:187]), "G"},
		{"a G just one packet before the end", strings.NewReader(g), "x"},
		{"JSON without end", forever([]byte(`{"Good":"Grief"},`), &read), `{"Good"`},
		{"every 188th byte but one in three", forever([]byte("G"+strings.Repeat("a", 187)+"G"+strings.Repeat("b", 187)+strings.Repeat("c", 188)), &read), "Ga"},
	} {
		t.Run(c.name, func(t *testing.T) {
			read = 0
			got, info, err := packetsOf(t, c.body)
			var no *media.NotTransportStreamError
			if !errors.As(err, &no) {
				t.Fatalf("%v", err)
			}
			if !strings.HasPrefix(string(no.First), c.first) || !strings.Contains(err.Error(), fmt.Sprintf("%.4q", no.First)[1:4]) {
				t.Errorf("%q does not say what was seen", err)
			}
			if read > 1<<20+media.MaxMessage || read > 0 && no.Seen < 1<<20 {
				t.Errorf("read %d bytes, seen %d: want 1 MiB", read, no.Seen)
			}
			if len(got) != 0 || info.Bytes != 0 {
				t.Errorf("%d bytes passed on", len(got))
			}
		})
	}
	if _, _, err := packetsOf(t, strings.NewReader("")); err != media.ErrEmptyPost {
		t.Errorf("an empty post: %v", err)
	}
}

func TestWhatIsPostedInPlaceOfATransportStreamIsNamedUntilOneComes(t *testing.T) {
	r := media.NewRouter()
	refused := func() string { return r.Feeds()["feed"].Refused }
	for body, want := range map[string]string{
		"\x1aE\xdf\xa3 matroska":                        "WebM or Matroska",
		"\x00\x00\x00\x1cftypisom":                      "MP4",
		"RIFF\x00\x00\x00\x00AVI LIST":                  "AVI",
		"\x00\x00\x01\xba\x44":                          "an MPEG program stream",
		"name=value":                                    "something else than MPEG-TS",
		string(padded(newSource(60, 3).take(40), 4, 0)): "MPEG-TS in packets of 192 bytes",
	} {
		if err := r.Post("feed", nil).Copy(strings.NewReader(body)); err == nil || refused() != want {
			t.Errorf("%.10q: %v, refused is %q, not %q", body, err, refused(), want)
		}
	}
	p := r.Post("feed", nil)
	if err := p.Copy(bytes.NewReader(newSource(4, 0).take(10))); err != nil || refused() != "" {
		t.Errorf("after a transport stream: %v, %q", err, refused())
	}
}

// padded puts bytes before and after every packet.
func padded(ts []byte, before, after int) (b []byte) {
	for p := range mpegts.Packets(ts) {
		b = append(append(append(b, make([]byte, before)...), p...), bytes.Repeat([]byte{0xaa}, after)...)
	}
	return b
}

func TestPacketsOfAnotherSizeAreRefusedAtOnceInWords(t *testing.T) {
	ts := newSource(60, 3).take(40)
	for _, c := range []struct{ before, after, size int }{{4, 0, 192}, {0, 4, 192}, {0, 16, 204}} {
		in := padded(ts, c.before, c.after)
		for _, n := range []int{7, 1000, len(in)} {
			got, info, err := packetsOf(t, pieces(in, func() int { return n }))
			var no *media.NotTransportStreamError
			if !errors.As(err, &no) || no.Packets != c.size || !strings.Contains(err.Error(), fmt.Sprint(c.size)) {
				t.Errorf("packets of %d bytes in pieces of %d: %v", c.size, n, err)
			} else if len(got) != 0 || info.Bytes != 0 || no.Seen > media.MaxMessage {
				t.Errorf("packets of %d bytes: %d passed on, refused after %d of %d", c.size, len(got), no.Seen, len(in))
			}
		}
	}
}

func TestTransportStreamMayBeginLateInTheFirstMebibyte(t *testing.T) {
	ts := newSource(4, 0).take(20)
	noise := make([]byte, 1<<20-2000)
	got, info, err := packetsOf(t, io.MultiReader(bytes.NewReader(noise), bytes.NewReader(ts)))
	if err != nil || info.SkippedBytes != uint64(len(noise)) {
		t.Errorf("%v, %d bytes skipped", err, info.SkippedBytes)
	}
	same(t, got, ts)
}

func TestPacketIsPassedOnBeforeMoreBytesCome(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := media.NewRouter()
		reader := follow(t, r, media.Subscription{Name: "feed"})
		p := open(t, r, "feed")
		ts := newSource(3, 0).take(20)
		// Packets are found when the third sync byte has come.
		p.send(t, ts[:2*mpegts.PacketSize+1])
		synctest.Wait()
		same(t, reader.got(), ts[:2*mpegts.PacketSize])
		for n := 2*mpegts.PacketSize + 1; n < len(ts); n++ {
			p.send(t, ts[n:n+1])
			if (n+1)%mpegts.PacketSize == 0 {
				synctest.Wait()
				same(t, reader.got(), ts[:n+1])
			}
		}
	})
}

// FuzzReader gives the reader any bytes cut anywhere: what it passes on is
// packets that stand in them, in their order, and the rest is counted.
func FuzzReader(f *testing.F) {
	ts := newSource(3, 1).take(6)
	f.Add(ts, uint64(1))
	f.Add(ts[1:], uint64(2))
	f.Add(append(bytes.Clone(ts[:1000]), ts[1500:]...), uint64(3))
	f.Add(bytes.Repeat([]byte("G"), 1000), uint64(4))
	f.Add([]byte("GIF89a"), uint64(5))
	f.Fuzz(func(t *testing.T, in []byte, seed uint64) {
		if len(in) == 0 || len(in) > 512<<10 {
			return // nothing is posted; beyond, it depends on the cuts where the search for the first packet ends
		}
		whole, info, err := packetsOf(t, bytes.NewReader(in))
		random := rand.New(rand.NewPCG(seed, seed))
		got, _, cutErr := packetsOf(t, pieces(in, func() int { return 1 + random.IntN(1000) }))
		same(t, got, whole)
		if (err == nil) != (cutErr == nil) {
			t.Errorf("%v in one piece, %v in many", err, cutErr)
		}
		if len(whole)%mpegts.PacketSize != 0 {
			t.Fatalf("%d bytes are not whole packets", len(whole))
		}
		var no *media.NotTransportStreamError
		if len(whole) == 0 && len(in) > 0 {
			if !errors.As(err, &no) || no.Seen != len(in) {
				t.Errorf("nothing found in %d bytes: %v", len(in), err)
			}
			return
		}
		if err != nil || uint64(len(in)-len(whole)) != info.SkippedBytes {
			t.Errorf("%v: of %d bytes %d came out and %d were skipped", err, len(in), len(whole), info.SkippedBytes)
		}
		rest := in
		for p := range mpegts.Packets(whole) {
			i := bytes.Index(rest, p)
			if p[0] != mpegts.SyncByte || i < 0 {
				t.Fatal("a packet that did not come in, or not there")
			}
			rest = rest[i+mpegts.PacketSize:]
		}
	})
}
