//go:build unix

package link

import (
	"errors"
	"syscall"
)

// A trial writes to a socket what the kernel takes at once.
type trial struct {
	raw  syscall.RawConn
	b    []byte
	n    int
	err  error
	once func(fd uintptr) bool // attempt, made once
}

func newTrial(raw syscall.RawConn) *trial {
	t := &trial{raw: raw}
	t.once = t.attempt
	return t
}

func (t *trial) write(b []byte) (n int, err error) {
	t.b = b
	err = t.raw.Write(t.once)
	t.b = nil
	switch {
	case err != nil:
		return 0, err
	case errors.Is(t.err, syscall.EAGAIN):
		return 0, nil
	case t.err != nil:
		return 0, t.err
	}
	return t.n, nil
}

func (t *trial) attempt(fd uintptr) bool {
	for t.err = syscall.EINTR; errors.Is(t.err, syscall.EINTR); {
		t.n, t.err = syscall.Write(int(fd), t.b)
	}
	return true
}
