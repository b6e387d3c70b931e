package attack_test

import (
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"vw/testrelay"
)

// A machine that gives the agent less memory than what waits for relays that take
// nothing: they lose it, and nobody else notices.
func TestWithLittleMemoryStalledRelaysAndFloodsHarmNobodyElse(t *testing.T) {
	t.Parallel()
	const feeds, lasts = 5, 2500 * time.Millisecond
	v, pid, _ := launch(t, "GOMEMLIMIT=40MiB")
	url, begin, sent := flood(t, 500_000)
	v.add(rule{ID: "cam", Stream: "cam", Destination: v.relay.URL() + "/in/cam"})
	v.add(rule{ID: "data", Stream: "data", Destination: url + "/bi/data"})
	for i := range feeds {
		v.add(rule{ID: fmt.Sprint(i), Stream: fmt.Sprint("big", i), Destination: v.relay.URL() + fmt.Sprint("/in/stalled/", i)})
	}
	for i := range feeds {
		v.settled(fmt.Sprint(i))
	}
	v.relay.SetFaults("/in/stalled", testrelay.Faults{Stall: true})
	v.flow("cam")
	arrives(t, v.relay.Relay, "cam")
	silence := v.longestSilence("cam")
	begin()
	var posting sync.WaitGroup
	for i := range feeds {
		body := v.post(fmt.Sprint("big", i))
		posting.Go(func() {
			tick := time.NewTicker(50 * time.Millisecond)
			defer tick.Stop()
			for n, began := 0, time.Now(); time.Since(began) < lasts; n += 2800 { // 10 MB/s
				if _, err := body.Write(packets(0x100, n, 2800)); err != nil {
					t.Error(err)
					return
				}
				<-tick.C
			}
		})
	}
	local := v.local("/ws/api")
	for range 200 { // and a local program that commands and reads no reply
		_ = local.WriteMessage(websocket.TextMessage, []byte(`{"verb":"list","what":"status"}`))
	}
	posting.Wait()
	t.Logf("%d empty messages were taken", sent.Load())
	dropped := 0
	for i := range feeds {
		if d := v.status().Destinations[fmt.Sprint(i)]; d.Queue.Dropped > 0 || d.LastError != "" {
			dropped++
		}
	}
	if dropped < feeds {
		t.Errorf("only %d of %d stalled relays have lost something: this test shows nothing", dropped, feeds)
	}
	asked := time.Now()
	v.owner(http.MethodPut, "/api/mutes/big0", "")
	within(t, "a mute", time.Since(asked), 500*time.Millisecond)
	within(t, "the longest silence of another link", silence(), 500*time.Millisecond)
	mB := mostMemory(t, pid)
	t.Logf("%d MB at most", mB)
	if mB > 110 {
		t.Errorf("the agent has held %d MB", mB)
	}
}
