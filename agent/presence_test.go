package agent_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"vw/agent"
	"vw/agent/status"
	"vw/testrelay"
)

// presences are those among the messages on a topic, with the time since the first.
type heard struct {
	status.Presence
	after time.Duration
}

func hear(t testing.TB, messages []testrelay.Message, begun time.Time) (all []heard) {
	t.Helper()
	for _, m := range messages {
		var p struct{ Status *status.Presence }
		if json.Unmarshal(m.Data, &p) == nil && p.Status != nil {
			all = append(all, heard{*p.Status, m.At.Sub(begun)})
		}
	}
	return all
}

func events(all []heard) (list []status.Event) {
	for _, h := range all {
		list = append(list, h.Event)
	}
	return list
}

// An agent says that it is there when its link comes up, every interval, and when
// it ends; and nothing by itself where nobody has set an interval.
func TestTheChannelIsToldThatTheAgentIsThere(t *testing.T) {
	for _, every := range []time.Duration{30 * time.Second, 0} {
		tell(t, 1, oldHost, func(s *story) {
			s.end()
			s.config.Heartbeat = every
			sub := s.relays[oldHost].Subscribe("agent1")
			defer sub.Close()
			begun := time.Now()
			s.start()
			time.Sleep(5 * time.Minute)
			first := hear(t, sub.Drain(), begun)
			s.relays[oldHost].Drop(s.oldPath)
			time.Sleep(20 * time.Second)
			again := hear(t, sub.Drain(), begun)
			s.end()
			last := hear(t, sub.Drain(), begun)
			s.start()
			if every == 0 {
				if len(first)+len(again)+len(last) > 0 {
					t.Errorf("nobody asked, and yet: %v, %v, %v", events(first), events(again), events(last))
				}
				return
			}
			if n := len(first); n < 9 || n > 12 || first[0].Event != status.Hello || first[0].after > time.Second {
				t.Fatalf("in five minutes: %v", events(first))
			}
			for i, h := range first[1:] {
				if wait := h.after - first[i].after; h.Event != status.Heartbeat || wait < 27*time.Second || wait > 33*time.Second {
					t.Errorf("%s after %v", h.Event, wait)
				}
			}
			if len(again) == 0 || again[0].Event != status.Hello {
				t.Errorf("after a loss: %v", events(again))
			}
			if n := len(last); n != 1 || last[0].Event != status.Bye || len(last[0].Destinations) != 0 {
				t.Errorf("at the end: %v", last)
			}
			for _, h := range slices.Concat(first, last) {
				if h.Name != "agent1" || h.Instance == "" || h.Version == "" || len(h.Rules) != 64 {
					t.Fatalf("it is told as %+v", h.Presence)
				}
			}
		})
	}
}

// Whoever watches is told of what changes, the moment it does and once a second at
// most, until the lease ends; on other links nothing is said.
func TestWhoWatchesIsToldWhatChanges(t *testing.T) {
	tell(t, 1, otherHost, func(s *story) {
		s.move() // a second link of the channel
		watched, other := s.relays[oldHost].Subscribe("agent1"), s.relays[otherHost].Subscribe("new")
		defer watched.Close()
		defer other.Close()
		ask := func(command string) {
			s.relays[oldHost].Send(s.oldPath, websocket.TextMessage, []byte(command))
			time.Sleep(100 * time.Millisecond)
		}
		add := func(id string) {
			ask(`{"verb":"add","what":"destination","rule":{"id":"` + id + `","stream":"v","destination":"ws://` + oldHost + `/in/` + id + `"}}`)
		}
		begun := time.Now()
		ask(`{"verb":"add","what":"watch","for":"60s"}`)
		time.Sleep(2 * time.Second)
		if got := hear(t, watched.Drain(), begun); len(got) != 1 || got[0].Event != status.Change || got[0].after > time.Second {
			t.Fatalf("at first: %+v", got)
		}
		time.Sleep(10 * time.Second)
		if got := hear(t, watched.Drain(), begun); len(got) != 0 {
			t.Errorf("nothing changed, and yet: %+v", got)
		}
		begun = time.Now()
		add("0")
		time.Sleep(900 * time.Millisecond)
		if got := hear(t, watched.Drain(), begun); len(got) != 1 || got[0].after > 500*time.Millisecond || got[0].Destinations["0"] == nil || len(got[0].Destinations) != 1 {
			t.Errorf("a rule more: %+v", got)
		}
		for i := range 40 {
			add("x" + string(rune('a'+i%26)))
			ask(`{"verb":"delete","what":"destination","which":"all"}`)
		}
		got := hear(t, watched.Drain(), begun)
		for i, h := range got[1:] {
			if h.after-got[i].after < time.Second {
				t.Errorf("pushes %v apart", h.after-got[i].after)
			}
		}
		if len(got) < 5 {
			t.Errorf("in 8 s of changes: %v", events(got))
		}
		time.Sleep(time.Minute)
		watched.Drain()
		add("late")
		time.Sleep(5 * time.Second)
		if got := hear(t, watched.Drain(), begun); len(got) != 0 {
			t.Errorf("the lease has ended, and yet: %+v", got)
		}
		ask(`{"verb":"add","what":"watch"}{"verb":"add","what":"watch","for":"0s"}`)
		add("later")
		time.Sleep(5 * time.Second)
		if got := hear(t, watched.Drain(), begun); len(got) != 0 {
			t.Errorf("the watch was ended, and yet: %+v", got)
		}
		if got := hear(t, other.Drain(), begun); len(got) != 0 {
			t.Errorf("on a link where nobody asked: %+v", got)
		}
	})
}

// The command channel of this machine can watch too. What it is told is no more
// than what leaves.
func TestThisMachineWatches(t *testing.T) {
	t.Parallel()
	a := start(t, nil, agent.Config{Muted: []string{"secret"}})
	c := dial(t, "ws"+strings.TrimPrefix(a.URL(), "http")+"/ws/api")
	c.want(`{"verb":"add","what":"watch"}`, `{"watch":"1m0s"}`)
	f := a.flow(t, "secret", 0x100, 5, 2*time.Millisecond)
	a.awaitFeed(t, "secret", 50)
	if _, first := c.next(); !strings.Contains(first, `"muted":["secret"]`) || strings.Contains(first, `"secret":`) {
		t.Errorf("it is told %s", first)
	}
	c.route("0", "nothing", "ws://127.0.0.1:9/in/x")
	for {
		_, next := c.next()
		if strings.Contains(next, `"0":"`) {
			break
		}
	}
	f.stop()
}
