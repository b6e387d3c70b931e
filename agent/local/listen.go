package local

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strconv"
	"time"
)

// ipv6Interval is how often it is looked whether the machine has ::1 by now.
const ipv6Interval = time.Second

// Listen opens port on 127.0.0.1 and on ::1, on nothing else. Port 0 is a free
// one. A machine without IPv6 does without ::1; where somebody else has the
// port there, it could be taken for ours, and that is an error.
func Listen(port int) ([]net.Listener, error) {
	const tries = 20 // of port 0, which may be free on one address only
	for try := 1; ; try++ {
		four, err := net.Listen("tcp4", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err != nil {
			return nil, fmt.Errorf("port %d cannot be had on 127.0.0.1: %w", port, err)
		}
		if !hasIPv6() {
			return []net.Listener{four}, nil
		}
		six, err := net.Listen("tcp6", net.JoinHostPort("::1", strconv.Itoa(portOf(four))))
		if err == nil {
			return []net.Listener{four, six}, nil
		}
		_ = four.Close()
		if port != 0 || try == tries {
			return nil, fmt.Errorf("port %d cannot be had on ::1: %w", port, err)
		}
	}
}

func portOf(l net.Listener) int { return l.Addr().(*net.TCPAddr).Port }

// hasIPv6 reports whether this machine has the address ::1.
func hasIPv6() bool {
	addrs, err := net.InterfaceAddrs()
	return err == nil && slices.ContainsFunc(addrs, func(a net.Addr) bool {
		ip, ok := a.(*net.IPNet)
		return ok && ip.IP.Equal(net.IPv6loopback)
	})
}

// lateIPv6 waits until this machine has ::1, and then listens there: whoever had
// the port there would be taken for the agent. It logs once if it is another
// program. It returns nil when ctx ends.
func lateIPv6(ctx context.Context, port int, hasIPv6 func() bool, log *slog.Logger) net.Listener {
	tick := time.NewTicker(ipv6Interval)
	defer tick.Stop()
	for logged := false; ; {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if !hasIPv6() {
			continue
		}
		six, err := net.Listen("tcp6", net.JoinHostPort("::1", strconv.Itoa(port)))
		if err == nil {
			log.Info("listening on ::1 too, which has come")
			return six
		}
		if !logged {
			log.Error("port cannot be had on ::1, which has come: use 127.0.0.1, not localhost", "port", port, "err", err)
			logged = true
		}
	}
}
