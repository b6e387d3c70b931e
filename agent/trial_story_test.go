package agent_test

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"

	"vw/agent"
	"vw/agent/link"
	"vw/testrelay"
)

// A story is an agent with a state file and two relays that take any path, in a
// bubble of time: old.localhost, where the agent is, and new.localhost.
type story struct {
	t       *testing.T
	relays  map[string]*testrelay.Relay // by host and port
	lines   map[string]*pipes
	config  agent.Config
	agent   *agent.Agent
	end     func()
	oldPath string
	newHost string
	newPath string
	newURL  string

	mu   sync.Mutex
	rand *rand.Rand
	down map[string]bool // refuses
	cut  bool            // the agent's uplink
}

// within returns a duration from 0 to most.
func (s *story) within(most time.Duration) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return time.Duration(s.rand.Int64N(int64(most)))
}

// pick returns one of n.
func (s *story) pick(n int) int { return int(s.within(time.Duration(n))) }

func (s *story) set(what func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	what()
}

const oldHost, otherHost = "127.0.0.1:80", "127.0.0.2:80"

func tell(t *testing.T, seed uint64, newHost string, test func(s *story)) {
	t.Helper()
	state := filepath.Join(t.TempDir(), "state")
	synctest.Test(t, func(t *testing.T) {
		log := &logbook{}
		s := &story{t: t, rand: rand.New(rand.NewPCG(seed, 0)), relays: map[string]*testrelay.Relay{}, lines: map[string]*pipes{},
			down: map[string]bool{}, oldPath: "/bi/agent1", newHost: newHost, newPath: "/bi/new", newURL: "ws://" + newHost + "/bi/new",
			config: agent.Config{Name: "agent1", API: "ws://" + oldHost + "/bi/agent1", State: state, PingInterval: 15 * time.Second,
				Trial: 5 * time.Minute, Log: slog.New(slog.NewTextHandler(log, nil))}}
		ctx, cancel := context.WithCancel(context.Background())
		for _, host := range []string{oldHost, otherHost} {
			relay, err := testrelay.New(testrelay.Config{})
			if err != nil {
				t.Fatal(err)
			}
			ln := &pipes{accepted: make(chan net.Conn), closed: make(chan struct{})}
			s.relays[host], s.lines[host] = relay, ln
			go func() { _ = relay.Serve(ctx, ln) }()
		}
		s.start()
		defer func() {
			s.end()
			cancel()
			synctest.Wait()
			if t.Failed() {
				t.Logf("seed %d:\n%.20000s", seed, log)
			}
		}()
		time.Sleep(time.Second)
		test(s)
	})
}

func (s *story) start() {
	var err error
	if s.agent, s.end, err = agent.Begin(s.config, s.dial); err != nil {
		s.t.Fatal(err)
	}
}

func (s *story) dial(ctx context.Context, network, address string) (net.Conn, error) {
	s.mu.Lock()
	cut, down := s.cut, s.down[address]
	s.mu.Unlock()
	if cut {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	if down {
		return nil, net.ErrClosed
	}
	return s.lines[address].dial(ctx, network, address)
}

// move asks for the new endpoint.
func (s *story) move() {
	s.relays[oldHost].Send(s.oldPath, websocket.TextMessage,
		[]byte(`{"verb":"add","what":"destination","rule":{"id":"apiRule","stream":"api","destination":"`+s.newURL+`"}}`))
}

// trouble is an outage of the uplink, a restart of the relays, or flaps of the
// old link, each shorter than half a trial.
func (s *story) trouble() {
	pause := func(most time.Duration) { time.Sleep(s.within(most)) }
	switch s.pick(3) {
	case 0:
		s.set(func() { s.cut = true })
		for _, r := range s.relays {
			r.SetFaults("/", testrelay.Faults{Silent: true})
		}
		pause(2 * time.Minute)
		s.set(func() { s.cut = false })
		for _, r := range s.relays {
			r.SetFaults("/", testrelay.Faults{})
		}
	case 1:
		hosts := [][]string{{oldHost}, {oldHost, otherHost}, {otherHost, oldHost}}[s.pick(3)]
		for _, host := range hosts {
			s.set(func() { s.down[host] = true })
			s.relays[host].Drop("/")
			pause(time.Second)
		}
		pause(time.Minute)
		s.set(func() { clear(s.down) })
	case 2:
		for range 1 + s.pick(10) {
			s.relays[oldHost].Drop(s.oldPath)
			pause(10 * time.Second)
		}
	}
	pause(time.Minute)
}

// answers reports whether a command that is sent to a path is answered there
// within two minutes.
func (s *story) answers(host, path string) bool {
	sub := s.relays[host].Subscribe(path[len("/bi/"):])
	defer sub.Close()
	for range 24 {
		s.relays[host].Send(path, websocket.TextMessage, []byte(`{"verb":"healthcheck"}`))
		time.Sleep(5 * time.Second)
		if len(sub.Drain()) > 0 {
			return true
		}
	}
	return false
}

const stories = 100

// eachStory runs a story for many seeds, on one relay and on two.
func eachStory(t *testing.T, test func(s *story)) {
	for seed := range uint64(stories) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			tell(t, seed, []string{oldHost, otherHost}[seed%2], test)
		})
	}
}

