package soak_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

const insideVariable = "VW_SOAK_INSIDE"

// isolate runs the tests in a network that has no way out, where the system gives
// them one. It returns the exit code once they are done there.
func isolate() (code int, done bool) {
	if os.Getenv(insideVariable) != "" {
		if err := raiseLoopback(); err != nil {
			panic(err)
		}
		return 0, false
	}
	me := func(id int) []syscall.SysProcIDMap {
		return []syscall.SysProcIDMap{{ContainerID: 0, HostID: id, Size: 1}}
	}
	cmd := exec.Command("/proc/self/exe", os.Args[1:]...)
	cmd.Env = append(os.Environ(), insideVariable+"=1")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWUSER | syscall.CLONE_NEWNET,
		UidMappings: me(os.Getuid()), GidMappings: me(os.Getgid())}
	if err := cmd.Start(); err != nil {
		return 0, false // no user namespaces here
	}
	var exit *exec.ExitError
	if err := cmd.Wait(); errors.As(err, &exit) {
		return exit.ExitCode(), true
	} else if err != nil {
		return 1, true
	}
	return 0, true
}

// freeze stops a process, or has it go on.
func freeze(p *os.Process, on bool) {
	signal := syscall.SIGCONT
	if on {
		signal = syscall.SIGSTOP
	}
	_ = p.Signal(signal) // it may have ended
}

// A wide network is all that lies beyond a network interface. It has an address for each relay. Who
// dials one reaches what listens here on the same port, by way of the test: every packet goes
// out, has its weather, and comes back in with its two addresses exchanged, which leaves the
// checksums right.
type wide struct {
	tun *os.File

	mu    sync.Mutex
	wires map[byte]*wire // by the last byte of the address
}

var here = [4]byte{10, 77, 0, 1}

// openWide returns the network, nil with the reason where there is none to be had.
func openWide(t testing.TB) (*wide, error) {
	if os.Getenv(insideVariable) == "" {
		return nil, errors.New("no user namespaces")
	}
	tun, err := openTUN()
	if err != nil {
		return nil, err
	}
	n := &wide{tun: tun, wires: map[byte]*wire{}}
	ended := make(chan struct{})
	go func() { defer close(ended); n.run() }()
	t.Cleanup(func() { tun.Close(); <-ended })
	return n, nil
}

// openTUN makes the interface, and puts it into service.
func openTUN() (*os.File, error) {
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("/dev/net/tun: %w", err)
	}
	const name = "wide"
	err = setInterface(fd, unix.TUNSETIFF, name, flags(unix.IFF_TUN|unix.IFF_NO_PI))
	err = errors.Join(err, throughSocket(func(socket int) error {
		return errors.Join(
			setInterface(socket, unix.SIOCSIFADDR, name, address(here)),
			setInterface(socket, unix.SIOCSIFNETMASK, name, address([4]byte{255, 255, 255, 0})),
			setInterface(socket, unix.SIOCSIFFLAGS, name, flags(unix.IFF_UP)))
	}))
	if err != nil {
		_ = unix.Close(fd)
		return nil, err
	}
	return os.NewFile(uintptr(fd), name), nil // which can be waited for now that it is an interface
}

// raiseLoopback is "ip link set lo up".
func raiseLoopback() error {
	return throughSocket(func(socket int) error { return setInterface(socket, unix.SIOCSIFFLAGS, "lo", flags(unix.IFF_UP)) })
}

// throughSocket lends a socket, by which interfaces are set.
func throughSocket(do func(socket int) error) error {
	socket, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(socket)
	return do(socket)
}

func setInterface(fd int, request uint, name string, value func(*unix.Ifreq) error) error {
	r, err := unix.NewIfreq(name)
	if err == nil {
		err = value(r)
	}
	if err == nil {
		err = unix.IoctlIfreq(fd, request, r)
	}
	if err != nil {
		return fmt.Errorf("interface %s, request %#x: %w", name, request, err)
	}
	return nil
}

func flags(n uint16) func(*unix.Ifreq) error {
	return func(r *unix.Ifreq) error { r.SetUint16(n); return nil }
}

func address(a [4]byte) func(*unix.Ifreq) error {
	return func(r *unix.Ifreq) error { return r.SetInet4Addr(a[:]) }
}

// run takes packets until the interface is closed.
func (n *wide) run() {
	b := make([]byte, 1<<16)
	for {
		size, err := n.tun.Read(b)
		if err != nil {
			return
		}
		if size < 40 || b[0]>>4 != 4 || b[9] != unix.IPPROTO_TCP {
			continue // the kernel asks who else speaks IPv6
		}
		packet := append([]byte(nil), b[:size]...)
		n.mu.Lock()
		w := n.wires[packet[19]]
		n.mu.Unlock()
		if w != nil {
			w.send(packet)
		}
	}
}

// listener is where a relay listens that is to be dialled through the network.
func (*wide) listener() string { return net.IP(here[:]).String() + ":0" }

// A wire is the line to a relay.
type wire struct {
	wide    *wide
	address [4]byte
	port    uint16
	carried sync.WaitGroup

	mu    sync.Mutex
	now   weather
	ways  [2]lane
	out   [2]chan part
	ended bool
}

// wire connects the listener of a relay.
func (n *wide) wire(relay string) line {
	addr, _ := net.ResolveTCPAddr("tcp", relay)
	n.mu.Lock()
	defer n.mu.Unlock()
	w := &wire{wide: n, address: here, port: uint16(addr.Port)}
	w.address[3] = byte(2 + len(n.wires))
	n.wires[w.address[3]] = w
	for i := range w.out {
		w.out[i] = make(chan part, 1000)
		w.carried.Go(func() { w.carry(w.out[i]) })
	}
	return w
}

func (w *wire) url() string { return fmt.Sprintf("ws://%s:%d", net.IP(w.address[:]), w.port) }

func (w *wire) set(now weather) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = now
}

func (w *wire) close() {
	w.mu.Lock()
	if !w.ended {
		w.ended = true
		close(w.out[0])
		close(w.out[1])
	}
	w.mu.Unlock()
	w.carried.Wait()
}

// send takes a packet of either way, and loses it or lets it arrive.
func (w *wire) send(packet []byte) {
	way := 0
	if header := int(packet[0]&0x0f) * 4; len(packet) >= header+4 && binary.BigEndian.Uint16(packet[header+2:]) == w.port {
		way = 1 // to the relay
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ended || w.now.cut || rand.Float64() < w.now.loss || w.ways[way].full(w.now) {
		return
	}
	due := w.ways[way].send(w.now, len(packet))
	select {
	case w.out[way] <- part{packet, due}:
	default: // no router has room for more
	}
}

func (w *wire) carry(out chan part) {
	for p := range out {
		<-time.After(time.Until(p.due))
		for i := range 4 {
			p.bytes[12+i], p.bytes[16+i] = p.bytes[16+i], p.bytes[12+i]
		}
		_, _ = w.wide.tun.Write(p.bytes) // who waits for it sends it again
	}
}
