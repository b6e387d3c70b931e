package agent_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"vw/agent"
	"vw/testrelay"
)

func TestTheEndUnderLoadClosesLinksAndCompletesRecordings(t *testing.T) {
	relay := listen(t, testrelay.Config{})
	dir := t.TempDir()
	a := start(t, relay, agent.Config{RecordDir: dir})
	channel := orchestrate(t, relay, "agent1")
	var flows []*flow
	for i := range 3 {
		feed := fmt.Sprint("video", i)
		rule := jsonOf(map[string]string{"id": feed, "stream": feed, "destination": relay.URL() + "/in/" + feed, "file": feed + ".ts"})
		channel.want(`{"verb":"add","what":"destination","rule":`+rule+`}`, rule)
		view(t, relay, feed).carries(a, feed)
	}
	channel.route("stalled", "video0", relay.URL()+"/in/stalled")
	channel.route("dead", "video0", "ws://127.0.0.1:1/in/dead")
	relay.SetFaults("/in/slow", testrelay.Faults{Delay: time.Hour})
	channel.route("slow", "video0", relay.URL()+"/in/slow")
	stalled := view(t, relay, "stalled")
	stalled.carries(a, "video0")
	local := a.local(t, "/ws/video1") // a client that reads nothing
	for i := range 3 {
		flows = append(flows, a.flow(t, fmt.Sprint("video", i), 1, 60, time.Millisecond))
	}
	relay.SetFaults("/in/stalled", testrelay.Faults{Stall: true})
	eventually(t, "the stalled destination drops packets", func() bool {
		return channel.status().Destinations["stalled"].Queue.Dropped > 0
	})
	var posted []int
	for i, f := range flows {
		posted = append(posted, f.count())
		a.awaitFeed(t, fmt.Sprint("video", i), uint64(posted[i]))
	}

	since := time.Now()
	if err := a.end(); err != nil {
		t.Errorf("run: %v", err)
	}
	if d := time.Since(since); d > 4*time.Second { // what a stalled relay was sent is waited for
		t.Errorf("the end took %v", d)
	}
	eventually(t, "no goroutine of the agent is left", func() bool { return len(left()) == 0 })
	for _, path := range []string{"/bi/agent1", "/in/video0", "/in/video1", "/in/video2"} {
		v := awaitVisits(t, relay, path, func(v []testrelay.Visit) bool { return v[0].Gone })
		if v[0].CloseCode != websocket.CloseNormalClosure {
			t.Errorf("%s: the link was closed with %d", path, v[0].CloseCode)
		}
	}
	for i := range flows {
		b, err := os.ReadFile(filepath.Join(dir, fmt.Sprintf("video%d.ts", i)))
		if err != nil {
			t.Fatal(err)
		}
		// the probe messages of carries are in front
		b = b[bytes.IndexByte(b, 0x47):]
		got := numbers(t, 1, b)
		consecutive(t, "the recording", got, 0, len(got))
		if len(got) < posted[i] {
			t.Errorf("recording %d holds %d packets, %d had come in before", i, len(got), posted[i])
		}
	}
	local.ws.Close()
	relay.SetFaults("/", testrelay.Faults{})
}

// left are the goroutines that are at work in the agent's rooms.
func left() (found []string) {
	for _, g := range strings.Split(stacks(), "\n\n") {
		if strings.Contains(g, "vw/agent.") || strings.Contains(g, "vw/agent/") || strings.Contains(g, "vw/media.") || strings.Contains(g, "vw/command.") {
			found = append(found, g)
		}
	}
	return found
}

func TestAnAgentThatNothingHappensToEndsAtOnceAndLeavesNothing(t *testing.T) {
	goroutines, files := settled(t), openFiles(t)
	for range 20 {
		a := start(t, nil, agent.Config{})
		a.request(t, "GET", "/healthcheck", "")
		since := time.Now()
		if err := a.end(); err != nil {
			t.Fatal(err)
		}
		if d := time.Since(since); d > time.Second {
			t.Errorf("the end took %v", d)
		}
	}
	eventually(t, "goroutines are back to where they were", func() bool { return goroutineCount() <= goroutines })
	eventually(t, "open files are back to where they were", func() bool { return openFiles(t) <= files })
}
