package attack_test

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// mostMemory is the most that a process has ever held in memory, in MB.
func mostMemory(t testing.TB, pid int) int {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Skip("this system does not tell how much memory a process has held")
	}
	var kB int
	for line := range strings.Lines(string(text)) {
		fmt.Sscanf(line, "VmHWM: %d kB", &kB)
	}
	return kB / 1000
}

// small holds that a process has never held more than 150 MB, and still serves
// its owner.
func (v *victim) small(pid int) {
	v.t.Helper()
	asked := time.Now()
	stats := v.owner(http.MethodGet, "/api/stats", "")
	v.t.Logf("%d MB at most; the status has %d bytes and took %v", mostMemory(v.t, pid), len(stats), time.Since(asked).Round(time.Millisecond))
	if mB := mostMemory(v.t, pid); mB > 150 {
		v.t.Errorf("the agent has held %d MB", mB)
	}
	if len(stats) > 8<<20 {
		v.t.Errorf("the status has %d bytes", len(stats))
	}
	asked = time.Now()
	v.owner(http.MethodPut, "/api/mutes/*", "")
	within(v.t, "a mute", time.Since(asked), 500*time.Millisecond)
}

// swallow reads and counts what comes on the channel, until the test ends.
func (v *victim) swallow() (count func() int) {
	var mu sync.Mutex
	n := 0
	go func() {
		for {
			if _, _, err := v.channel.ReadMessage(); err != nil {
				return
			}
			mu.Lock()
			n++
			mu.Unlock()
		}
	}()
	return func() int { mu.Lock(); defer mu.Unlock(); return n }
}

func (v *victim) send(command string) {
	v.t.Helper()
	if err := v.channel.WriteMessage(websocket.TextMessage, []byte(command)); err != nil {
		v.t.Fatal(err)
	}
}

// Rules that name as many feeds as rules can.
func TestRulesWithoutEndFillNoMemory(t *testing.T) {
	v, pid, _ := launch(t)
	replies := v.swallow()
	const streams = 1000
	for i := range streams {
		feeds := make([]string, 256)
		for k := range feeds {
			feeds[k] = fmt.Sprintf("%x", i*256+k)
		}
		v.send(`{"verb":"add","what":"stream","rule":` + jsonOf(map[string]any{"stream": fmt.Sprint("s", i), "feeds": feeds}) + `}`)
	}
	for i := range 1000 {
		v.send(`{"verb":"add","what":"destination","rule":` + jsonOf(rule{ID: fmt.Sprint(i), Stream: fmt.Sprint("s", i), Destination: v.relay.URL() + "/in/x"}) + `}`)
	}
	eventually(t, "every command was answered", func() bool { return replies() == streams+1000 })
	v.small(pid)
}

// A message of thousands of questions is not answered for ever: what comes
// after it has its turn, after some megabytes.
func TestAnswersToOneMessageAreBounded(t *testing.T) {
	v, pid, _ := launch(t)
	for i := range 10 {
		v.combine(fmt.Sprint("s", i), strings.Repeat("f", 128))
	}
	one := `{"verb":"list","what":"stream","which":"all"}`
	v.send(strings.Repeat(one, (1<<20-1)/len(one)))
	v.send(`{"verb":"healthcheck"}`)
	answers := 0
	for last := ""; !strings.Contains(last, "healthcheck"); {
		_ = v.channel.SetReadDeadline(time.Now().Add(patience))
		_, data, err := v.channel.ReadMessage()
		if err != nil {
			t.Fatal(err)
		}
		last = string(data)
		if answers += len(data); answers > 8<<20 {
			t.Fatalf("there are more than %d bytes of answers to one message", answers)
		}
	}
	t.Logf("%d bytes of answers", answers)
	v.small(pid)
}

// Relays each of which sends most of a long message, and never its end.
func TestUnfinishedMessagesFillNoMemory(t *testing.T) {
	t.Parallel()
	links := count(250, 1000)
	upgrader := websocket.Upgrader{CheckOrigin: func(*http.Request) bool { return true }}
	head := []byte{0x02, 127, 0, 0, 0, 0, 0, 0x0f, 0xff, 0xff} // a fragment of a binary message: 1 MiB less a byte
	body := bytes.Repeat([]byte("x"), 1<<20-2)
	var sent sync.WaitGroup
	sent.Add(links)
	var told sync.Map
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ws, err := upgrader.Upgrade(w, r, nil)
		if err != nil {
			return
		}
		defer ws.Close()
		_ = ws.NetConn().SetWriteDeadline(time.Now().Add(3 * time.Second))
		if _, err := ws.NetConn().Write(head); err == nil {
			_, _ = ws.NetConn().Write(body)
		}
		if _, again := told.LoadOrStore(r.URL.Path, true); !again {
			sent.Done()
		}
		for {
			if _, _, err := ws.ReadMessage(); err != nil {
				return
			}
		}
	}))
	defer server.CloseClientConnections()
	v, pid, _ := launch(t)
	replies := v.swallow()
	for i := range links {
		v.send(`{"verb":"add","what":"destination","rule":` + jsonOf(rule{
			ID: fmt.Sprint(i), Stream: fmt.Sprint("d", i), Destination: fmt.Sprintf("ws%s/bi/%d", strings.TrimPrefix(server.URL, "http"), i)}) + `}`)
	}
	eventually(t, "every command was answered", func() bool { return replies() == links })
	all := make(chan struct{})
	go func() { sent.Wait(); close(all) }()
	select {
	case <-all:
	case <-time.After(patience):
		t.Log("not every relay was dialled in time, or took its message")
	}
	v.small(pid)
}
