package media

import (
	"os"
	"time"
)

// RateOf is what a meter says at the last of the times, when n bytes came in at
// each of the others.
func RateOf(n int, times ...time.Time) uint64 {
	var m meter
	last := len(times) - 1
	for _, at := range times[:last] {
		m.add(at, n)
	}
	return m.rate(times[last])
}

// RecordTo is a recording into any file, such as a pipe that is a slow disk.
func RecordTo(file *os.File, dir string) *Recording {
	return &Recording{name: "x.ts", file: file, folder: &Folder{Dir: dir}}
}
