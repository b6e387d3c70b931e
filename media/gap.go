package media

import (
	"vw/media/mpegts"
	"vw/media/program"
)

// maxMends is for how many gaps room is left in a message: a program's
// tracks and tables.
const maxMends = program.MaxTracks + 2

// lose counts packets that are not going to be handed out. Those before them
// are not handed out again either: a gap is mended once.
func (q *queue) lose(b []byte) {
	q.passed = true
	q.drops += uint64(len(b) / mpegts.PacketSize)
	if q.mends {
		for p := range mpegts.Packets(b) {
			q.gaps[p.PID()] = struct{}{}
		}
	}
}

// appendPart adds a chunk to what is handed out, with a packet before each
// that follows a gap.
func (q *queue) appendPart(c chunk) {
	if !q.mends || len(q.gaps) == 0 || c.format != packets {
		q.parts = append(q.parts, c.data)
		return
	}
	from := 0
	for at := 0; at < len(c.data); at += mpegts.PacketSize {
		p := mpegts.Packet(c.data[at : at+mpegts.PacketSize])
		if _, gap := q.gaps[p.PID()]; gap {
			q.parts = append(q.parts, c.data[from:at:at], q.mend(p))
			from = at
		}
	}
	q.parts = append(q.parts, c.data[from:])
}

// mend returns the packet without payload that makes the jump of the
// continuity counter before p a legal one (ISO/IEC 13818-1, 2.4.3.5).
func (q *queue) mend(p mpegts.Packet) []byte {
	delete(q.gaps, p.PID())
	q.mended = append(q.mended, p.PID())
	next := p.Continuity()
	if !p.HasPayload() {
		next++ // such a packet repeats the counter of the one before
	}
	return mpegts.AppendDiscontinuity(nil, p.PID(), next)
}

// losePurged notes packets of c that have been purged, of these PIDs; nil is
// all. What is purged was asked for, so it is no drop.
func (q *queue) losePurged(c chunk, pids []uint16) {
	if !q.mends || c.format != packets {
		return
	}
	if pids == nil {
		pids = c.without(nil)
	}
	for _, pid := range pids {
		q.gaps[pid] = struct{}{}
	}
}

// setMends says whether the gaps are to be mended: in a stream, not in a feed,
// whose packets are passed on unchanged.
func (q *queue) setMends(on bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.mends = on
}

// jump notes that the reader has seen counters of these PIDs with which what
// comes next has nothing to do. In a feed that is kept in mind for the stream
// that the reader may follow next.
func (q *queue) jump(pids map[uint16]*pidState) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for pid := range pids {
		if pid != mpegts.NullPID {
			q.gaps[pid] = struct{}{}
		}
	}
}
