//go:build linux || darwin || freebsd

package media

import (
	"os"
	"syscall"
)

// freeSpace looks at dir's disk: what of it is free for this user.
func freeSpace(dir string) (s space, ok bool) {
	var st syscall.Statfs_t
	if err := syscall.Statfs(dir, &st); err != nil || st.Blocks == 0 {
		return space{}, false
	}
	size := int64(st.Bsize)
	return space{size, int64(st.Blocks) * size, int64(st.Bavail) * size, int64(st.Files), int64(st.Ffree)}, true
}

// lock takes a file for its writer, or alone, which succeeds where nobody has it.
func lock(file *os.File, alone bool) bool {
	how := syscall.LOCK_SH
	if alone {
		how = syscall.LOCK_EX
	}
	return syscall.Flock(int(file.Fd()), how|syscall.LOCK_NB) == nil
}
