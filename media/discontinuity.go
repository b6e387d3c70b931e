package media

import (
	"vw/media/mpegts"
	"vw/media/program"
)

// maxBridges is for how many discontinuities room is left in a message: a program's
// tracks and tables.
const maxBridges = program.MaxTracks + 2

// noteDropped counts packets that are not going to be handed out. Those before them
// are not handed out again either: a discontinuity is bridged once.
func (q *queue) noteDropped(b []byte) {
	q.passed = true
	q.drops += uint64(len(b) / mpegts.PacketSize)
	if q.bridges {
		for p := range mpegts.Packets(b) {
			q.discontinuities[p.PID()] = struct{}{}
		}
	}
}

// appendPart adds a chunk to what is handed out, with a packet before each
// that follows a discontinuity.
func (q *queue) appendPart(c chunk) {
	if !q.bridges || len(q.discontinuities) == 0 || c.format != packets {
		q.parts = append(q.parts, c.data)
		return
	}
	from := 0
	for at := 0; at < len(c.data); at += mpegts.PacketSize {
		p := mpegts.Packet(c.data[at : at+mpegts.PacketSize])
		if _, jumps := q.discontinuities[p.PID()]; jumps {
			q.parts = append(q.parts, c.data[from:at:at], q.bridge(p))
			from = at
		}
	}
	q.parts = append(q.parts, c.data[from:])
}

// bridge returns the packet without payload that makes the jump of the
// continuity counter before p a legal one (ISO/IEC 13818-1, 2.4.3.5).
func (q *queue) bridge(p mpegts.Packet) []byte {
	delete(q.discontinuities, p.PID())
	q.bridged = append(q.bridged, p.PID())
	next := p.Continuity()
	if !p.HasPayload() {
		next++ // such a packet repeats the counter of the one before
	}
	return mpegts.AppendDiscontinuity(nil, p.PID(), next)
}

// notePurged notes packets of c that have been purged, of these PIDs; nil is
// all. What is purged was asked for, so it is no drop.
func (q *queue) notePurged(c chunk, pids []uint16) {
	if !q.bridges || c.format != packets {
		return
	}
	if pids == nil {
		pids = c.without(nil)
	}
	for _, pid := range pids {
		q.discontinuities[pid] = struct{}{}
	}
}

// setBridges says whether discontinuities are to be bridged: in a stream, not in a feed,
// whose packets are passed on unchanged.
func (q *queue) setBridges(on bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.bridges = on
}

// jump notes that the reader has seen counters of these PIDs with which what
// comes next has nothing to do. In a feed that is kept in mind for the stream
// that the reader may follow next.
func (q *queue) jump(pids map[uint16]*pidState) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for pid := range pids {
		if pid != mpegts.NullPID {
			q.discontinuities[pid] = struct{}{}
		}
	}
}
