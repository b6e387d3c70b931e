package media

import (
	"os"
	"time"
)

// RateOf is what a meter says at the last of the times, when n bytes came in at
// each of the others.
func RateOf(n int, times ...time.Time) uint64 {
	var m meter
	last := len(times) - 1
	for _, at := range times[:last] {
		m.add(at, n)
	}
	return m.rate(times[last])
}

// RecordTo is a recording into any file, such as a pipe that is a slow disk.
func RecordTo(file *os.File, dir string) *Recording {
	return &Recording{name: "x.ts", file: file, folder: &Folder{Dir: dir}}
}

// FreeDuringAChange reports whether the buffer of a chunk is free to hold another
// one when a change has taken it out of the only queue that had it, and whether it
// is when the change is over.
func FreeDuringAChange() (during, after bool) {
	s, q := newSlab(), newQueue(true)
	q.push(chunk{data: s.b[:MaxMessage], slab: s})
	s.release()
	rests := remainders{keep: func(chunk) chunk { return chunk{} }, known: map[extent]remainder{}}
	q.purge(rests.of)
	during = s.refs.Load() == 0
	rests.release()
	return during, s.refs.Load() == 0
}

// KeptByAChange reports whether a change keeps the buffer of a chunk that it has taken
// out of a queue.
func KeptByAChange() bool {
	r, s := NewRouter(), newSlab()
	sub := r.Subscribe(Subscription{Name: "feed"})
	sub.queue.push(chunk{data: s.b[:MaxMessage], slab: s})
	s.release()
	c := &change{router: r}
	c.purge([]*Subscriber{sub}, func(chunk) chunk { return chunk{} })
	c.done()
	return s.refs.Load() > 0
}
