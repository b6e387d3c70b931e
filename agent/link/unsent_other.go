//go:build !linux

package link

import (
	"net"
	"syscall"
)

// boundUnsent does nothing here: see conn, which makes the send buffer small.
func boundUnsent(syscall.RawConn) error { return nil }

// unsent is not known here.
func unsent(*net.TCPConn) int { return 0 }
