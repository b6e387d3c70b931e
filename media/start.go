package media

import (
	"time"

	"vw/media/mpegts"
)

const (
	// startAge and startBytes bound what somebody who joins is given of the
	// past: more would be delay.
	startAge   = time.Second
	startBytes = 4 << 20
	// startWait is how long somebody who may have nothing of the past waits at
	// most for the next random access point of the video.
	startWait = 2 * time.Second
)

// A fastStart is what somebody who joins is given: the tables, then everything
// since the last random access point of the video, if that is at most startAge
// and startBytes old; else the tables alone, and what comes from the next such
// point on.
type fastStart struct {
	psi    []byte // PAT and PMT that stood before chunks
	chunks []chunk
	bytes  int
}

// add notes a chunk that has just been passed on; psi are the tables before
// the chunk's random access point, where it has one.
func (s *fastStart) add(c chunk, psi []byte) {
	if c.rap >= 0 {
		s.clear()
		s.psi = append(s.psi[:0], psi...)
		s.keep(c.from(c.rap))
		return
	}
	if len(s.chunks) == 0 {
		return
	}
	if s.bytes+len(c.data) > startBytes || c.at.Sub(s.chunks[0].at) > startAge {
		s.clear()
		return
	}
	s.keep(c)
}

func (s *fastStart) keep(c chunk) {
	s.chunks = append(s.chunks, c.retain())
	s.bytes += len(c.data)
}

// clear forgets the past: a mute must not be undone by somebody joining.
func (s *fastStart) clear() {
	for _, c := range s.chunks {
		c.release()
	}
	clear(s.chunks)
	s.chunks, s.bytes = s.chunks[:0], 0
}

// fresh says that the past may be given to a reader at the time now whose rule
// is in force since the time since: never what came in before it.
func (s *fastStart) fresh(now, since time.Time) bool {
	return len(s.chunks) > 0 && now.Sub(s.chunks[0].at) <= startAge && !s.chunks[0].at.Before(since)
}

// appendClock appends a packet of the PCR PID that announces another time base, which is
// that of the first PCR that follows (ISO/IEC 13818-1, 2.4.3.5).
func (s *fastStart) appendClock(dst []byte, pid uint16) []byte {
	var cc byte // before the first packet of the PID
	known := false
	for _, c := range s.chunks {
		for p := range mpegts.Packets(c.data) {
			if p.PID() != pid {
				continue
			}
			if !known {
				cc, known = p.Continuity(), true
				if p.HasPayload() {
					cc--
				}
			}
			if pcr, ok := p.PCR(); ok {
				n := len(dst)
				dst = mpegts.AppendPCR(dst, pid, cc, pcr)
				mpegts.Packet(dst[n:]).SetDiscontinuity(true)
				return dst
			}
		}
	}
	return dst
}

// begin passes a chunk on, filtered for the subscriber, who waits for a random
// access point of the video: until then the tables alone, so that their counters
// go on. It waits no longer than startWait, nor where the chunk as it came in,
// whole, is not known to be of a program with video; but as long as what is replaced
// goes on.
func (s *Subscriber) begin(c, whole chunk, replacing bool) {
	if whole.format != packets {
		s.queue.push(c)
		return
	}
	from := max(0, c.rap)
	switch {
	case replacing:
		from, s.waits = len(c.data), whole.at.Add(startWait)
	case whole.rap < 0 && whole.contents.hasVideo() && whole.at.Before(s.waits):
		from = len(c.data)
	default:
		s.waits = time.Time{}
	}
	tables := c
	tables.data, tables.rap, tables.feed = c.data[:from], -1, nil
	if tables = tables.filter(func(p mpegts.Packet) bool { return whole.contents.table(p.PID()) }); len(tables.data) > 0 {
		s.queue.push(tables)
	}
	if from < len(c.data) {
		s.queue.push(c.from(from))
	}
}
