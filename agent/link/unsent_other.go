//go:build !linux

package link

import "syscall"

// boundUnsent does nothing here: see conn, which makes the send buffer small.
func boundUnsent(syscall.RawConn) error { return nil }
