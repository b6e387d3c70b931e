package agent_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"vw/agent"
	"vw/command"
	"vw/testrelay"
)

func TestChangingTheURLLosesAndRepeatsNothing(t *testing.T) {
	t.Parallel()
	for name, faults := range map[string]testrelay.Faults{
		"to a near relay":                        {},
		"to a relay that takes 300 ms to answer": {Delay: 300 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			relay := listen(t, testrelay.Config{})
			a := start(t, relay, agent.Config{})
			channel := orchestrate(t, relay, "agent1")
			relay.SetFaults("/in/b", faults)
			channel.route("0", "video0", relay.URL()+"/in/a")
			before, after := view(t, relay, "a"), view(t, relay, "b")
			before.carries(a, "video0")
			f := a.flow(t, "video0", 1, 7, 2*time.Millisecond)
			before.packet(1, 100)
			channel.route("0", "video0", relay.URL()+"/in/b")
			after.packet(1, 0)
			after.packet(1, f.count()+100)
			sent := f.stop()
			after.packet(1, sent-1)
			gone := awaitVisits(t, relay, "/in/a", func(v []testrelay.Visit) bool { return v[0].Gone })[0]
			if gone.CloseCode != websocket.CloseNormalClosure {
				t.Errorf("the old link was closed with %d", gone.CloseCode)
			}
			before.rest()
			consecutive(t, "both relays", append(numbers(t, 1, before.got), numbers(t, 1, after.got)...), 0, sent)
			if len(relay.Visits("/in/a")) != 1 || len(relay.Visits("/in/b")) != 1 {
				t.Error("a relay was dialled more than once")
			}
		})
	}
}

// rest takes in what has arrived already.
func (v *viewer) rest() {
	for _, m := range v.sub.Drain() {
		v.take(m)
	}
}

// The relay takes two seconds for what vw has long written.
func TestWhatTheKernelHoldsOfTheOldLinkStillArrives(t *testing.T) {
	t.Parallel()
	relay := listen(t, testrelay.Config{})
	a := start(t, relay, agent.Config{})
	channel := orchestrate(t, relay, "agent1")
	channel.route("0", "video0", relay.URL()+"/in/a")
	before := view(t, relay, "a")
	before.carries(a, "video0")
	sent := channel.status().Destinations["0"].Queue.Sent
	relay.SetFaults("/in/a", testrelay.Faults{Stall: true})
	p := a.post(t, "video0")
	const n = 600 // 113 kB
	p.write(numbered(1, 0, n))
	p.end()
	eventually(t, "all is written", func() bool { return channel.status().Destinations["0"].Queue.Sent >= sent+n })
	relay.SetFaults("/in/a", testrelay.Faults{ReadRate: 60_000})
	channel.route("0", "video0", relay.URL()+"/in/b")
	gone := awaitVisits(t, relay, "/in/a", func(v []testrelay.Visit) bool { return v[0].Gone })[0]
	if gone.CloseCode != websocket.CloseNormalClosure {
		t.Errorf("the old link was closed with %d", gone.CloseCode)
	}
	before.rest()
	consecutive(t, "the old relay", numbers(t, 1, before.got), 0, n)
}

func TestADeadTargetFollowedByALiveOneLosesNothing(t *testing.T) {
	t.Parallel()
	relay := listen(t, testrelay.Config{})
	a := start(t, relay, agent.Config{})
	channel := orchestrate(t, relay, "agent1")
	relay.SetFaults("/in/dead", testrelay.Faults{Delay: time.Hour})
	channel.route("0", "video0", relay.URL()+"/in/a")
	before, after := view(t, relay, "a"), view(t, relay, "b")
	before.carries(a, "video0")
	f := a.flow(t, "video0", 1, 7, 2*time.Millisecond)
	before.packet(1, 100)
	channel.route("0", "video0", relay.URL()+"/in/dead")
	awaitVisits(t, relay, "/in/dead", func(v []testrelay.Visit) bool { return len(v) == 1 })
	before.packet(1, f.count()+7*500) // a second of it
	if s := channel.status().Destinations["0"]; s.State != "dialling" || s.Former == nil || s.Former.State != "up" {
		t.Errorf("while the old link carries the destination is told as %+v", s)
	}
	channel.route("0", "video0", relay.URL()+"/in/b")
	after.packet(1, f.count()+100)
	sent := f.stop()
	after.packet(1, sent-1)
	awaitVisits(t, relay, "/in/dead", func(v []testrelay.Visit) bool { return v[0].Gone })
	before.rest()
	consecutive(t, "both relays", append(numbers(t, 1, before.got), numbers(t, 1, after.got)...), 0, sent)
}