func TestNoTroubleSwallowsAnAgentThatWasSentToAMistypedPath(t *testing.T) {
	eachStory(t, func(s *story) {
		s.move()
		begun := time.Now()
		time.Sleep(s.within(20 * time.Second))
		for time.Since(begun) < s.config.Trial {
			s.trouble()
		}
		time.Sleep(s.config.Trial)
		if c := s.agent.Channel(); c.OnTrial != nil || c.Destination != s.config.API {
			s.t.Errorf("after the trial: %+v", c)
		}
		if !s.answers(oldHost, s.oldPath) {
			s.t.Error("the agent does not answer where it was")
		}
		if n := testrelay.Up(s.relays[s.newHost].Visits(s.newPath)); n != 0 {
			s.t.Errorf("%d links at the mistyped path", n)
		}
	})
}

func TestNoTroubleKeepsAnAgentFromTheEndpointWhereItIsCommanded(t *testing.T) {
	eachStory(t, func(s *story) {
		s.move()
		time.Sleep(s.within(20 * time.Second))
		for range s.pick(3) {
			s.trouble()
		}
		if !s.answers(s.newHost, s.newPath) {
			s.t.Error("the agent does not answer at the new endpoint")
		}
		for range s.pick(3) {
			s.trouble()
		}
		time.Sleep(s.config.Trial)
		if c := s.agent.Channel(); c.OnTrial != nil || c.Destination != s.newURL {
			s.t.Errorf("it has not moved: %+v", c)
		}
		if !s.answers(s.newHost, s.newPath) {
			s.t.Error("the agent does not answer where it has moved")
		}
	})
}

func TestAnEndDuringATrialComesBackAtTheEndpointInForce(t *testing.T) {
	eachStory(t, func(s *story) {
		s.move()
		ended := time.After(s.within(s.config.Trial - 10*time.Second))
		calm := make(chan struct{})
		go func() { // the trouble may go on over the end
			defer close(calm)
			for range 2 {
				s.trouble()
			}
		}()
		<-ended
		s.end()
		s.start()
		<-calm
		time.Sleep(time.Minute)
		if c := s.agent.Channel(); c.OnTrial != nil || c.Destination != s.config.API || c.Former != "" {
			s.t.Errorf("after the restart: %+v", c)
		}
		if !s.answers(oldHost, s.oldPath) {
			s.t.Error("the agent does not answer at the endpoint in force")
		}
	})
}

// Of two links that an outage ends, one may be noticed when the other has still
// three pings to go, which is longer than a short trial.
func TestAnOutageDecidesNoTrialThatIsShorterThanThePings(t *testing.T) {
	tell(t, 1, otherHost, func(s *story) {
		s.end()
		s.config.Trial = 10 * time.Second
		s.start()
		time.Sleep(time.Second)
		s.move()
		time.Sleep(2 * time.Second)
		s.set(func() { s.cut = true })
		s.relays[oldHost].Drop("/")
		s.relays[otherHost].SetFaults("/", testrelay.Faults{Silent: true})
		time.Sleep(50 * time.Second)
		s.relays[otherHost].SetFaults("/", testrelay.Faults{})
		s.set(func() { s.cut = false })
		time.Sleep(time.Minute)
		if c := s.agent.Channel(); c.OnTrial != nil || c.Destination != s.config.API || !s.answers(oldHost, s.oldPath) {
			t.Errorf("it is not where it was: %+v", c)
		}
	})
}

// The rule in force leads elsewhere than the link that is up, since it could not be reached:
// a new rule that leads to where that link is has two links to one topic too.
func TestACommandIsDoneOnceWhereTheChannelHasFallenBackAndItsRuleFollows(t *testing.T) {
	for seed := range uint64(5) { // which link is the first is chance
		tell(t, seed, otherHost, fallenBack)
	}
}

func fallenBack(s *story) {
	s.move()
	time.Sleep(2 * time.Second)
	if !s.answers(otherHost, s.newPath) {
		s.t.Fatal("the agent does not answer at the new endpoint")
	}
	s.set(func() { s.down[otherHost] = true })
	s.relays[otherHost].Drop("/")
	time.Sleep(s.config.Trial + time.Minute)
	s.set(func() { s.down[otherHost] = false })
	if c := s.agent.Channel(); c.State != link.Up || c.Destination != s.newURL || c.Relay != oldHost {
		s.t.Fatalf("it has not fallen back: %+v", c)
	}
	sub := s.relays[oldHost].Subscribe("agent1")
	defer sub.Close()
	for _, command := range []string{
		`{"verb":"add","what":"destination","rule":{"id":"apiRule","stream":"api","destination":"ws://` + oldHost + s.oldPath + `"}}`,
		`{"verb":"healthcheck"}`,
	} {
		s.relays[oldHost].Send(s.oldPath, websocket.TextMessage, []byte(command))
		time.Sleep(5 * time.Second)
		if replies := sub.Drain(); len(replies) != 1 {
			s.t.Errorf("%d replies to %s", len(replies), command)
		}
	}
	if c := s.agent.Channel(); c.OnTrial != nil || c.Destination != "ws://"+oldHost+s.oldPath {
		s.t.Errorf("the rule is not in force: %+v", c)
	}
}
