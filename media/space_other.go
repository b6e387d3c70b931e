//go:build !linux && !darwin && !freebsd

package media

// freeSpace is not known here: a recording ends when the disk is full.
func freeSpace(string) (s space, ok bool) { return space{}, false }
