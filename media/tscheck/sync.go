package tscheck

import "vw/media/mpegts"

// syncs is how many sync bytes in a row are taken for packets (TR 1.1 proposes
// five to gain sync and two bad ones to lose it).
const syncs = 5

// A packetSync cuts bytes into packets: a sync byte every 188. A packet is passed on
// when the sync byte after it has been seen, so that one cut short is not taken
// for a whole one. It holds less than six packets between writes.
type packetSync struct {
	buf    []byte
	synced bool
	held   []byte // the packet after which sync was lost, until it is known to be whole
	since  int    // bytes skipped since then

	losses  int64 // TR 1.1
	badSync int64 // TR 1.2
	skipped int64 // bytes that belong to no packet passed on
}

// write passes whole packets to f, and those whose sync byte alone is wrong to
// bad.
func (s *packetSync) write(b []byte, f, bad func(mpegts.Packet)) {
	s.buf = append(s.buf, b...)
	s.cut(f, bad, false)
}

// flush passes on what can be told to be packets if nothing follows.
func (s *packetSync) flush(f, bad func(mpegts.Packet)) { s.cut(f, bad, true) }

// trailing is the bytes of a packet cut short by the end.
func (s *packetSync) trailing() int64 {
	if !s.synced {
		return 0
	}
	return int64(len(s.buf))
}

// unplaced is the bytes skipped, with those at the end where no packets are found.
func (s *packetSync) unplaced() int64 {
	if s.synced {
		return s.skipped
	}
	return s.skipped + int64(len(s.buf))
}

func (s *packetSync) cut(f, bad func(mpegts.Packet), end bool) {
	b := s.buf
	for {
		if !s.synced {
			n, ok := mpegts.Sync(b, syncs)
			s.skip(n)
			b = b[n:]
			if !ok && !(end && len(b) >= mpegts.PacketSize) {
				break
			}
			s.regain(f)
		}
		v := look(b, end)
		if v == wait {
			break
		}
		switch v {
		case whole:
			f(mpegts.Packet(b[:mpegts.PacketSize:mpegts.PacketSize]))
			b = b[mpegts.PacketSize:]
		case spoilt:
			s.badSync++
			s.skipped += mpegts.PacketSize
			bad(mpegts.Packet(b[:mpegts.PacketSize:mpegts.PacketSize]))
			b = b[mpegts.PacketSize:]
		case lost:
			s.losses++
			s.synced = false
			if b[0] == mpegts.SyncByte {
				s.held = append(s.held[:0], b[:mpegts.PacketSize]...)
			}
			s.skip(1)
			b = b[1:]
		}
	}
	s.buf = s.buf[:copy(s.buf, b)]
}

func (s *packetSync) skip(n int) {
	s.skipped += int64(n)
	s.since += n
}

// regain begins anew. The packet after which sync was lost was whole
// if the next one begins behind it, and cut short if the next one begins in it.
func (s *packetSync) regain(f func(mpegts.Packet)) {
	if len(s.held) > 0 && s.since >= mpegts.PacketSize {
		s.skipped -= mpegts.PacketSize
		f(mpegts.Packet(s.held))
	}
	s.synced, s.held, s.since = true, s.held[:0], 0
}

// A verdict is what stands at the head of the buffer.
type verdict int

const (
	wait   verdict = iota // more bytes are needed to tell
	whole                 // a packet
	spoilt                // a packet whose sync byte is wrong
	lost                  // no packet, or one cut short
)

func look(b []byte, end bool) verdict {
	const next, after = mpegts.PacketSize, 2 * mpegts.PacketSize
	switch {
	case len(b) < mpegts.PacketSize:
		return wait
	case len(b) == mpegts.PacketSize && !end:
		return wait
	case len(b) == mpegts.PacketSize:
		if b[0] == mpegts.SyncByte {
			return whole
		}
		return lost
	case b[0] != mpegts.SyncByte && b[next] == mpegts.SyncByte:
		return spoilt
	case b[0] != mpegts.SyncByte:
		return lost
	case b[next] == mpegts.SyncByte:
		return whole
	case len(b) <= after && !end:
		return wait
	case len(b) <= after || b[after] == mpegts.SyncByte:
		return whole
	}
	return lost
}
