package picture_test

import (
	"bytes"
	"errors"
	"image"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"vw/media/mpegts"
	"vw/media/picture"
)

func TestPictureHasTheColoursOfTheSource(t *testing.T) {
	for colour, want := range map[string][3]float64{
		"red": {255, 0, 0}, "lime": {0, 255, 0}, "blue": {0, 0, 255}, "white": {255, 255, 255}, "black": {}, "gray": {128, 128, 128},
	} {
		m := show(t, ffmpeg(t, "-f lavfi -i color="+colour+":size=176x144:rate=25 -t 0.4 "+mpeg1+asTS))
		if m.Bounds() != image.Rect(0, 0, 176, 144) {
			t.Errorf("%s: the picture is %v", colour, m.Bounds())
		}
		for i, got := range mean(m) {
			if got < want[i]-4 || got > want[i]+4 {
				t.Errorf("%s: mean colour %.0f, want %.0f", colour, mean(m), want)
				break
			}
		}
	}
}

func TestPictureIsTheNewestWholeOne(t *testing.T) {
	clip := ffmpeg(t, moving+mpeg1+asTS)
	pictures := source(t, clip, 320, 240)
	var d picture.Decoder
	seen := -1
	for at := 0; at < len(clip); at += mpegts.PacketSize {
		d.Write(clip[at : at+mpegts.PacketSize])
		if at%(41*mpegts.PacketSize) != 0 || d.Err() != nil {
			continue
		}
		n, db := best(shown(t, &d), pictures)
		if db < 28 {
			t.Fatalf("after %d bytes the picture is like none of the source's (%d: %.1f dB)", at, n, db)
		}
		if n < seen {
			t.Errorf("after %d bytes picture %d is shown, after %d", at, n, seen)
		}
		seen = n
	}
	if n, db := best(show(t, clip), pictures); n != len(pictures)-2 {
		t.Errorf("of a clip of %d pictures, the last of which is not known to be whole, %d is shown (%.1f dB)", len(pictures), n, db)
	}
	if seen < len(pictures)-10 {
		t.Errorf("the newest picture shown was %d of %d", seen, len(pictures))
	}
}

func TestPicturesThatOthersAreNotPredictedFromArePassedOver(t *testing.T) {
	clip := ffmpeg(t, moving+"-c:v mpeg1video -b:v 800k -g 12 -bf 2 "+asTS)
	if n, db := best(show(t, clip), source(t, clip, 320, 240)); db < 28 || n < 44 {
		t.Errorf("picture %d of 50 is shown, %.1f dB", n, db)
	}
}

func TestSizesThatAreNoWholeMacroblocks(t *testing.T) {
	for size, want := range map[string]image.Point{"16x16": {16, 16}, "322x178": {322, 178}, "1920x1080": {1920, 1080}} {
		clip := ffmpeg(t, "-f lavfi -i testsrc2=size="+size+":rate=25 -t 0.2 "+mpeg1+asTS)
		m := show(t, clip)
		if _, db := best(m, source(t, clip, want.X, want.Y)); m.Bounds().Size() != want || db < 20 {
			t.Errorf("%s: the picture is %v, %.1f dB", size, m.Bounds(), db)
		}
	}
}

func TestWhatCannotBeShownIsNamed(t *testing.T) {
	codec := func(name string) error { return &picture.CodecError{Name: name} }
	for args, want := range map[string]error{
		moving + "-c:v libx264 -preset ultrafast ": codec("h264"),
		moving + "-c:v mpeg2video -g 12 ":          codec("mpeg2video"),
		moving + "-c:v mpeg4 ":                     codec("mpeg4"),
		"-f lavfi -i sine -t 0.5 -c:a mp2 ":        picture.ErrNoVideo,
		"-f lavfi -i color=red:size=2560x1440:rate=25 -t 0.2 -strict unofficial -c:v mpeg1video ": picture.ErrTooLarge,
	} {
		var d picture.Decoder
		if !errors.Is(d.Err(), picture.ErrNoPicture) {
			t.Errorf("of nothing: %v", d.Err())
		}
		d.Write(ffmpeg(t, args+asTS))
		_, err := d.JPEG()
		if err == nil || err.Error() != want.Error() || d.Err().Error() != want.Error() {
			t.Errorf("%s: %v and %v, want %v", args, err, d.Err(), want)
		}
	}
}

