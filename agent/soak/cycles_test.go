package soak_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"vw/media/tscheck"
	"vw/testrelay"
)

// A day of an orchestrator that adds or deletes a rule every second is 86,400 cycles; they are done as fast as they are
// answered. Some rules are deleted before anything was dialled, others when their links have long been up.
func TestRulesThatComeAndGoLeaveNothing(t *testing.T) {
	if *cycles == 0 {
		t.Skip("it takes minutes: make soak CYCLES=86400, or go test ./agent/soak -cycles 2000; make test does")
	}
	p := newPacer(t)
	urls := relaysOfAllKinds(t)
	p.cycle(200, urls)
	p.pass(settling)
	before := p.agent.measure(p)
	t.Logf("before: %v", before)
	begun := time.Now()
	p.cycle(*cycles, urls)
	t.Logf("%d cycles in %v, the slowest reply after %v", *cycles, time.Since(begun).Round(time.Second), p.slowest.Round(time.Millisecond))
	p.pass(settling)
	after := p.agent.measure(p)
	t.Logf("after: %v", after)
	if more := after.more(before); more != "" {
		t.Errorf("more is held than before: %s", more)
		p.agent.dump()
	}
	p.judge()
	p.agent.stop()
}

// relaysOfAllKinds returns the URLs of relays, good and bad.
func relaysOfAllKinds(t testing.TB) (urls []string) {
	t.Helper()
	for _, f := range []testrelay.Faults{{}, {Stall: true}, {ReadRate: 4000}, {CloseUpgraded: 1001, UpFor: 10 * time.Millisecond}, {HangUpUpgraded: true}, {Refuse: 503}} {
		relay := listen(t, testrelay.Config{Visits: -1})
		relay.SetFaults("/", f)
		urls = append(urls, relay.URL())
	}
	gone := listen(t, testrelay.Config{})
	_ = gone.Close() // nobody listens there
	return append(urls, gone.URL())
}

// settling is how long what was deleted may be held: a socket that is stalled, a dial that is under way.
const settling = 15 * time.Second

// A pacer commands as fast as it is answered, and takes in what arrives meanwhile.
type pacer struct {
	t       testing.TB
	clock   *clock
	agent   *agent
	ws      *websocket.Conn
	steady  *testrelay.Server // a link leads there that no rule concerns
	sub     *testrelay.Subscription
	checker *tscheck.Checker
	begun   time.Time
	last    time.Time

	slowest, silent time.Duration
}

func newPacer(t testing.TB) *pacer {
	t.Helper()
	p := &pacer{t: t, begun: time.Now(), clock: newClock(t), agent: launch(t, ""), steady: listen(t, testrelay.Config{}), checker: tscheck.New(limits)}
	p.sub = p.steady.Subscribe("steady")
	eventually(t, "the agent listens", func() bool { _, err := p.agent.status(); return err == nil })
	c := newCamera(t, p.agent, newMemory(), pictures+noise+"-map 0:v "+videoCodec()+mpegts+" -map 1:a "+mp2+mpegts, "cam", "mic")
	c.shoot()
	p.rest(http.MethodPost, "/api/streams", `{"stream":"lab","feeds":["cam","mic"]}`)
	p.rest(http.MethodPost, "/api/destinations", jsonOf(map[string]string{"id": "steady", "stream": "lab", "destination": p.steady.URL() + "/in/steady"}))
	return p
}

// judge holds that the steady link was the same throughout, and carried a sound program without a pause.
func (p *pacer) judge() {
	p.t.Helper()
	if v := p.steady.Visits("/in/steady"); len(v) != 1 || !v[0].Up {
		p.t.Errorf("the link that no rule concerned was dialled %d times", len(v))
	}
	r := p.checker.Report()
	if !r.Sound() && p.clock.busySince(p.begun) {
		p.t.Logf("the machine was busy, so what is late is no fault: %v", r.Faults())
		r = withoutLateness(r)
	}
	if !r.Sound() || r.Packets == 0 {
		p.t.Errorf("what it carried, %d packets, is not sound: %v", r.Packets, r.Faults())
	}
	p.t.Logf("the link that no rule concerned was silent for %v at most", p.silent.Round(time.Millisecond))
	if p.silent > 2*time.Second {
		p.t.Errorf("the link that no rule concerned was silent for %v", p.silent)
	}
}

