//go:build !unix

package link

import (
	"errors"
	"syscall"
)

// canTry is false where a write of a socket always may wait.
const canTry = false

func writeSome(syscall.RawConn, []byte) (int, error) { return 0, errors.ErrUnsupported }
