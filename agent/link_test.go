package agent_test

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"

	"vw/agent"
	"vw/testrelay"
)

func TestRelayThatHangsUpIsDialledAtMostTwentyTimesInAMinute(t *testing.T) {
	t.Parallel()
	for name, faults := range map[string]struct {
		path string
		how  testrelay.Faults
	}{
		"before it is asked":       {"", testrelay.Faults{HangUp: true}},
		"when it is asked":         {"/", testrelay.Faults{HangUp: true}},
		"after the handshake":      {"/", testrelay.Faults{HangUpUpgraded: true}},
		"with an error":            {"/", testrelay.Faults{Refuse: http.StatusBadGateway}},
		"with a redirect":          {"/", testrelay.Faults{Redirect: "/in/other"}},
		"and wants to be retried":  {"/", testrelay.Faults{Refuse: http.StatusServiceUnavailable, RetryAfter: "0"}},
		"and retried in no number": {"/", testrelay.Faults{Refuse: http.StatusServiceUnavailable, RetryAfter: "-1e9"}},
	} {
		t.Run(name, func(t *testing.T) {
			for range 20 {
				inBubble(t, 15*time.Second, func(b *bubble) {
					b.relay.SetFaults(faults.path, faults.how)
					b.route("/in/video0")
					time.Sleep(time.Minute)
					if n := b.relay.Accepted(); n < 4 || n > 20 {
						t.Errorf("dialled %d times", n)
					}
				})
			}
		})
	}
}

func TestWaitsAreDrawnSoThatAgentsComeBackSpreadOut(t *testing.T) {
	t.Parallel()
	first := map[time.Duration]bool{}
	for range 10 {
		inBubble(t, 15*time.Second, func(b *bubble) {
			b.relay.SetFaults("/", testrelay.Faults{Refuse: http.StatusBadGateway})
			b.route("/in/video0")
			time.Sleep(time.Second)
			v := b.relay.Visits("/in/video0")
			if len(v) < 2 {
				t.Fatalf("dialled %d times in the first second", len(v))
			}
			wait := v[1].At.Sub(v[0].At)
			if wait < 100*time.Millisecond || wait > 500*time.Millisecond {
				t.Errorf("the first wait is %v", wait)
			}
			first[wait] = true
		})
	}
	if len(first) < 5 {
		t.Errorf("the first wait of ten agents is one of %d", len(first))
	}
}

func TestOnlyALinkThatStayedUpForTenSecondsStartsTheWaitsAnew(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		lasts   time.Duration
		longest func(time.Duration) bool
		want    string
	}{
		{11 * time.Second, func(d time.Duration) bool { return d <= 500*time.Millisecond }, "0.5 s at most"},
		{5 * time.Second, func(d time.Duration) bool { return d > 500*time.Millisecond }, "more than 0.5 s in the end"},
	} {
		inBubble(t, 15*time.Second, func(b *bubble) {
			b.route("/in/video0")
			var longest time.Duration
			for range 12 {
				if err := b.relay.AwaitClient(b.patient(), "/in/video0"); err != nil {
					t.Fatal(err)
				}
				time.Sleep(c.lasts)
				b.relay.Drop("/")
				dropped := time.Now()
				if err := b.relay.AwaitClient(b.patient(), "/in/video0"); err != nil {
					t.Fatal(err)
				}
				longest = max(longest, time.Since(dropped))
			}
			if !c.longest(longest) {
				t.Errorf("links that last %v: the longest wait is %v, want %s", c.lasts, longest, c.want)
			}
		})
	}
}

func TestRetryAfterIsHonouredUpToAMinute(t *testing.T) {
	t.Parallel()
	for after, want := range map[string]time.Duration{"20": 20 * time.Second, "3600": time.Minute} {
		inBubble(t, 15*time.Second, func(b *bubble) {
			b.relay.SetFaults("/", testrelay.Faults{Refuse: http.StatusTooManyRequests, RetryAfter: after})
			b.route("/in/video0")
			time.Sleep(5 * time.Minute)
			visits := b.relay.Visits("/in/video0")
			for i := range len(visits) - 1 {
				if wait := visits[i+1].At.Sub(visits[i].At); wait < want || wait > want+time.Second && wait > 30*time.Second+time.Second {
					t.Errorf("Retry-After %s: dialled again after %v", after, wait)
				}
			}
			if len(visits) < 4 {
				t.Errorf("Retry-After %s: dialled %d times in 5 minutes", after, len(visits))
			}
		})
	}
}

