package program_test

import (
	"encoding/binary"
	"time"

	"vw/media/mpegts"
)

// A rig is a source of one feed, on a clock of its own: a camera, a microphone or
// both. Its moments are those of a true clock, in 1/90,000 s.
type rig struct {
	feed   string
	camera *device
	frame  int64 // from one picture to the next, by its own clock
	mic    *device
	coding byte  // of the sound
	rate   int64 // of its samples
	ppm    int64 // by how much its clock is fast

	templates [3][]byte // of a picture that stands alone, of another one, of sound

	away     bool
	begun    int64  // moment
	zero     uint64 // its stamp at that
	pictures int64  // since then
	sounds   int64
}

const (
	mark   = "\xfeVW\xfe" // before the moment that a PES packet is of, at the end of its packet
	access = 25           // every so many pictures are a random access point
)

// samples are those of a PES packet of sound.
func (r *rig) samples() int64 {
	if r.coding == 0x0f {
		return 2 * 1024
	}
	return 1152
}

// start begins anew: another process, another zero.
func (r *rig) start(moment int64, zero uint64) {
	r.away, r.begun, r.zero, r.pictures, r.sounds = false, moment, zero, 0, 0
	if r.camera != nil {
		r.camera = &device{pid: 0x100, coding: 0x01, id: 0xe0, pcr: true}
		r.templates[0], r.templates[1] = template(r.camera, picture(true), true), template(r.camera, picture(false), false)
	}
	if r.mic != nil {
		r.mic = &device{pid: 0x101, coding: r.coding, id: 0xc0, pcr: r.camera == nil}
		r.templates[2] = template(r.mic, r.frames(), true)
	}
}

// tables are those that it begins with.
func (r *rig) tables() []byte {
	if r.camera == nil {
		return r.mic.tables()
	}
	if r.mic == nil {
		return r.camera.tables()
	}
	return r.camera.tables(mpegts.Track{PID: r.mic.pid, Type: r.mic.coding})
}

// moment is when by the true clock its own has counted so much.
func (r *rig) moment(own int64) int64 { return r.begun + own - own*r.ppm/1_000_000 }

func (r *rig) sounded() int64 { return r.sounds * r.samples() * mpegts.PTSHz / r.rate }

// due is when what comes next arrives, and whether that is sound.
func (r *rig) due() (at int64, sound bool) {
	at = int64(1 << 62)
	if r.camera != nil {
		at = r.moment(r.pictures * r.frame)
	}
	if r.mic != nil {
		if end := r.moment(r.sounded() + r.samples()*mpegts.PTSHz/r.rate); end < at {
			at, sound = end, true
		}
	}
	return at, sound
}

// next is what comes next, valid until it is called again.
func (r *rig) next(sound bool) mpegts.Packet {
	d, own, which := r.camera, r.pictures*r.frame, 0
	switch {
	case sound:
		d, own, which = r.mic, r.sounded(), 2
		r.sounds++
	default:
		if r.pictures%access > 0 {
			which = 1
		}
		r.pictures++
	}
	p := mpegts.Packet(r.templates[which])
	p.SetContinuity(d.cc)
	d.cc++
	stamp := (r.zero + uint64(own)) % mpegts.PTSModulus
	s, _ := p.PES()
	before, _ := s.PTS()
	s.Shift(mpegts.PTSDelta(stamp, before))
	p.SetPCR((stamp + mpegts.PTSModulus - 9000) % mpegts.PTSModulus * 300)
	binary.BigEndian.PutUint64(p[mpegts.PacketSize-8:], ^uint64(r.moment(own))) // which holds no start code
	return p
}

// template is a packet that holds a whole PES packet.
func template(d *device, data []byte, access bool) []byte {
	p := d.packet(append(append(pesHeader(d.id, 0)[:14], data...), mark+"........"...), 0, true)
	if !access {
		p[5] &^= 0x40
	}
	return p
}

// frames are the coded frames of a PES packet of sound, but for the last bytes of the last.
func (r *rig) frames() (b []byte) {
	const tail = len(mark) + 8
	if r.coding != 0x0f { // layer II, 32 kbit/s, mono
		b = []byte{0xff, 0xfd, 0x10, 0xc0}
		if r.rate == 48000 {
			b[2] |= 4
		}
		f, _ := mpegts.ReadAudioFrame(b)
		return append(b, make([]byte, f.Bytes-len(b)-tail)...)
	}
	index := byte(3)
	if r.rate == 44100 {
		index = 4
	}
	const size = 40
	one := append([]byte{0xff, 0xf1, 1<<6 | index<<2, 1 << 6, size >> 3, size&7<<5 | 0x1f, 0xfc}, make([]byte, size-7)...)
	return append(one, one[:size-tail]...)
}

// picture is one of MPEG-1, of which nothing but the headers is true.
func picture(begins bool) (b []byte) {
	kind := byte(2)
	if begins {
		kind = 1
		b = []byte{0, 0, 1, 0xb3, 0x0a, 0x00, 0x60, 0x13, 0xff, 0xff, 0xe0, 0x18}
	}
	return append(b, 0, 0, 1, 0x00, 0x00, kind<<3, 0, 0, 0, 0, 1, 0x01)
}

// filmed is what a rig sends up to a time, as events, its tables first.
func (r *rig) filmed(until time.Duration) (events []event) {
	r.start(0, 0)
	events = append(events, event{feed: r.feed, data: r.tables()})
	for {
		at, sound := r.due()
		if arrivalTime(at) > until {
			return events
		}
		events = append(events, event{at: arrivalTime(at), feed: r.feed, data: append([]byte(nil), r.next(sound)...)})
	}
}

// arrivalTime is what a program is told of an arrival.
func arrivalTime(at int64) time.Duration {
	return time.Duration(at/mpegts.PTSHz)*time.Second + time.Duration(at%mpegts.PTSHz)*time.Second/mpegts.PTSHz
}
