package state

import "os"

// A disk does what has to come in the right order for a power cut: what was forced to
// it stays, all else may be lost in part. Its methods are os's.
type disk interface {
	CreateTemp(dir, pattern string) (*os.File, error)
	Rename(from, to string) error
	Sync(f *os.File) error // a folder's are its names
}

// machine is this machine's.
type machine struct{}

func (machine) CreateTemp(dir, pattern string) (*os.File, error) { return os.CreateTemp(dir, pattern) }
func (machine) Rename(from, to string) error                     { return os.Rename(from, to) }
func (machine) Sync(f *os.File) error                            { return f.Sync() }
