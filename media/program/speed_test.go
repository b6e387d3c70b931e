package program_test

import (
	"testing"
	"time"

	"vw/media/mpegts"
)

func TestSteadyPathDoesNotAllocate(t *testing.T) {
	p := selecting("v")
	d := camera()
	events := filmed("v", d, 4000)
	dst := make([]byte, 0, 64<<10)
	i := 0
	next := func() {
		dst = p.Append(dst[:0], "v", events[i].data, events[i].at)
		i++
	}
	for range 100 {
		next()
	}
	if n := testing.AllocsPerRun(3000, next); n != 0 {
		t.Errorf("%v allocations per packet", n)
	}
}

func BenchmarkAppend(b *testing.B) {
	v, a := clip(b, video("4", "mpeg1video", "-b:v", "4M")...), clip(b, audio("4", "mp2")...)
	events := inOrder(paced("v", v, 0), paced("a", a, 0))
	p := selecting("v", "a")
	dst := make([]byte, 0, 1<<20)
	b.SetBytes(int64(len(v) + len(a)))
	b.ReportAllocs()
	packets := 0
	for start := time.Duration(0); b.Loop(); start += 4 * time.Second {
		for _, e := range events {
			dst = p.Append(dst[:0], e.feed, e.data, start+e.at)
		}
		packets += (len(v) + len(a)) / mpegts.PacketSize
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(packets), "ns/packet")
}
