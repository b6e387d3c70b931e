package picture_test

import (
	"bytes"
	"image"
	"image/draw"
	"image/jpeg"
	"math"
	"os/exec"
	"strings"
	"testing"

	"vw/media/mpegts"
	"vw/media/picture"
)

// ffmpeg returns what it writes, as the words of args tell it to.
func ffmpeg(t testing.TB, args string) []byte {
	t.Helper()
	cmd := exec.Command("ffmpeg", append(append([]string{"-nostdin", "-v", "error"}, strings.Fields(args)...), "pipe:1")...)
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("ffmpeg %s: %v: %s", args, err, &said)
	}
	return out
}

const (
	moving = "-f lavfi -i testsrc2=size=320x240:rate=25 -t 2 "
	mpeg1  = "-c:v mpeg1video -b:v 800k -g 12 -bf 0 "
	asTS   = "-f mpegts "
)

// show is what a decoder shows that is given packets.
func show(t testing.TB, packets []byte) image.Image {
	t.Helper()
	var d picture.Decoder
	d.Write(packets)
	return shown(t, &d)
}

func shown(t testing.TB, d *picture.Decoder) image.Image {
	t.Helper()
	b, err := d.JPEG()
	if err != nil {
		t.Fatalf("no picture: %v", err)
	}
	m, err := jpeg.Decode(bytes.NewReader(b))
	if err != nil {
		t.Fatalf("the picture is no JPEG: %v", err)
	}
	return m
}

// pixels are those of a picture, four bytes each.
func pixels(m image.Image) *image.RGBA {
	if p, ok := m.(*image.RGBA); ok {
		return p
	}
	p := image.NewRGBA(m.Bounds())
	draw.Draw(p, p.Rect, m, p.Rect.Min, draw.Src)
	return p
}

// mean is the mean colour, 0 to 255.
func mean(m image.Image) (rgb [3]float64) {
	pix := pixels(m).Pix
	for i := 0; i < len(pix); i += 4 {
		for c := range rgb {
			rgb[c] += float64(pix[i+c]) * 4 / float64(len(pix))
		}
	}
	return rgb
}

// source are the pictures of a clip, as ffmpeg decodes them.
func source(t testing.TB, clip []byte, width, height int) (pictures []*image.RGBA) {
	t.Helper()
	cmd := exec.Command("ffmpeg", strings.Fields("-nostdin -v error -f mpegts -i pipe:0 -fps_mode passthrough -f rawvideo -pix_fmt rgba pipe:1")...)
	cmd.Stdin = bytes.NewReader(clip)
	raw, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	size := width * height * 4
	for ; len(raw) >= size; raw = raw[size:] {
		pictures = append(pictures, &image.RGBA{Pix: raw[:size], Stride: width * 4, Rect: image.Rect(0, 0, width, height)})
	}
	return pictures
}

// likeness is the peak signal-to-noise ratio of two pictures, in dB: above 28
// they are the same but for the loss of a JPEG. It looks at every 7th pixel.
func likeness(a, b image.Image) float64 {
	x, y := pixels(a), pixels(b)
	if x.Rect != y.Rect {
		return 0
	}
	sum, n := 0, 0
	for i := 0; i < len(x.Pix); i += 4 * 7 {
		for c := range 3 {
			d := int(x.Pix[i+c]) - int(y.Pix[i+c])
			sum += d * d
			n++
		}
	}
	return 10 * math.Log10(255*255*float64(n)/float64(sum))
}

// best is the source's picture that m is most like.
func best(m image.Image, of []*image.RGBA) (n int, db float64) {
	m = pixels(m)
	for i, p := range of {
		if x := likeness(m, p); x > db {
			n, db = i, x
		}
	}
	return n, db
}

// wrap is a transport stream of one video track that carries exactly video,
// in one PES packet.
func wrap(video []byte) []byte {
	const pmtPID, pid = 0x1000, 0x100
	pat := mpegts.PAT{StreamID: 1, Programs: []mpegts.Program{{Number: 1, PMTPID: pmtPID}}}
	pmt := mpegts.PMT{Program: 1, PCRPID: pid, Tracks: []mpegts.Track{{PID: pid, Type: 0x01}}}
	b, _ := mpegts.AppendSection(nil, mpegts.PATPID, 0, pat.Section())
	b, _ = mpegts.AppendSection(b, pmtPID, 0, pmt.Section())
	pes := append([]byte{0, 0, 1, 0xe0, 0, 0, 0x80, 0, 0}, video...)
	for cc, first := byte(0), true; len(pes) > 0; cc, first = (cc+1)&0x0f, false {
		p := []byte{mpegts.SyncByte, pid >> 8, pid & 0xff, 0x10 | cc}
		if first {
			p[1] |= 0x40
		}
		if room := mpegts.PacketSize - 4; len(pes) < room {
			stuffing := room - len(pes)
			p[3] |= 0x20
			p = append(p, byte(stuffing-1))
			if stuffing > 1 {
				p = append(append(p, 0), bytes.Repeat([]byte{0xff}, stuffing-2)...)
			}
		}
		n := min(len(pes), mpegts.PacketSize-len(p))
		b = append(append(b, p...), pes[:n]...)
		pes = pes[n:]
	}
	return b
}
