package picture

import "vw/media/mpegts"

// maxCoded bounds what Coded keeps, in bytes.
const maxCoded = 8 << 20

// Coded holds the newest pictures of H.264 video as they are coded, from a random
// access point on. Its zero value is ready.
type Coded struct {
	track  mpegts.TrackReader
	err    error
	before []byte // whole pictures of the group before
	group  []byte // empty: a random access point is waited for
	whole  int    // bytes of group that are whole pictures
}

// Write takes the next packets, a whole number of them.
func (c *Coded) Write(packets []byte) {
	for ; len(packets) >= mpegts.PacketSize; packets = packets[mpegts.PacketSize:] {
		if packets[0] != mpegts.SyncByte {
			continue
		}
		p := mpegts.Packet(packets[:mpegts.PacketSize])
		piece := c.track.Take(mpegts.Video, p)
		if piece.Changed {
			*c = Coded{track: c.track, err: refusal(c.track.Track, "h264")}
		}
		if c.err != nil {
			continue
		}
		if piece.Lost || len(c.group) > maxCoded {
			c.group, c.whole = nil, 0
		}
		if piece.Begins {
			c.begin(p.RandomAccessPoint("h264"))
		}
		if piece.Begins && p.RandomAccessPoint("h264") || len(c.group) > 0 {
			c.group = append(c.group, piece.Data...)
		}
	}
}

// begin notes that what has come before is whole.
func (c *Coded) begin(access bool) {
	c.whole = len(c.group)
	if !access {
		return
	}
	if c.whole > 0 {
		c.before = c.group
	}
	c.group, c.whole = nil, 0
}

// Err says why there is nothing: ErrNoPicture, ErrNoVideo, an *CodecError, or nil
// where there is a picture.
func (c *Coded) Err() error {
	if c.err == nil && len(c.Bytes()) == 0 {
		return ErrNoPicture
	}
	return c.err
}

// Bytes are the newest pictures that are whole, the first a random access point
// (ISO/IEC 14496-10, annex B). They stay as they are until the next Write.
func (c *Coded) Bytes() []byte {
	if c.whole > 0 {
		return c.group[:c.whole]
	}
	return c.before
}