// connect opens a command channel on the agent's machine. It is closed when there is nothing more to
// command: who does not read answers no pings.
func (p *pacer) connect() (disconnect func()) {
	p.t.Helper()
	ws, _, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(p.agent.url, "http")+"/ws/api", nil)
	if err != nil {
		p.t.Fatal(err)
	}
	p.ws = ws
	return func() { ws.Close() }
}

// cycle adds and deletes as many rules. Of each kind of relay some are deleted at once, and some have been there
// for a while.
func (p *pacer) cycle(n int, urls []string) {
	p.t.Helper()
	defer p.connect()()
	var there []string
	remove := func(i int) {
		id := there[i]
		there = slices.Delete(there, i, i+1)
		if i%2 == 0 {
			p.want(p.ask(fmt.Sprintf(`{"verb":"delete","what":"destination","which":%q}`, id)), `{"deleted":"`+id+`"}`)
		} else {
			p.want(p.rest(http.MethodDelete, "/api/destinations/"+id, ""), `{"deleted":"`+id+`"}`)
		}
	}
	for i := range n {
		id := fmt.Sprint("c", i%1000)
		rule := jsonOf(map[string]string{"id": id, "stream": []string{"lab", "cam"}[i%2], "destination": urls[i%len(urls)] + "/in/" + id})
		if i%3 == 0 {
			p.want(p.rest(http.MethodPost, "/api/destinations", rule), rule)
		} else {
			p.want(p.ask(`{"verb":"add","what":"destination","rule":`+rule+`}`), rule)
		}
		switch there = append(there, id); {
		case i%5 == 0:
			remove(len(there) - 1)
		case len(there) > 50:
			remove(0)
		}
		p.arrives()
	}
	for len(there) > 0 {
		remove(0)
	}
}

func (p *pacer) want(got, want string) {
	p.t.Helper()
	if !wanted(got, want) {
		p.t.Fatalf("got %s\nwant %s", got, want)
	}
}

func (p *pacer) ask(command string) string {
	p.t.Helper()
	return p.timed(func() (string, error) { return ask(p.ws, command, "") })
}

func (p *pacer) rest(method, path, body string) string {
	p.t.Helper()
	return p.timed(func() (string, error) { return p.agent.request(method, path, body) })
}

func (p *pacer) timed(do func() (string, error)) string {
	p.t.Helper()
	begun := time.Now()
	got, err := do()
	if err != nil {
		p.t.Fatal(err)
	}
	took := p.clock.between(begun, time.Now())
	if p.slowest = max(p.slowest, took); took > replyBound {
		p.t.Errorf("a reply took %v", took)
	}
	return got
}

// arrives takes in what has arrived by the steady link.
func (p *pacer) arrives() {
	for _, m := range p.sub.Drain() {
		_, _ = p.checker.Write(m.Data)
		if !p.last.IsZero() {
			p.silent = max(p.silent, p.clock.between(p.last, m.At))
		}
		p.last = m.At
	}
}

// pass lets time pass in which the machine runs.
func (p *pacer) pass(d time.Duration) {
	ticks := time.NewTicker(tick)
	defer ticks.Stop()
	for end := p.clock.running() + d; p.clock.running() < end; p.arrives() {
		<-ticks.C
	}
}

func listen(t testing.TB, c testrelay.Config) *testrelay.Server {
	t.Helper()
	s, err := testrelay.Listen(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// eventually waits for what shows nowhere but in a state that has to be asked for.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	ticks := time.NewTicker(tick)
	defer ticks.Stop()
	for !ok() {
		select {
		case <-ctx.Done():
			t.Fatalf("it did not come to this: %s", what)
		case <-ticks.C:
		}
	}
}
