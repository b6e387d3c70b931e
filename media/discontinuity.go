package media

import (
	"time"

	"vw/media/mpegts"
	"vw/media/program"
)

// maxBridges is for how many discontinuities room is left in a message: a program's
// tracks and tables.
const maxBridges = program.MaxTracks + 2

// unknown is no continuity counter.
const unknown = -1

// tables are PAT and PMT of a stream, as packets, and when they came in.
type tables struct {
	pat, pmt []byte
	at       time.Time
}

func (t tables) len() int { return len(t.pat) + len(t.pmt) }

// add takes a packet of a table that came in at a time.
func (t *tables) add(p mpegts.Packet, at time.Time) {
	b := &t.pmt
	if p.PID() == mpegts.PATPID {
		b = &t.pat
	}
	if p.UnitStart() {
		*b = nil // what it was may be handed out
	}
	*b = append(*b, p...)
	t.at = at
}

// noteDropped counts packets that are not going to be handed out. Those before them
// are not handed out again either: a discontinuity is bridged once. The newest tables
// among them are, before what comes next: that may be of other tracks.
func (q *queue) noteDropped(c chunk) {
	q.passed = true
	q.drops += uint64(len(c.data) / mpegts.PacketSize)
	if !q.bridges {
		return
	}
	for p := range mpegts.Packets(c.data) {
		q.discontinuities[p.PID()] = unknown
		if c.contents.table(p.PID()) && !c.at.Before(q.missed.at) {
			q.missed.add(p, c.at)
		}
	}
}

// appendPart adds a chunk to what is handed out, with a packet before each
// that follows a discontinuity. Among says that the last purge may have left it.
func (q *queue) appendPart(c chunk, among bool) {
	if !q.bridges || len(q.discontinuities) == 0 || c.format != packets || len(c.data) == 0 {
		q.parts = append(q.parts, c.data)
		return
	}
	if q.missed.len() > 0 && mpegts.Packet(c.data).PID() != mpegts.PATPID {
		q.appendTables(q.missed.pat)
		q.appendTables(q.missed.pmt)
		q.restored = q.missed
	}
	q.missed = tables{}
	from := 0
	for at := 0; at < len(c.data) && len(q.discontinuities) > 0; at += mpegts.PacketSize {
		if bridge := q.bridge(mpegts.Packet(c.data[at:at+mpegts.PacketSize]), among); bridge != nil {
			q.parts = append(q.parts, c.data[from:at:at], bridge)
			from = at
		}
	}
	q.parts = append(q.parts, c.data[from:])
}

// appendTables adds those that were dropped to what is handed out.
func (q *queue) appendTables(b []byte) {
	if len(b) == 0 {
		return
	}
	if bridge := q.bridge(mpegts.Packet(b[:mpegts.PacketSize]), false); bridge != nil {
		q.parts = append(q.parts, bridge)
	}
	q.parts = append(q.parts, b)
}

// bridge returns the packet without payload that makes a jump of the
// continuity counter before p a legal one (ISO/IEC 13818-1, 2.4.3.5), nil where there
// is none. Among what a purge has left there may be more than one of a PID.
func (q *queue) bridge(p mpegts.Packet, among bool) []byte {
	pid, next := p.PID(), p.Continuity()
	last, doubtful := q.discontinuities[pid]
	if !doubtful {
		return nil
	}
	if among {
		q.discontinuities[pid] = int(next)
	} else {
		delete(q.discontinuities, pid)
	}
	if !p.HasPayload() {
		next = (next + 1) & 0x0f // such a packet repeats the counter of the one before
	}
	if last == int(next-1)&0x0f {
		return nil
	}
	q.bridged = append(q.bridged, pid)
	return mpegts.AppendDiscontinuity(nil, pid, next)
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
		q.discontinuities[pid] = unknown
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
	q.missed = tables{}
	for pid := range pids {
		if pid != mpegts.NullPID {
			q.discontinuities[pid] = unknown
		}
	}
}
