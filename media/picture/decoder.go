// Package picture makes still pictures of MPEG-1 video (ISO/IEC 11172-2,
// cited by clause) that comes in transport packets. It decodes on demand: what
// comes in is kept as it is until a picture is asked for, and only as far as
// the newest picture needs it. H.264 it hands out as it is coded, for browsers. It knows neither feeds nor streams nor the
// network, and trusts nothing that comes in.
package picture

import (
	"bytes"
	"errors"
	"image/jpeg"
	"slices"
	"time"

	"vw/media/mpegts"
)

const (
	// decodeFor bounds how long one call of JPEG begins to decode pictures.
	decodeFor = 500 * time.Millisecond
	// quality is that of the JPEG, 1 to 100.
	quality = 75
)

// ErrNoPicture is what there is before the first whole picture has come.
var ErrNoPicture = errors.New("no whole picture has come yet")

// ErrNoVideo is what there is where the program has no video track.
var ErrNoVideo = errors.New("there is no video in it")

// ErrTooLarge is what there is of a picture of more macroblocks than 1920x1088.
var ErrTooLarge = errors.New("the picture is larger than 1920x1088, which is the most that can be shown")

// CodecError is what there is of video that is no MPEG-1 video.
type CodecError struct {
	Name string // as ffmpeg calls it
}

func (e *CodecError) Error() string {
	return e.Name + " cannot be shown as such a picture (a .jpg is made of MPEG-1 video alone, a .h264 of H.264)"
}

// A Decoder makes pictures of the first video track of the first program.
// Its zero value is ready. It keeps some 65 MiB at most, of 640x480 some 10
// MiB, and is for one goroutine at a time.
type Decoder struct {
	track    mpegts.TrackReader
	err      error // why its video cannot be shown
	sequence sequence
	frames   *frames // nil until a picture has been asked for
	shown    bool    // frames hold a picture
}

// Write takes the next packets, a whole number of them; what is no packet is
// passed over. It decodes nothing and keeps no part of them.
func (d *Decoder) Write(packets []byte) {
	for ; len(packets) >= mpegts.PacketSize; packets = packets[mpegts.PacketSize:] {
		if packets[0] != mpegts.SyncByte {
			continue
		}
		piece := d.track.Take(mpegts.Video, mpegts.Packet(packets[:mpegts.PacketSize]))
		if piece.Changed {
			d.sequence, d.frames, d.shown = sequence{}, nil, false
			d.err = refusal(d.track.Track, "mpeg1video", "mpeg2video") // ffmpeg gives the one the type of the other
		}
		if d.err != nil {
			continue
		}
		if piece.Lost {
			d.sequence.lose()
		}
		d.sequence.write(piece.Data)
	}
}

// refusal is why video cannot be shown that is of none of the codings.
func refusal(video mpegts.Track, codings ...string) error {
	name, _ := video.Codec()
	switch {
	case video.PID == 0:
		return ErrNoVideo
	case slices.Contains(codings, name):
		return nil
	}
	return &CodecError{name}
}

// Err says, without decoding, why there is no picture: ErrNoPicture,
// ErrNoVideo, ErrTooLarge, an *CodecError, or nil where there is one.
func (d *Decoder) Err() error {
	switch {
	case d.err != nil:
		return d.err
	case d.sequence.err != nil:
		return d.sequence.err
	case !d.shown && len(d.sequence.pictures) == 0:
		return ErrNoPicture
	}
	return nil
}

// Tag tells, without decoding, one newest picture from another. It is the same
// for the same picture in all decoders of this process that have been written
// to from the same random access point on.
func (d *Decoder) Tag() uint64 { return d.sequence.tag }

// JPEG is the newest whole picture: pictures that others are not predicted
// from (B) are passed over. Where that would take longer than half a second
// it is an older one. Its errors are those of Err.
func (d *Decoder) JPEG() ([]byte, error) {
	if err := d.Err(); err != nil {
		return nil, err
	}
	for until := time.Now().Add(decodeFor); len(d.sequence.pictures) > 0; {
		if d.shown && time.Now().After(until) {
			break
		}
		if !d.decode(d.sequence.next()) {
			d.sequence.drop()
			break
		}
		d.shown = true
	}
	if !d.shown {
		return nil, ErrNoPicture
	}
	var b bytes.Buffer
	err := jpeg.Encode(&b, d.frames.image(), &jpeg.Options{Quality: quality})
	return b.Bytes(), err
}

// decode says whether it went well. Where it did not, the picture before stays,
// and nothing newer can be shown before the next intra-coded picture.
func (d *Decoder) decode(p picture) bool {
	if p.header != nil && (d.frames == nil || d.frames.broken || !bytes.Equal(d.frames.header, p.header)) {
		d.frames, d.shown = newFrames(p.header), false
	}
	return d.frames != nil && d.frames.decode(p.data)
}
