package agent_test

import (
	"context"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// A network joins the machines of a simulated world. Its connections are in memory,
// take time, and go wrong as the weather is at the site that was dialled.
type network struct {
	seed  uint64
	mu    sync.Mutex
	sites map[string]*site // by address
}

// A site listens at one address.
type site struct {
	address  string
	accepted chan net.Conn
	closed   chan struct{}
	once     sync.Once

	mu      sync.Mutex
	weather weather
	changed chan struct{} // closed when the weather changes
	wires   map[*wire]struct{}
	joined  map[*wire]struct{} // those that no weather concerns
	severed bool               // whoever lived here is dead
	random  *rand.Rand         // where connections are cut
}

// weather is how a site can be reached.
type weather struct {
	delay   time.Duration // of each way
	dial    fate
	up      bool // nothing gets there; who sends it does not know
	down    bool // nothing comes back
	unknown bool // nobody knows its name
	// A connection is reset when so many bytes at most have been sent there, or have
	// come back: in the handshake, or in a frame. 0: it is not.
	cutUp, cutDown int
}

// A fate is what becomes of a dial.
type fate int

const (
	answered fate = iota
	refused
	lost // nobody answers
)

func newNetwork(seed uint64, addresses ...string) *network {
	n := &network{seed: seed, sites: map[string]*site{}}
	for _, a := range addresses {
		n.settle(a)
	}
	return n
}

// settle puts a new site at an address, in the place of any that was there.
func (n *network) settle(address string) *site {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.sites[address] = &site{address: address, accepted: make(chan net.Conn), closed: make(chan struct{}),
		changed: make(chan struct{}), wires: map[*wire]struct{}{}, joined: map[*wire]struct{}{}, random: rand.New(rand.NewPCG(n.seed, 1))}
	return n.sites[address]
}

// at returns the site at an address, nil for none.
func (n *network) at(address string) *site {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.sites[address]
}

// dial opens a connection that has the weather.
func (n *network) dial(ctx context.Context, address string, tap *spy) (net.Conn, error) {
	m := n.at(address)
	failed := func(err error) error { return &net.OpError{Op: "dial", Net: "tcp", Err: err} }
	if m == nil {
		return nil, errRefused
	}
	for {
		m.mu.Lock()
		w, changed := m.weather, m.changed
		m.mu.Unlock()
		if w.unknown {
			return nil, failed(&net.DNSError{Err: "no such host", Name: address, IsNotFound: true})
		}
		select { // there and back
		case <-time.After(2 * w.delay):
		case <-ctx.Done():
			return nil, failed(ctx.Err())
		}
		if w.dial == answered && !w.up && !w.down {
			return m.connect(ctx, tap)
		}
		if w.dial == refused {
			return nil, errRefused
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, failed(ctx.Err())
		}
	}
}

func (m *site) connect(ctx context.Context, tap *spy) (net.Conn, error) {
	w := &wire{site: m}
	near, far := w.ends(tap)
	m.mu.Lock()
	m.wires[w] = struct{}{}
	w.apply(m.weather)
	w.up.cut, w.down.cut = m.drawCut(m.weather.cutUp), m.drawCut(m.weather.cutDown)
	m.mu.Unlock()
	if err := m.hand(ctx, far); err != nil {
		return nil, err
	}
	return near, nil
}

// drawCut draws after how many bytes a pipeline breaks, -1 for never. The caller holds
// the lock.
func (m *site) drawCut(most int) int {
	if most == 0 {
		return -1
	}
	return m.random.IntN(most)
}

// join opens a connection that no weather concerns.
func (n *network) join(ctx context.Context, address string) (net.Conn, error) {
	m := n.at(address)
	w := &wire{site: m}
	near, far := w.ends(nil)
	m.mu.Lock()
	severed := m.severed
	m.joined[w] = struct{}{}
	m.mu.Unlock()
	if severed {
		return nil, errRefused
	}
	if err := m.hand(ctx, far); err != nil {
		return nil, err
	}
	return near, nil
}

func (m *site) hand(ctx context.Context, far net.Conn) error {
	select {
	case m.accepted <- far:
		return nil
	case <-m.closed:
		return net.ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	}
}

// set changes the weather.
func (m *site) set(w weather) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.weather = w
	close(m.changed)
	m.changed = make(chan struct{})
	for x := range m.wires {
		x.apply(w)
	}
}