func TestARefusedTokenIsTriedAgainAboutEveryFiveMinutes(t *testing.T) {
	t.Parallel()
	inBubble(t, 15*time.Second, func(b *bubble) {
		b.relay.SetFaults("/", testrelay.Faults{Refuse: http.StatusUnauthorized})
		b.route("/in/video0")
		time.Sleep(time.Hour)
		visits := b.relay.Visits("/in/video0")
		if len(visits) < 10 || len(visits) > 15 {
			t.Errorf("dialled %d times in an hour", len(visits))
		}
		if s := b.Info()["0"]; s.State != "waiting" || !strings.Contains(s.LastError, "wants a token") {
			t.Errorf("the destination is told as %+v", s.Info)
		}
	})
}

func TestHalfOpenRelayIsNoticedWithinThreePingsWhileMediaFlows(t *testing.T) {
	t.Parallel()
	inBubble(t, 15*time.Second, func(b *bubble) {
		b.route("/in/video0")
		stop := b.flow(20 * time.Millisecond)
		time.Sleep(2 * time.Minute) // answered pings keep it up
		if v := b.relay.Visits("/in/video0"); len(v) != 1 || !v[0].Up {
			t.Fatalf("a healthy relay was dialled %d times", len(v))
		}
		b.relay.SetFaults("/", testrelay.Faults{Silent: true})
		since := time.Now()
		if _, err := b.relay.Await(b.patient(), "/in/video0", func(v []testrelay.Visit) bool { return v[0].Gone }); err != nil {
			t.Fatal(err)
		}
		// the last pong is up to an interval older than the silence
		if d := time.Since(since); d < 30*time.Second || d > 46*time.Second {
			t.Errorf("noticed after %v", d)
		}
		synctest.Wait() // the relay sees it first
		if len(b.log.lines("link down", "answers no ping")) != 1 {
			t.Error("it is not logged once")
		}
		b.relay.SetFaults("/", testrelay.Faults{})
		if err := b.relay.AwaitClient(b.patient(), "/in/video0"); err != nil {
			t.Fatal(err)
		}
		stop()
	})
}

// Traffic must not hold pings off, nor do without them.
func TestPingsGoOutAtEveryIntervalWhateverElseFlows(t *testing.T) {
	t.Parallel()
	relay := listen(t, testrelay.Config{})
	a := start(t, relay, agent.Config{PingInterval: 100 * time.Millisecond})
	local := a.local(t, "/ws/video0")
	pings := make(chan time.Time, 100)
	local.ws.SetPingHandler(func(data string) error {
		pings <- time.Now()
		return local.ws.WriteControl(websocket.PongMessage, []byte(data), time.Now().Add(patience))
	})
	go func() {
		for {
			if _, _, err := local.ws.ReadMessage(); err != nil {
				return
			}
		}
	}()
	f := a.flow(t, "video0", 1, 7, time.Millisecond)
	first := <-pings
	for range 9 {
		<-pings
	}
	if d := time.Since(first); d < 700*time.Millisecond || d > 3*time.Second {
		t.Errorf("ten pings in %v", d)
	}
	f.stop()
}

func TestRelayThatTakesNothingForTenSecondsIsGivenUp(t *testing.T) {
	t.Parallel()
	inBubble(t, time.Hour, func(b *bubble) {
		b.route("/in/video0")
		stop := b.flow(20 * time.Millisecond)
		synctest.Wait()
		time.Sleep(time.Second)
		b.relay.SetFaults("/", testrelay.Faults{Stall: true})
		since := time.Now()
		if _, err := b.relay.Await(b.patient(), "/in/video0", func(v []testrelay.Visit) bool { return len(v) > 1 || b.relay.Accepted() > 1 }); err != nil {
			t.Fatal(err)
		}
		if d := time.Since(since); d < 9*time.Second || d > 12*time.Second { // of the ten, up to one has passed before
			t.Errorf("given up after %v", d)
		}
		if len(b.log.lines("link down", "write")) == 0 {
			t.Error("it is not logged")
		}
		b.relay.SetFaults("/", testrelay.Faults{})
		stop()
	})
}

