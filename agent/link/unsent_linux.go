package link

import (
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

const maxUnsent = 128 << 10

// boundUnsent bounds what the kernel holds of a link that it has not sent yet
// to 128 KiB, so that a relay that stops reading is noticed and a mute is not
// followed by half a minute of what was muted.
func boundUnsent(raw syscall.RawConn) error {
	var err error
	if e := raw.Control(func(fd uintptr) {
		err = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT, maxUnsent)
	}); e != nil {
		return e
	}
	return err
}

// unsent is how many bytes the kernel holds that the other end has not
// acknowledged; 0 too where it does not tell.
func unsent(c *net.TCPConn) (n int) {
	if c == nil {
		return 0
	}
	if raw, err := c.SyscallConn(); err == nil {
		_ = raw.Control(func(fd uintptr) { n, _ = unix.IoctlGetInt(int(fd), unix.TIOCOUTQ) })
	}
	return n
}