func TestChangesThatFollowEachOtherFastLoseAndRepeatNothing(t *testing.T) {
	t.Parallel()
	relay := listen(t, testrelay.Config{})
	a := start(t, relay, agent.Config{})
	channel := orchestrate(t, relay, "agent1")
	const places = 4
	var viewers [places]*viewer
	for i := range viewers {
		viewers[i] = view(t, relay, fmt.Sprint(i))
	}
	relay.SetFaults("/in/1", testrelay.Faults{Delay: 3 * time.Millisecond})
	channel.route("0", "video0", relay.URL()+"/in/0")
	viewers[0].carries(a, "video0")
	f := a.flow(t, "video0", 1, 7, time.Millisecond)
	viewers[0].packet(1, 10)
	for i := range 300 {
		channel.route("0", "video0", relay.URL()+fmt.Sprintf("/in/%d", (i*i+i/7)%places))
		if i%9 == 0 { // let one come up now and then
			pause := f.count() + 7*20
			eventually(t, "time passes", func() bool { return f.count() > pause })
		}
	}
	channel.route("0", "video0", relay.URL()+"/in/3")
	viewers[3].packet(1, f.count()+100)
	sent := f.stop()
	viewers[3].packet(1, sent-1)
	eventually(t, "the other links have ended", func() bool {
		n := 0
		for i := range viewers {
			n += testrelay.Up(relay.Visits(fmt.Sprintf("/in/%d", i)))
		}
		return n == 1
	})
	var all []int
	for _, v := range viewers {
		v.rest()
		all = append(all, numbers(t, 1, v.got)...)
		for _, message := range v.each { // two links to one place are two connections: what is first on the one may be second at the relay
			if !slices.IsSorted(numbers(t, 1, message)) {
				t.Error("packets of a message are out of order")
			}
		}
	}
	slices.Sort(all)
	consecutive(t, "all relays", all, 0, sent)
}

func TestTheOldLinkEndsAfterTenSecondsEvenIfTheNewNeverComesUp(t *testing.T) {
	t.Parallel()
	for _, changes := range []int{1, 5} {
		inBubble(t, 15*time.Second, func(b *bubble) {
			b.relay.SetFaults("/in/dead", testrelay.Faults{Delay: time.Hour})
			b.route("/in/a")
			stop := b.flow(20 * time.Millisecond)
			time.Sleep(5 * time.Second)
			since := time.Now()
			go func() {
				for i := range changes { // which supersede each other
					b.route(fmt.Sprintf("/in/dead/%d", i))
					time.Sleep(4 * time.Second)
				}
			}()
			v, err := b.relay.Await(b.patient(), "/in/a", func(v []testrelay.Visit) bool { return v[0].Gone })
			if err != nil {
				t.Fatal(err)
			}
			if d := time.Since(since); d < 10*time.Second || d > 11*time.Second {
				t.Errorf("%d changes: the old link ended after %v", changes, d)
			}
			if v[0].CloseCode != websocket.CloseNormalClosure {
				t.Errorf("it was closed with %d", v[0].CloseCode)
			}
			time.Sleep(time.Minute) // the new one goes on being dialled
			last := fmt.Sprintf("/in/dead/%d", changes-1)
			if n := len(b.relay.Visits(last)); n < 2 {
				t.Errorf("the new relay was dialled %d times", n)
			}
			b.relay.SetFaults("/in/dead", testrelay.Faults{})
			if err := b.relay.AwaitClient(b.patient(), last); err != nil {
				t.Fatal(err)
			}
			if n := len(b.relay.Visits("/in/a")); n != 1 {
				t.Errorf("the old relay was dialled %d times", n)
			}
			stop()
		})
	}
}

func TestAChangedStreamIsImmediateOnTheSameLink(t *testing.T) {
	t.Parallel()
	relay := listen(t, testrelay.Config{})
	a := start(t, relay, agent.Config{})
	channel := orchestrate(t, relay, "agent1")
	channel.route("0", "one", relay.URL()+"/in/x")
	viewer := view(t, relay, "x")
	viewer.carries(a, "one")
	one, two := a.flow(t, "one", 1, 7, time.Millisecond), a.flow(t, "two", 2, 7, time.Millisecond)
	viewer.packet(1, 100)
	channel.route("0", "two", relay.URL()+"/in/x")
	atReply := one.count() + 7 // what the flow is writing now is not counted yet
	viewer.packet(2, two.count()+500)
	for _, k := range numbers(t, 1, viewer.got) {
		if k > atReply {
			t.Fatalf("packet %d of the old feed arrived, the reply came at %d", k, atReply)
		}
	}
	second := numbers(t, 2, viewer.got)
	consecutive(t, "the new feed", second, second[0], len(second))
	if n := len(relay.Visits("/in/x")); n != 1 {
		t.Errorf("the relay was dialled %d times", n)
	}
	one.stop()
	two.stop()
}