// Whoever is refused by some relays is upgraded and then met with silence.
func TestLinkIsUpOnlyWithTheFirstPong(t *testing.T) {
	t.Parallel()
	inBubble(t, 15*time.Second, func(b *bubble) {
		b.relay.SetFaults("/", testrelay.Faults{Silent: true})
		b.route("/in/video0")
		stop := b.flow(20 * time.Millisecond)
		time.Sleep(9 * time.Second)
		v := b.relay.Visits("/in/video0")
		if len(v) != 1 || v[0].Messages != 0 || b.Info()["0"].State != "dialling" {
			t.Errorf("after 9 s of silence: %+v, %+v", v, b.Info()["0"].Info)
		}
		time.Sleep(3 * time.Second)
		if len(b.relay.Visits("/in/video0")) < 2 || len(b.log.lines("answers no ping")) == 0 {
			t.Error("it was not dialled again")
		}
		stop()
	})
}

func TestAFailureIsLoggedWhenItBeginsAndWhenItEnds(t *testing.T) {
	t.Parallel()
	inBubble(t, 15*time.Second, func(b *bubble) {
		b.relay.SetFaults("/", testrelay.Faults{Refuse: http.StatusBadGateway})
		b.route("/in/video0?code=secret")
		time.Sleep(10 * time.Minute)
		if n := len(b.log.lines("link down")); n != 1 {
			t.Errorf("%d lines of %d dials", n, b.Info()["0"].Dials)
		}
		b.relay.SetFaults("/", testrelay.Faults{})
		time.Sleep(time.Minute)
		if n := len(b.log.lines("link up")); n != 1 {
			t.Errorf("%d lines of recovery", n)
		}
		if strings.Contains(b.log.String(), "secret") {
			t.Error("the log shows a URL's query")
		}
	})
}

func TestRelayThatRestartsIsFoundAgainAndMediaGoesOn(t *testing.T) {
	t.Parallel()
	relay := listen(t, testrelay.Config{})
	media := listen(t, testrelay.Config{})
	a := start(t, relay, agent.Config{})
	channel := orchestrate(t, relay, "agent1")
	channel.route("0", "video0", media.URL()+"/in/video0")
	viewer := view(t, media, "video0")
	viewer.carries(a, "video0")
	f := a.flow(t, "video0", 1, 7, 2*time.Millisecond)
	viewer.packet(1, 100)
	if err := media.Close(); err != nil {
		t.Fatal(err)
	}
	a.log.await(t, "link down", `"id":"0"`)
	if err := media.Reopen(); err != nil {
		t.Fatal(err)
	}
	viewer.packet(1, f.count()+100)
	if s := channel.status().Destinations["0"]; s.State != "up" || s.Dials < 2 || s.LastError == "" {
		t.Errorf("the destination is told as %+v", s.Info)
	}
	f.stop()
	// the command channel is found again too
	relay.Drop("/")
	awaitVisits(t, relay, "/bi/agent1", func(v []testrelay.Visit) bool { return len(v) > 2 && v[len(v)-1].Up })
	orchestrate(t, relay, "agent1").want(`{"verb":"healthcheck"}`, healthy)
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	t.Parallel()
	relay, elsewhere := listen(t, testrelay.Config{}), listen(t, testrelay.Config{})
	a := start(t, relay, agent.Config{})
	relay.SetFaults("/in/video0", testrelay.Faults{Redirect: strings.Replace(elsewhere.URL(), "ws", "http", 1) + "/in/video0"})
	orchestrate(t, relay, "agent1").route("0", "video0", relay.URL()+"/in/video0")
	a.log.await(t, "link down", `"id":"0"`, "redirect", "302")
	awaitVisits(t, relay, "/in/video0", func(v []testrelay.Visit) bool { return len(v) > 2 })
	if n := elsewhere.Accepted(); n != 0 {
		t.Errorf("the other place was dialled %d times", n)
	}
}
