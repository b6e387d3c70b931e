package soak_test

import (
	"context"
	"net"
	"testing"
	"time"

	"vw/testrelay"
)

// A site is a relay at the other end of a line.
type site struct {
	*testrelay.Relay
	t       testing.TB
	line    line
	address string // where it listens
	subs    map[string]*testrelay.Subscription
	later   map[string][]testrelay.Message // has arrived, and is not looked at yet

	kill    func()    // nil while it is not there
	trouble string    // its fault, "" for none
	calm    time.Time // since when it has been without one
	well    bool      // all has come back since
}

// build makes a relay, and its line.
func build(t testing.TB, network *wide, topics []string) *site {
	t.Helper()
	relay, err := testrelay.New(testrelay.Config{Visits: -1})
	if err != nil {
		t.Fatal(err)
	}
	s := &site{Relay: relay, t: t, address: "127.0.0.1:0", subs: map[string]*testrelay.Subscription{}, later: map[string][]testrelay.Message{}}
	if network != nil {
		s.address = network.listener()
	}
	for _, topic := range topics {
		s.subs[topic] = relay.Subscribe(topic)
	}
	s.open()
	if network != nil {
		s.line = network.wire(s.address)
	} else {
		s.line = newProxy(t, s.address)
	}
	t.Cleanup(func() {
		if s.kill != nil {
			s.kill()
		}
		s.line.close()
	})
	return s
}

// open has the relay listen, where it did before.
func (s *site) open() {
	s.t.Helper()
	ln, err := net.Listen("tcp", s.address)
	if err != nil {
		s.t.Fatal(err)
	}
	s.address = ln.Addr().String()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx, ln) }()
	s.calm = time.Now()
	s.kill = func() { // its links end without a word
		s.Drop("/")
		cancel()
		<-ended
		s.kill = nil
	}
}

// drain returns what has arrived before a time, by topic.
func (s *site) drain(before time.Time) map[string][]testrelay.Message {
	all := map[string][]testrelay.Message{}
	for topic, sub := range s.subs {
		waiting := append(s.later[topic], sub.Drain()...)
		n := 0
		for n < len(waiting) && waiting[n].At.Before(before) {
			n++
		}
		all[topic], s.later[topic] = waiting[:n], waiting[n:]
	}
	return all
}

// A fault is what may become of a site. What it begins it ends.
type fault struct {
	name  string
	begin func(*site)
	end   func(*site)
}

func lineOf(name string, w weather) fault {
	return fault{name, func(s *site) { s.line.set(w) }, func(s *site) { s.line.set(weather{}) }}
}

func relayThat(name string, f testrelay.Faults) fault {
	return fault{name, func(s *site) { s.SetFaults("/in/", f) }, func(s *site) { s.SetFaults("/in/", testrelay.Faults{}) }}
}

func nothing(*site) {}

var faults = []fault{
	lineOf("far", weather{delay: 150 * time.Millisecond}),
	lineOf("lossy", weather{delay: 40 * time.Millisecond, loss: 0.03}),
	lineOf("56 kbit/s", weather{delay: 30 * time.Millisecond, rate: 56_000}),
	lineOf("56 kbit/s and lossy", weather{delay: 100 * time.Millisecond, rate: 56_000, loss: 0.01}),
	lineOf("cut", weather{cut: true}),
	{"killed", func(s *site) { s.kill() }, func(s *site) { s.open() }},
	{"reset", func(s *site) { s.Reset("/") }, nothing},
	{"closed", func(s *site) { s.Disconnect("/", 1001) }, nothing},
	relayThat("stalled", testrelay.Faults{Stall: true}),
	relayThat("slow", testrelay.Faults{ReadRate: 4000}),
	// what it has thrown away is lost for who is behind it: its links are new after that
	{"silent", func(s *site) { s.SetFaults("/in/", testrelay.Faults{Silent: true}) }, func(s *site) {
		s.Reset("/in/")
		s.SetFaults("/in/", testrelay.Faults{})
	}},
	relayThat("hanging up", testrelay.Faults{HangUpUpgraded: true, UpFor: 300 * time.Millisecond}),
	relayThat("closing", testrelay.Faults{CloseUpgraded: 1011, UpFor: 50 * time.Millisecond}),
	relayThat("full", testrelay.Faults{Refuse: 503}),
	relayThat("late", testrelay.Faults{Delay: 2 * time.Second}),
}