func TestTheSameRuleAgainChangesNothing(t *testing.T) {
	t.Parallel()
	relay := listen(t, testrelay.Config{})
	a := start(t, relay, agent.Config{})
	channel := orchestrate(t, relay, "agent1")
	rule := `{"id":"0","stream":"video0","destination":"` + relay.URL() + `/in/a","file":"a.ts"}`
	viewer := view(t, relay, "a")
	channel.want(`{"verb":"add","what":"destination","rule":`+rule+`}`, rule)
	viewer.carries(a, "video0")
	f := a.flow(t, "video0", 1, 7, time.Millisecond)
	for range 20 {
		channel.want(`{"verb":"add","what":"destination","rule":`+rule+`}`, rule)
	}
	sent := f.stop()
	viewer.packet(1, sent-1)
	consecutive(t, "the relay", numbers(t, 1, viewer.got), 0, sent)
	if s := channel.status().Destinations["0"]; s.Dials != 1 || s.Recording == nil || s.Recording.File != "a.ts" {
		t.Errorf("the destination is told as %+v", s)
	}
}

func TestDeletingAStalledDestinationIsDoneInASecondAndLeavesNothing(t *testing.T) {
	relay := listen(t, testrelay.Config{})
	a := start(t, relay, agent.Config{})
	channel := orchestrate(t, relay, "agent1")
	f := a.flow(t, "video0", 1, 100, time.Millisecond)
	a.awaitFeed(t, "video0", 1)
	goroutines, files := settled(t), openFiles(t)
	for i := range 5 {
		path := fmt.Sprintf("/in/stalled/%d", i)
		relay.SetFaults(path, testrelay.Faults{})
		channel.route("0", "video0", relay.URL()+path)
		awaitVisits(t, relay, path, func(v []testrelay.Visit) bool { return v[0].Up && v[0].Messages > 0 })
		relay.SetFaults(path, testrelay.Faults{Stall: true})
		eventually(t, "packets are dropped", func() bool { return channel.status().Destinations["0"].Queue.Dropped > 0 })
		sent := channel.status().Destinations["0"].Queue.SentBytes
		since := time.Now()
		channel.remove("destination", "0")
		if d := time.Since(since); d > time.Second {
			t.Errorf("the reply took %v", d)
		}
		relay.SetFaults(path, testrelay.Faults{}) // to see what became of it
		v := awaitVisits(t, relay, path, func(v []testrelay.Visit) bool { return v[0].Gone })
		if v[0].Bytes > int64(sent) {
			t.Errorf("%d bytes arrived, %d had been written before: a write went on after the reply", v[0].Bytes, sent)
		}
		if d := time.Since(since); d > 2*time.Second {
			t.Errorf("its socket was freed after %v", d)
		}
	}
	eventually(t, "goroutines are back to where they were", func() bool { return goroutineCount() <= goroutines })
	eventually(t, "open files are back to where they were", func() bool { return openFiles(t) <= files })
	f.stop()
}

// The link of before carries on until the new one is up: with what it carried, or not.
func TestAnotherStreamIsNotBroughtToWhereTheRuleLedBefore(t *testing.T) {
	t.Parallel()
	inBubble(t, 15*time.Second, func(b *bubble) {
		b.relay.SetFaults("/in/new", testrelay.Faults{Refuse: 503})
		old := b.relay.Subscribe("old")
		defer old.Close()
		rule := func(stream, path string) command.Destination {
			return command.Destination{ID: "0", Stream: stream, Destination: "ws://localhost" + path}
		}
		stop := b.flow(20 * time.Millisecond)
		for name, before := range map[string][]command.Destination{
			"at once":          {rule("other", "/in/old")},
			"a feed, a stream": {{ID: "0", Stream: "video0", OfStream: true, Destination: "ws://localhost/in/old"}},
			"in two steps":     {rule("other", "/in/old"), rule("other", "/in/new")},
		} {
			for _, r := range before {
				b.apply(r)
				time.Sleep(2 * time.Second)
			}
			b.apply(rule("video0", "/in/new"))
			time.Sleep(15 * time.Second)
			if n := len(old.Drain()); n > 0 {
				t.Errorf("%s: %d messages of another stream at the old address", name, n)
			}
		}
		stop()
	})
}
