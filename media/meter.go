package media

import "time"

// A meter counts bytes over the last second: ten whole tenths of it, and the
// one that is not over yet.
type meter struct {
	slots [11]uint64
	begun time.Time // at the first call; time is told from it, so that setting the clock changes nothing
	tick  int64     // the tenth of a second that was counted last
}

func (m *meter) add(now time.Time, n int) {
	m.advance(now)
	m.slots[m.tick%int64(len(m.slots))] += uint64(n)
}

// rate is in bits a second, and at most a tenth of a second late.
func (m *meter) rate(now time.Time) uint64 {
	m.advance(now)
	var sum uint64
	for _, n := range m.slots {
		sum += n
	}
	return (sum - m.slots[m.tick%int64(len(m.slots))]) * 8
}

func (m *meter) advance(now time.Time) {
	if m.begun.IsZero() {
		m.begun = now
	}
	tick := int64(now.Sub(m.begun) / (100 * time.Millisecond))
	for k := max(m.tick+1, tick-int64(len(m.slots))+1); k <= tick; k++ {
		m.slots[k%int64(len(m.slots))] = 0
	}
	m.tick = max(m.tick, tick)
}
