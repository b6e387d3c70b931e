//go:build !unix

package link

import (
	"errors"
	"syscall"
)

// A trial is not to be had where a write of a socket always may wait.
type trial struct{}

func newTrial(syscall.RawConn) *trial { return nil }

func (*trial) write([]byte) (int, error) { return 0, errors.ErrUnsupported }