func TestSourceThatBecomesAnotherIsFollowed(t *testing.T) {
	small, large := ffmpeg(t, moving+mpeg1+asTS), ffmpeg(t, "-f lavfi -i color=red:size=640x480:rate=25 -t 0.5 "+mpeg1+asTS)
	other := ffmpeg(t, moving+"-c:v libx264 -preset ultrafast "+asTS)
	var d picture.Decoder
	d.Write(small)
	shown(t, &d)
	d.Write(large)
	if m := shown(t, &d); m.Bounds().Dx() != 640 || mean(m)[0] < 250 {
		t.Errorf("a picture of %v is shown, mean colour %.0f", m.Bounds(), mean(m))
	}
	d.Write(other)
	var codec *picture.CodecError
	if _, err := d.JPEG(); !errors.As(err, &codec) {
		t.Errorf("after it became h264: %v", err)
	}
	for at := 0; errors.As(d.Err(), &codec); at += mpegts.PacketSize {
		d.Write(small[at : at+mpegts.PacketSize])
	}
	if !errors.Is(d.Err(), picture.ErrNoPicture) {
		t.Errorf("after the tables of the third source: %v; an older picture is shown", d.Err())
	}
	d.Write(small)
	if m := shown(t, &d); m.Bounds().Dx() != 320 {
		t.Errorf("a picture of %v is shown", m.Bounds())
	}
}

// The clip's pictures are 0 to 34, the last intra-coded one is 24.
func TestLossIsNeverShown(t *testing.T) {
	clip := ffmpeg(t, "-f lavfi -i testsrc2=size=320x240:rate=25 -t 1.4 "+mpeg1+asTS)
	pictures := source(t, clip, 320, 240)
	packets := len(clip) / mpegts.PacketSize
	early, late := 0, 0
	for lost := 20; lost < packets; lost += 31 {
		if mpegts.Packet(clip[lost*mpegts.PacketSize:][:mpegts.PacketSize]).PID() != 0x100 {
			continue
		}
		var d picture.Decoder
		if d.Write(clip[:lost*mpegts.PacketSize]); d.Err() != nil {
			continue // before the first picture
		}
		last, _ := best(shown(t, &d), pictures)
		d.Write(clip[(lost+1)*mpegts.PacketSize:])
		n, db := best(shown(t, &d), pictures)
		switch {
		case db < 28:
			t.Errorf("without packet %d of %d the picture is like none of the source's (%d: %.1f dB)", lost, packets, n, db)
		case last < 22: // recovered at 24
			early++
			if n != 33 {
				t.Errorf("without packet %d picture %d is shown, not the newest", lost, n)
			}
		case last > 24: // nothing to recover with
			late++
			if n != last {
				t.Errorf("without packet %d picture %d is shown, after %d: it is predicted from what is missing", lost, n, last)
			}
		}
	}
	if early == 0 || late == 0 {
		t.Errorf("%d losses before the last intra-coded picture, %d after it", early, late)
	}
}

func TestPacketsThatComeTwiceAreTakenOnce(t *testing.T) {
	clip := ffmpeg(t, moving+mpeg1+asTS)
	var once, twice picture.Decoder
	once.Write(clip)
	for at := 0; at < len(clip); at += mpegts.PacketSize {
		twice.Write(clip[at : at+mpegts.PacketSize])
		twice.Write(clip[at : at+mpegts.PacketSize])
	}
	if shown(t, &twice); once.Tag() != twice.Tag() {
		t.Error("it makes a difference that packets come twice")
	}
}

func TestTagTellsPicturesApart(t *testing.T) {
	clip := ffmpeg(t, moving+mpeg1+asTS)
	var a, b picture.Decoder
	seen := map[uint64]bool{}
	for at := 0; at < len(clip); at += mpegts.PacketSize {
		a.Write(clip[at : at+mpegts.PacketSize])
		seen[a.Tag()] = true
		if at%(50*mpegts.PacketSize) == 0 && a.Err() == nil {
			shown(t, &a) // decoding makes no difference
		}
	}
	b.Write(clip)
	if len(seen) != 50 || a.Tag() != b.Tag() {
		t.Errorf("%d tags of 49 whole pictures and none; the same picture has tags %x and %x", len(seen), a.Tag(), b.Tag())
	}
}

// bits are those that are written as 0 and 1, filled up with zeros.
func bits(words ...string) (b []byte) {
	s := strings.ReplaceAll(strings.Join(words, ""), " ", "")
	for s += "0000000"; len(s) >= 8; s = s[8:] {
		x, err := strconv.ParseUint(s[:8], 2, 8)
		if err != nil {
			panic(err)
		}
		b = append(b, byte(x))
	}
	return b
}

var (
	header1080 = []byte{0, 0, 1, 0xb3, 0x78, 0x04, 0x40, 0x13, 0xff, 0xff, 0xe0, 0x18}
	header64   = []byte{0, 0, 1, 0xb3, 0x04, 0x00, 0x40, 0x13, 0xff, 0xff, 0xe0, 0x18}
	// intra is a picture without slices, ending one that is whole.
	intra = []byte{0, 0, 1, 0, 0x00, 0x0f, 0xff, 0xf8}
	end   = []byte{0, 0, 1, 0xb7, 0, 0, 0, 0}
)

