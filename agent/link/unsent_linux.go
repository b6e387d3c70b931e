package link

import "syscall"

const (
	tcpNotSentLowat = 25 // TCP_NOTSENT_LOWAT in linux/tcp.h
	maxUnsent       = 128 << 10
)

// boundUnsent bounds what the kernel holds of a link that it has not sent yet
// to 128 KiB, so that a relay that stops reading is noticed and a mute is not
// followed by half a minute of what was muted.
func boundUnsent(raw syscall.RawConn) error {
	var err error
	if e := raw.Control(func(fd uintptr) {
		err = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, tcpNotSentLowat, maxUnsent)
	}); e != nil {
		return e
	}
	return err
}
