package media

import "time"

const (
	// startAge and startBytes bound what somebody who joins is given of the
	// past: more would be delay.
	startAge   = time.Second
	startBytes = 4 << 20
)

// A start is what somebody who joins is given: the tables, then everything
// since the last random access point of the video, if that is at most startAge
// and startBytes old; else the tables alone.
type start struct {
	psi    []byte // PAT and PMT that stood before chunks
	chunks []chunk
	bytes  int
}

// add notes a chunk that has just been passed on; psi are the tables before
// the chunk's random access point, where it has one.
func (s *start) add(c chunk, psi []byte) {
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

func (s *start) keep(c chunk) {
	s.chunks = append(s.chunks, c.retain())
	s.bytes += len(c.data)
}

// clear forgets the past: a mute must not be undone by somebody joining.
func (s *start) clear() {
	for _, c := range s.chunks {
		c.release()
	}
	clear(s.chunks)
	s.chunks, s.bytes = s.chunks[:0], 0
}

// fresh says that the past may be given to a reader at the time now whose rule
// is in force since the time since: never what came in before it.
func (s *start) fresh(now, since time.Time) bool {
	return len(s.chunks) > 0 && now.Sub(s.chunks[0].at) <= startAge && !s.chunks[0].at.Before(since)
}
