package agent_test

import (
	"bufio"
	"context"
	"crypto/sha1"
	"encoding/base64"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/time/rate"

	"vw/agent/channel"
	"vw/agent/link"
	"vw/agent/state"
	"vw/command"
)

// fleetSize is how many agents there are. make test runs ten thousand, without the
// race detector; a relay takes one handshake a second for fifty.
var fleetSize = flag.Int("fleet", 1000, "agents of one relay")

func handshakes() int { return *fleetSize / 50 }

// A busyRelay takes so many handshakes a second, and hangs up on others. It is in
// memory and answers pings by hand: ten thousand links to it have to be cheap.
type busyRelay struct {
	limit *rate.Limiter

	mu    sync.Mutex
	away  string        // "", "refuses", or "silent": nothing comes back
	dials map[int64]int // by second
	links map[net.Conn]bool
}

func newBusyRelay() *busyRelay {
	return &busyRelay{limit: rate.NewLimiter(rate.Limit(handshakes()), handshakes()/10), dials: map[int64]int{}, links: map[net.Conn]bool{}}
}

func (r *busyRelay) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	r.mu.Lock()
	r.dials[time.Now().Unix()]++
	away := r.away
	r.mu.Unlock()
	switch away {
	case "refuses":
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
	case "silent":
		<-ctx.Done()
		return nil, ctx.Err()
	}
	near, far := net.Pipe()
	if !r.limit.Allow() {
		far.Close()
		return near, nil
	}
	go r.serve(far)
	return near, nil
}

// serve is one link: a handshake, then pongs until it ends.
func (r *busyRelay) serve(c net.Conn) {
	defer c.Close()
	in := bufio.NewReaderSize(c, 512)
	req, err := http.ReadRequest(in)
	if err != nil {
		return
	}
	sum := sha1.Sum([]byte(req.Header.Get("Sec-WebSocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11")) // RFC 6455, 4.2.2
	fmt.Fprintf(c, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n",
		base64.StdEncoding.EncodeToString(sum[:]))
	r.mu.Lock()
	r.links[c] = true
	r.mu.Unlock()
	defer func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.links, c)
	}()
	var frame [6]byte // of an empty ping: two bytes, and the mask
	for {
		if _, err := io.ReadFull(in, frame[:]); err != nil || frame[0] != 0x89 {
			return
		}
		r.mu.Lock()
		away := r.away
		r.mu.Unlock()
		if away != "" {
			continue
		}
		if _, err := c.Write([]byte{0x8a, 0}); err != nil {
			return
		}
	}
}

// goAway ends the relay, silently or not, until it comes back.
func (r *busyRelay) goAway(how string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.away = how
	if how == "refuses" {
		for c := range r.links {
			c.Close()
		}
	}
}

func (r *busyRelay) up() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.links)
}

// most returns the most dials in a second since then, and that second.
func (r *busyRelay) most(since time.Time) (n int, at time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for second, dials := range r.dials {
		if second >= since.Unix() && dials > n {
			n, at = dials, time.Unix(second, 0)
		}
	}
	return n, at
}

// silentAgent is one to which nobody says anything.
type silentAgent struct{}

func (silentAgent) Handle(context.Context, []byte, command.Origin, func([]byte)) (none command.Handled) {
	return none
}
func (silentAgent) ReplaceAPIRule(context.Context, func(command.Destination) command.Destination) error {
	return nil
}
func (silentAgent) Hurry() {}

// Whatever the relay's absence looks like: its machine says no, nothing is heard of it,
// or it is back before anybody has noticed.
func TestFleetComesBackToARelayThatWasAway(t *testing.T) {
	for _, c := range []struct {
		how  string
		away time.Duration
	}{{"refuses", 10 * time.Minute}, {"silent", 10 * time.Minute}, {"refuses", 10 * time.Millisecond}} {
		t.Run(c.how+" "+c.away.String(), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { comeBack(t, c.how, c.away) })
		})
	}
}

// comeBack holds that all agents are back in three times the time in which the relay
// could take them, and never dial five times as often as it can.
func comeBack(t *testing.T, how string, away time.Duration) {
	relay := newBusyRelay()
	dialer := link.New(link.Config{Policy: link.Policy{Loopback: true}, Dial: relay.dial})
	store, _, err := state.Open(state.Config{})
	if err != nil {
		t.Fatal(err)
	}
	rule := command.ChannelRule("ws://localhost/bi/agent", "")
	known := channel.Recall(state.Channel{}, rule)
	fleet := make([]*channel.Channel, *fleetSize)
	for i := range fleet {
		fleet[i] = channel.New(channel.Config{Dialer: dialer, Commands: silentAgent{}, Store: store, Trial: 5 * time.Minute, Known: known, Log: slog.New(slog.DiscardHandler)})
		fleet[i].Apply(&rule)
		time.Sleep(time.Second / time.Duration(handshakes()))
	}
	time.Sleep(time.Minute)
	if n := relay.up(); n != *fleetSize {
		t.Fatalf("%d are up", n)
	}
	begun := time.Now()
	relay.goAway(how)
	time.Sleep(away)
	back := time.Now()
	relay.goAway("")
	for relay.up() < *fleetSize && time.Since(back) < time.Hour {
		time.Sleep(time.Second)
	}
	took := time.Since(back)
	n, at := relay.most(begun)
	first, _ := relay.most(back)
	t.Logf("all are back after %v; at most %d dials in a second, %v after the relay went; %d since it is back", took, n, at.Sub(begun), first)
	if least := 50 * time.Second; took > 3*least {
		t.Errorf("it took %v, the least possible is %v", took, least)
	}
	if n > 5*handshakes() {
		t.Errorf("%d dials in one second, %v after the relay went", n, at.Sub(begun))
	}
	var ended sync.WaitGroup
	for _, c := range fleet {
		ended.Go(c.Close)
	}
	ended.Wait()
	time.Sleep(time.Minute)
}
