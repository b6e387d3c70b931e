//go:build linux || darwin || freebsd

package media

import "syscall"

// freeSpace is the part of dir's disk that is free for this user, 0 to 1.
func freeSpace(dir string) (free float64, ok bool) {
	var st syscall.Statfs_t
	if err := syscall.Statfs(dir, &st); err != nil || st.Blocks == 0 {
		return 0, false
	}
	return float64(st.Bavail) / float64(st.Blocks), true
}
