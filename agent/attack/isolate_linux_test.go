package attack_test

import (
	"errors"
	"os"
	"os/exec"
	"syscall"
	"unsafe"
)

const insideVariable = "VW_ATTACK_INSIDE"

// isolated says that this process has a network of its own in which there is
// nothing but loopback, and mounts of its own.
var isolated = os.Getenv(insideVariable) != ""

// isolate runs the tests in a network that has no way out, where the system
// gives them one. It returns the exit code once they are done there.
func isolate() (code int, done bool) {
	beRelay()
	if isolated {
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
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNET | syscall.CLONE_NEWNS,
		UidMappings: me(os.Getuid()), GidMappings: me(os.Getgid()),
	}
	if err := cmd.Start(); err != nil {
		return 0, false // no user namespaces here: some attacks are left out
	}
	var exit *exec.ExitError
	if err := cmd.Wait(); errors.As(err, &exit) {
		return exit.ExitCode(), true
	} else if err != nil {
		return 1, true
	}
	return 0, true
}

// raiseLoopback is "ip link set lo up".
func raiseLoopback() error {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_DGRAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer syscall.Close(fd)
	request := [40]byte{'l', 'o', 16: syscall.IFF_UP}
	if _, _, e := syscall.Syscall(syscall.SYS_IOCTL, uintptr(fd), syscall.SIOCSIFFLAGS, uintptr(unsafe.Pointer(&request))); e != 0 {
		return e
	}
	return nil
}