// reset breaks all connections that the weather concerns, and returns how many.
func (m *site) reset() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return breakAll(m.wires)
}

// sever breaks all connections to the site, and lets nobody join it any more.
func (m *site) sever() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.severed = true
	breakAll(m.joined)
}

func breakAll(wires map[*wire]struct{}) int {
	n := len(wires)
	for w := range wires {
		w.up.fail()
		w.down.fail()
	}
	clear(wires)
	return n
}

// Accept, Close and Addr make a site a listener.
func (m *site) Accept() (net.Conn, error) {
	select {
	case c := <-m.accepted:
		return c, nil
	case <-m.closed:
		return nil, net.ErrClosed
	}
}

func (m *site) Close() error {
	m.once.Do(func() { close(m.closed) })
	return nil
}

func (m *site) Addr() net.Addr {
	_, port, _ := net.SplitHostPort(m.address)
	n, _ := strconv.Atoi(port)
	return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: n}
}

// A wire is one connection: a pipeline to the site, and one back.
type wire struct {
	site     *site
	up, down *pipeline
}

func (w *wire) ends(tap *spy) (near, far *end) {
	w.up, w.down = newPipeline(), newPipeline()
	return &end{wire: w, in: w.down, out: w.up, tap: tap}, &end{wire: w, in: w.up, out: w.down}
}

func (w *wire) apply(weather weather) {
	w.up.set(weather.delay, weather.up, weather.cutUp > 0)
	w.down.set(weather.delay, weather.down, weather.cutDown > 0)
}

// An end of a wire.
type end struct {
	wire    *wire
	in, out *pipeline
	tap     *spy // nil: nobody watches it
}

func (e *end) Read(b []byte) (int, error) { return e.in.read(b) }

func (e *end) Write(b []byte) (int, error) {
	if e.tap != nil {
		e.tap.write(b[:e.out.takes(len(b))])
	}
	n, err := e.out.write(b)
	if e.out.takes(1) == 0 { // it broke: so has what comes back
		e.in.fail()
	}
	return n, err
}

func (e *end) Close() error {
	e.out.end()
	e.in.leave()
	if e.tap != nil {
		e.tap.over()
	}
	e.wire.site.mu.Lock()
	defer e.wire.site.mu.Unlock()
	if e.out == e.wire.up { // its other end may not know
		delete(e.wire.site.wires, e.wire)
		delete(e.wire.site.joined, e.wire)
	}
	return nil
}

func (e *end) SetReadDeadline(t time.Time) error  { return e.in.setDeadline(&e.in.readBy, t) }
func (e *end) SetWriteDeadline(t time.Time) error { return e.out.setDeadline(&e.out.writeBy, t) }
func (e *end) SetDeadline(t time.Time) error {
	_ = e.SetReadDeadline(t)
	return e.SetWriteDeadline(t)
}
func (e *end) LocalAddr() net.Addr  { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1} }
func (e *end) RemoteAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 2} }

// inFlight is how much a pipeline holds before who writes has to wait, in bytes: some
// seconds of a stream here, as of a real one in a kernel.
const inFlight = 4 << 10

// A pipeline carries bytes one way. Nothing of it is lost while it lasts, as with TCP.
type pipeline struct {
	mu      sync.Mutex
	changed *sync.Cond
	delay   time.Duration
	held    bool // nothing arrives, not even that it has ended
	parts   []part
	size    int
	ended   bool // who writes has closed it
	left    bool // who reads has closed it
	failed  bool
	cut     int  // bytes until it breaks, of which what was sent before arrives; -1: it does not
	broken  bool // it has
	readBy  deadline
	writeBy deadline
	arrival *time.Timer
}

