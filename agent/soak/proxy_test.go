package soak_test

import (
	"net"
	"sync"
	"testing"
	"time"
)

// A proxy is a line where the system gives the test no network of its own.
type proxy struct {
	ln      net.Listener
	address string // the relay's
	pumps   sync.WaitGroup

	mu      sync.Mutex
	now     weather
	changed chan struct{}
	conns   map[net.Conn]bool
}

func newProxy(t testing.TB, relay string) *proxy {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{ln: ln, address: relay, changed: make(chan struct{}), conns: map[net.Conn]bool{}}
	p.pumps.Go(func() {
		for {
			near, err := ln.Accept()
			if err != nil {
				return
			}
			p.pumps.Go(func() { p.join(near) })
		}
	})
	return p
}

func (p *proxy) url() string { return "ws://" + p.ln.Addr().String() }

func (p *proxy) set(w weather) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.now = w
	close(p.changed)
	p.changed = make(chan struct{})
}

func (p *proxy) weather() (weather, chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.now, p.changed
}

func (p *proxy) close() {
	p.ln.Close()
	p.set(weather{})
	p.mu.Lock()
	for c := range p.conns {
		c.Close()
	}
	p.mu.Unlock()
	p.pumps.Wait()
}

// hold keeps a connection until it is let go.
func (p *proxy) hold(c net.Conn) (letGo func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.conns[c] = true
	return func() {
		c.Close()
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.conns, c)
	}
}

func (p *proxy) join(near net.Conn) {
	defer p.hold(near)()
	far, err := net.Dial("tcp", p.address)
	if err != nil {
		return
	}
	defer p.hold(far)()
	var both sync.WaitGroup
	both.Go(func() { p.pump(far, near) })
	both.Go(func() { p.pump(near, far) })
	both.Wait()
}

// A part of a connection arrives at a time.
type part struct {
	bytes []byte
	due   time.Time
}

// pump carries one way of a connection until either end has gone.
func (p *proxy) pump(to, from net.Conn) {
	parts := make(chan part, 64)
	var ended sync.WaitGroup
	ended.Go(func() {
		defer to.Close()
		for part := range parts {
			p.await(part.due)
			if _, err := to.Write(part.bytes); err != nil {
				break
			}
		}
		from.Close()
		for range parts { // whoever still sends is not held up
		}
	})
	var way lane
	for {
		b := make([]byte, 4096)
		n, err := from.Read(b)
		if err != nil {
			break
		}
		w, _ := p.weather()
		due := way.send(w, n)
		parts <- part{b[:n], due}
	}
	close(parts)
	ended.Wait()
}

// await waits until then, and for as long as the line is cut.
func (p *proxy) await(due time.Time) {
	for {
		w, changed := p.weather()
		timer := time.NewTimer(time.Until(due))
		if w.cut {
			timer.Stop()
			<-changed
			continue
		}
		<-timer.C
		if w, _ := p.weather(); !w.cut {
			return
		}
	}
}