func join(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

func TestWorkOnHostileVideoIsBounded(t *testing.T) {
	predicted := join([]byte{0, 0, 1, 0}, bits("0000000000 010 1111111111111111 0 001 0"))
	// A slice that skips through nearly all of the picture, in 11 bits for 33
	// macroblocks, each of which is copied.
	moved := "1 001 1 1 "
	slice := join([]byte{0, 0, 1, 1}, bits("00001 0", moved, strings.Repeat("00000001000", 246), moved))
	small := join([]byte{0, 0, 1, 0xb3, 0x10, 0x01, 0x00, 0x13, 0xff, 0xff, 0xe0, 0x18}, intra)
	const slices = 4 * 68 // the most of one picture
	took := func(video []byte) (time.Duration, error) {
		var d picture.Decoder
		packets := wrap(join(header1080, intra, video, end))
		begun := time.Now()
		d.Write(packets)
		_, err := d.JPEG()
		return time.Since(begun), err
	}
	part, err := took(join(predicted, bytes.Repeat(slice, slices/8)))
	if err != nil {
		t.Fatal(err)
	}
	for name, video := range map[string][]byte{
		"pictures without slices": bytes.Repeat(intra, 1<<18),
		"headers of two sizes":    bytes.Repeat(join(header1080, intra, small), 1<<16),
		"slices that skip":        join(predicted, bytes.Repeat(slice, 1<<12)),
		"some slices that skip":   bytes.Repeat(join(predicted, bytes.Repeat(slice, slices)), 40),
		"no end":                  make([]byte, 8<<20),
	} {
		all, err := took(video)
		if all > 5*time.Second+4*8*part {
			t.Errorf("%s: it took %v, and an eighth of one picture %v", name, all, part)
		}
		if endless := name == "no end"; errors.Is(err, picture.ErrNoPicture) != endless {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What is predicted from beyond the picture is not shown: the one before stays.
func TestVectorsOutOfThePictureFindNothing(t *testing.T) {
	// The longest vectors there are, in whole pels: 7 is the f_code, and the
	// motion codes are -16 with the longest residual.
	predicted := join([]byte{0, 0, 1, 0}, bits("0000000000 010 1111111111111111 1 111 0"))
	up, down := "00000011001 111111 ", "00000011000 111110 "
	for name, vector := range map[string]string{"up": up + up, "down": down + down} {
		var slices []byte
		for row := range 4 {
			slices = join(slices, []byte{0, 0, 1, byte(row + 1)}, bits("00001 0", "1 001", vector, strings.Repeat("1 001 1 1 ", 3)))
		}
		var d picture.Decoder
		d.Write(wrap(join(header64, intra, predicted, slices, end)))
		m := pixels(shown(t, &d))
		for i := 0; i < len(m.Pix); i += 4 {
			if m.Pix[i] > 4 || m.Pix[i+1] < 130 || m.Pix[i+1] > 140 || m.Pix[i+2] > 4 { // all levels zero
				t.Errorf("%s: pixel %d is %v: it comes from elsewhere", name, i/4, m.Pix[i:i+3])
				break
			}
		}
	}
}

// Whoever can feed a picture must find every access checked, on every machine
// that the program is built for: what is not the standard library's is Go.
func TestDecoderIsGoAlone(t *testing.T) {
	const foreign = "{{if not .Standard}}{{.ImportPath}} {{.SFiles}}{{.CgoFiles}}{{.SysoFiles}}{{end}}"
	for _, arch := range []string{"amd64", "arm64", "arm"} {
		cmd := exec.Command("go", "list", "-deps", "-f", foreign, ".")
		cmd.Env = append(os.Environ(), "GOOS=linux", "GOARCH="+arch)
		list, err := cmd.Output()
		if err != nil || !bytes.Contains(list, []byte("gen2brain/mpeg ")) {
			t.Fatalf("go list: %v, %s", err, list)
		}
		for line := range strings.Lines(string(list)) {
			if !strings.HasSuffix(line, " [][][]\n") {
				t.Errorf("on %s this is not Go alone: %s", arch, line)
			}
		}
	}
}

func BenchmarkNewestOf24(b *testing.B) {
	clip := ffmpeg(b, "-f lavfi -i testsrc2=size=640x480:rate=25 -t 1 -c:v mpeg1video -b:v 1500k -g 25 -bf 0 "+asTS)
	b.ReportAllocs()
	for b.Loop() {
		var d picture.Decoder
		d.Write(clip)
		if _, err := d.JPEG(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkWrite(b *testing.B) {
	clip := ffmpeg(b, "-f lavfi -i testsrc2=size=640x480:rate=25 -t 1 -c:v mpeg1video -b:v 1500k -g 25 -bf 0 "+asTS)
	b.ReportAllocs()
	b.SetBytes(int64(len(clip)))
	for b.Loop() {
		var d picture.Decoder
		d.Write(clip)
	}
}
