package testrelay_test

import (
	"encoding/binary"
	"flag"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"vw/media/mpegts"
	"vw/testrelay"
)

var (
	viewers = flag.Int("viewers", 40, "how many viewers TestCrowd has")
	during  = flag.Duration("during", 2*time.Second, "how long it takes")
)

// stamped is a message of packets, the last of which is a null packet with the
// time and a number.
func stamped(packets []byte, n int) []byte {
	last := make([]byte, mpegts.PacketSize)
	copy(last, []byte{mpegts.SyncByte, mpegts.NullPID >> 8, mpegts.NullPID & 0xff, 0x10})
	binary.BigEndian.PutUint64(last[4:], uint64(time.Now().UnixNano()))
	binary.BigEndian.PutUint64(last[12:], uint64(n))
	return append(slices.Clone(packets), last...)
}

// A viewer notes how late and whether in one run the stamps come.
type viewer struct {
	first, count, last int
	late               []time.Duration
}

func (v *viewer) read(ws *websocket.Conn) error {
	for {
		kind, data, err := ws.ReadMessage()
		if err != nil || kind == websocket.TextMessage {
			return err
		}
		for p := range mpegts.Packets(data) {
			if p.PID() != mpegts.NullPID || p[4] == 0xff { // ffmpeg's own
				continue
			}
			v.last = int(binary.BigEndian.Uint64(p[12:]))
			if v.count == 0 {
				v.first = v.last
			}
			v.count++
			v.late = append(v.late, time.Since(time.Unix(0, int64(binary.BigEndian.Uint64(p[4:])))))
		}
	}
}

// TestCrowd has many watch one topic of 2 Mbit/s in messages of a frame, one of
// whom takes nothing. The others miss nothing. For the figures of the manual:
// -run TestCrowd -v -viewers 500 -during 30s.
func TestCrowd(t *testing.T) {
	packets, log := clip(t), &logged{}
	s := listen(t, testrelay.Config{KeyFrames: true, QueueBytes: 2 << 20, PingInterval: 20 * time.Second, Log: slog.New(slog.NewTextHandler(log, nil))})
	stalled := dial(t, s, "/out/a")
	stalled.NetConn().(interface{ SetReadBuffer(int) error }).SetReadBuffer(4 << 10)
	crowd, errs := make([]viewer, *viewers), make([]error, *viewers)
	var watching sync.WaitGroup
	for i := range crowd {
		ws := dialUnheard(t, s, "/out/a")
		ws.SetReadDeadline(time.Now().Add(*during + time.Minute))
		watching.Go(func() { errs[i] = crowd[i].read(ws) })
	}
	if _, err := s.Await(patient(t), "/out/a", func(v []testrelay.Visit) bool { return testrelay.Up(v) == *viewers+1 }); err != nil {
		t.Fatal(err)
	}
	in := dial(t, s, "/in/a")
	const frame = 53 * mpegts.PacketSize // 2 Mbit/s of 25 a second
	sent := 0
	before := cpu()
	ticker := time.NewTicker(40 * time.Millisecond)
	defer ticker.Stop()
	for end := time.Now().Add(*during); time.Now().Before(end); sent++ {
		at := sent * frame % (len(packets) - frame) / mpegts.PacketSize * mpegts.PacketSize
		send(t, in, websocket.BinaryMessage, string(stamped(packets[at:at+frame], sent)))
		<-ticker.C
	}
	spent := cpu() - before
	send(t, in, websocket.TextMessage, "end")
	watching.Wait()
	var late []time.Duration
	harmed := 0
	for i, v := range crowd {
		if errs[i] != nil || v.count == 0 || v.count != v.last-v.first+1 || v.last != sent-1 {
			t.Logf("viewer %d: %v, %d of %d to %d of %d", i, errs[i], v.count, v.first, v.last, sent)
			harmed++
		}
		late = append(late, v.late...)
	}
	if harmed > 0 {
		t.Errorf("%d of %d viewers miss something", harmed, *viewers)
	}
	slices.Sort(late)
	if len(late) > 0 {
		t.Logf("%d viewers, %.1f Mbit/s each, %v: late by %v (median), %v (99 %%), %v (most); %.2f cores for relay and viewers",
			*viewers, float64(sent*(frame+188)*8)/during.Seconds()/1e6, *during, late[len(late)/2], late[len(late)*99/100], late[len(late)-1], spent.Seconds()/during.Seconds())
	}
	if *during > 10*time.Second && !strings.Contains(log.String(), "too slow") {
		t.Errorf("the one that takes nothing is not told of: %.1000s", log)
	}
}

// cpu is what this process has used.
func cpu() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
