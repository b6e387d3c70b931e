//go:build unix

package link

import (
	"errors"
	"syscall"
)

const canTry = true

// writeSome writes what the kernel takes at once.
func writeSome(raw syscall.RawConn, b []byte) (n int, err error) {
	e := raw.Write(func(fd uintptr) bool {
		for err = syscall.EINTR; err == syscall.EINTR; {
			n, err = syscall.Write(int(fd), b)
		}
		return true
	})
	switch {
	case e != nil:
		return 0, e
	case errors.Is(err, syscall.EAGAIN):
		return 0, nil
	case err != nil:
		return 0, err
	}
	return n, nil
}
