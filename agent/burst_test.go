package agent_test

import (
	"bytes"
	"math/rand/v2"
	"testing"
	"time"

	"vw/agent"
	"vw/testrelay"
)

// A destination that never reads must not show in what another one gets: a
// shared buffer that is used again too early would.
func TestBurstsArriveUnchangedBesideADestinationThatNeverReads(t *testing.T) {
	t.Parallel()
	relay := listen(t, testrelay.Config{})
	a := start(t, relay, agent.Config{})
	channel := orchestrate(t, relay, "agent1")
	channel.route("0", "video0", relay.URL()+"/in/reads")
	channel.route("1", "video0", relay.URL()+"/in/never")
	viewer, never := view(t, relay, "reads"), view(t, relay, "never")
	viewer.carries(a, "video0")
	never.carries(a, "video0")
	relay.SetFaults("/in/never", testrelay.Faults{Stall: true})

	p := a.post(t, "video0")
	var sent []byte
	random := rand.New(rand.NewPCG(1, 2))
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for range 600 { // 3 s
		<-tick.C
		burst := numbered(uint16(1+random.IntN(8000)), len(sent), 1+random.IntN(300))
		for i := range burst {
			if i%packetSize > 11 {
				burst[i] = byte(random.Uint32())
			}
		}
		sent = append(sent, burst...)
		for len(burst) > 0 { // in pieces that cut packets
			n := min(len(burst), 1+random.IntN(40_000))
			p.write(burst[:n])
			burst = burst[n:]
		}
	}
	p.end()
	if got := viewer.bytes(len(sent)); !bytes.Equal(got, sent) {
		t.Errorf("%d bytes were sent, %d arrived, the first that differs is byte %d", len(sent), len(got), differs(got, sent))
	}
	wholePackets(t, viewer)
	s := channel.status().Destinations
	if s["0"].Queue.Dropped != 0 || s["1"].Queue.Dropped == 0 {
		t.Errorf("drops: %+v beside %+v", s["0"].Queue, s["1"].Queue)
	}
	channel.remove("destination", "1")
}

func differs(a, b []byte) int {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return i
		}
	}
	return min(len(a), len(b))
}

// wholePackets says that every message held whole packets, 64 KiB at most.
func wholePackets(t testing.TB, v *viewer) {
	t.Helper()
	for i, m := range v.each {
		if len(m) == 0 || len(m)%packetSize != 0 || len(m) > 64<<10 {
			t.Fatalf("message %d of %d has %d bytes", i, len(v.each), len(m))
		}
		for at := 0; at < len(m); at += packetSize {
			if m[at] != 0x47 {
				t.Fatalf("message %d of %d has no sync byte at %d", i, len(v.each), at)
			}
		}
	}
}
