package devices

import "syscall"

// access reports whether this process may read and write the file, as ffmpeg
// does with devices, without opening it: that could wake a camera, or wait for
// a microphone that is in use. It heeds access lists, which modes do not show.
func access(name string) error {
	const readWrite = 4 | 2
	return syscall.Access(name, readWrite)
}