// A part arrives at a time.
type part struct {
	bytes []byte
	due   time.Time
}

type deadline struct {
	at    time.Time
	timer *time.Timer
}

func (d *deadline) over() bool { return !d.at.IsZero() && !time.Now().Before(d.at) }

func newPipeline() *pipeline {
	f := &pipeline{cut: -1}
	f.changed = sync.NewCond(&f.mu)
	return f
}

func (f *pipeline) change(do func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	do()
	f.changed.Broadcast()
}

func (f *pipeline) wake()  { f.change(func() {}) }
func (f *pipeline) end()   { f.change(func() { f.ended = true }) }
func (f *pipeline) leave() { f.change(func() { f.left, f.parts, f.size = true, nil, 0 }) }
func (f *pipeline) fail()  { f.change(func() { f.failed = true }) }
func (f *pipeline) set(delay time.Duration, held, cut bool) {
	f.change(func() {
		f.delay, f.held = delay, held
		if !cut {
			f.cut = -1
		}
	})
}

func (f *pipeline) setDeadline(d *deadline, t time.Time) error {
	f.change(func() {
		d.at = t
		if d.timer != nil {
			d.timer.Stop()
		}
		if !t.IsZero() {
			d.timer = time.AfterFunc(time.Until(t), f.wake)
		}
	})
	return nil
}

var (
	errReset   error = &net.OpError{Op: "read", Net: "tcp", Err: os.NewSyscallError("read", syscall.ECONNRESET)}
	errRefused error = &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
)

func (f *pipeline) read(b []byte) (n int, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for {
		switch {
		case f.left:
			return 0, net.ErrClosed
		case f.readBy.over():
			return 0, os.ErrDeadlineExceeded
		case f.failed:
			return 0, errReset
		case f.held:
		case len(f.parts) == 0 && f.broken:
			return 0, errReset
		case len(f.parts) == 0 && f.ended:
			return 0, io.EOF
		case len(f.parts) == 0:
		case time.Now().Before(f.parts[0].due):
			f.await(f.parts[0].due)
		default:
			n = copy(b, f.parts[0].bytes)
			f.size -= n
			if f.parts[0].bytes = f.parts[0].bytes[n:]; len(f.parts[0].bytes) == 0 {
				f.parts = f.parts[1:]
			}
			f.changed.Broadcast()
			return n, nil
		}
		f.changed.Wait()
	}
}

// await has who reads look again at a time.
func (f *pipeline) await(due time.Time) {
	if f.arrival == nil {
		f.arrival = time.AfterFunc(time.Until(due), f.wake)
	} else {
		f.arrival.Reset(time.Until(due))
	}
}

// takes returns how many of n bytes leave when they are written.
func (f *pipeline) takes(n int) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.failed, f.broken:
		return 0
	case f.cut >= 0:
		return min(n, f.cut)
	}
	return n
}

func (f *pipeline) write(b []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for {
		switch {
		case f.ended:
			return 0, net.ErrClosed
		case f.writeBy.over():
			return 0, os.ErrDeadlineExceeded
		case f.failed, f.broken, f.left && !f.held:
			return 0, errReset
		case f.cut >= 0 && f.cut < len(b):
			n := f.cut
			f.push(b[:n])
			f.broken = true
			return n, errReset
		case f.size < inFlight:
			f.push(b)
			return len(b), nil
		}
		f.changed.Wait()
	}
}

// push sends bytes off. The caller holds the lock.
func (f *pipeline) push(b []byte) {
	due := time.Now().Add(f.delay)
	if n := len(f.parts); n > 0 && f.parts[n-1].due.After(due) {
		due = f.parts[n-1].due
	}
	if len(b) > 0 {
		f.parts = append(f.parts, part{append([]byte(nil), b...), due})
	}
	f.size += len(b)
	if f.cut >= 0 {
		f.cut -= len(b)
	}
	f.changed.Broadcast()
}
