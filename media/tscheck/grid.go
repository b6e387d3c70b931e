package tscheck

import (
	"bytes"

	"vw/media/mpegts"
)

// syncs is how many sync bytes in a row make a grid (TR 1.1 proposes five to
// gain it and two bad ones to lose it).
const syncs = 5

// A grid cuts bytes into packets: a sync byte every 188. A packet is passed on
// when the sync byte after it has been seen, so that one cut short is not taken
// for a whole one. It holds less than six packets between writes.
type grid struct {
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
func (g *grid) write(b []byte, f, bad func(mpegts.Packet)) {
	g.buf = append(g.buf, b...)
	g.cut(f, bad, false)
}

// flush passes on what can be told to be packets if nothing follows.
func (g *grid) flush(f, bad func(mpegts.Packet)) { g.cut(f, bad, true) }

// trailing is the bytes of a packet cut short by the end.
func (g *grid) trailing() int64 {
	if !g.synced {
		return 0
	}
	return int64(len(g.buf))
}

// unplaced is the bytes skipped, with those at the end that fit no grid.
func (g *grid) unplaced() int64 {
	if g.synced {
		return g.skipped
	}
	return g.skipped + int64(len(g.buf))
}

func (g *grid) cut(f, bad func(mpegts.Packet), end bool) {
	b := g.buf
	for {
		if !g.synced {
			n, ok := search(b, end)
			g.skip(n)
			b = b[n:]
			if !ok {
				break
			}
			g.regain(f)
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
			g.badSync++
			g.skipped += mpegts.PacketSize
			bad(mpegts.Packet(b[:mpegts.PacketSize:mpegts.PacketSize]))
			b = b[mpegts.PacketSize:]
		case lost:
			g.losses++
			g.synced = false
			if b[0] == mpegts.SyncByte {
				g.held = append(g.held[:0], b[:mpegts.PacketSize]...)
			}
			g.skip(1)
			b = b[1:]
		}
	}
	g.buf = g.buf[:copy(g.buf, b)]
}

func (g *grid) skip(n int) {
	g.skipped += int64(n)
	g.since += n
}

// regain begins a grid. The packet after which the last one was lost was whole
// if the new one begins behind it, and cut short if the new one begins in it.
func (g *grid) regain(f func(mpegts.Packet)) {
	if len(g.held) > 0 && g.since >= mpegts.PacketSize {
		g.skipped -= mpegts.PacketSize
		f(mpegts.Packet(g.held))
	}
	g.synced, g.held, g.since = true, g.held[:0], 0
}

// search finds the first byte of b from which sync bytes lie at the distance
// of packets: as many as it takes or, at the end, as many as fit. Where there
// is none it returns how many bytes cannot be one.
func search(b []byte, end bool) (skip int, ok bool) {
	const reach = (syncs - 1) * mpegts.PacketSize
	last := len(b) - reach // beyond the last candidate
	if end {
		last = len(b) - mpegts.PacketSize + 1
	}
	for i := 0; i < last; i++ {
		n := bytes.IndexByte(b[i:last], mpegts.SyncByte)
		if n < 0 {
			break
		}
		i += n
		if aligned(b[i:]) {
			return i, true
		}
	}
	return max(0, len(b)-reach), false
}

// aligned says that the first sync bytes of b, as far as it goes, are right.
func aligned(b []byte) bool {
	for i := 0; i < syncs && i*mpegts.PacketSize < len(b); i++ {
		if b[i*mpegts.PacketSize] != mpegts.SyncByte {
			return false
		}
	}
	return true
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
