package media

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"
	"sync"
)

const (
	// maxSuffix bounds how many recordings of one name are kept apart.
	maxSuffix = 100_000
	// checkSpaceEvery is how many bytes all recordings of a folder together write
	// between two looks at how much of the disk is free.
	checkSpaceEvery = 8 << 20
	// minFree is one in how many bytes, and files, of the disk stays free.
	minFree = 20
	// reserve is how many bytes stay free at least: the agent's state is written
	// three times over, and has to have room on a small disk too.
	reserve = 16 << 20
)

var (
	// ErrDiskFull is what a recording ends with when it would leave less of the
	// disk free than 5 %, or than 16 MiB.
	ErrDiskFull = errors.New("less than 5 % of the disk, or 16 MiB, would be free")
	// ErrFilesFull is what a recording is refused with that would leave less than
	// 5 % of the files free that the disk can hold.
	ErrFilesFull = errors.New("less than 5 % of the files that the disk can hold are free")
)

// A Folder is where recordings are, which none of them can leave. It keeps one
// account of the free space for all of them. Its methods are for any goroutine.
type Folder struct {
	Dir  string // made where it is missing
	Keep Keep   // of the recordings made in it; Run deletes the others

	mu      sync.Mutex
	room    int64               // bytes that may be written before the free space is looked at again
	pending int64               // of writes under way: the disk may not count them yet
	open    map[string]struct{} // recordings that are being written

	tidying sync.Mutex // of the ledger; held while recordings are deleted
}

// Record opens a new file: name, or where that exists the name with a number.
// The name is relative and cannot leave the folder, neither by dots nor by a
// symbolic link. Nobody but this user can read what is made.
func (f *Folder) Record(name string) (*Recording, error) {
	if path.Base(name) == "." || strings.HasSuffix(name, "/") {
		return nil, fmt.Errorf("open the recording: %q names no file", name)
	}
	if strings.HasPrefix(strings.ToLower(path.Base(name)), ledgerName) {
		return nil, fmt.Errorf("open the recording: the name %q is taken by the list of recordings", name)
	}
	if err := os.MkdirAll(f.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the record folder: %w", err)
	}
	root, err := os.OpenRoot(f.Dir)
	if err != nil {
		return nil, fmt.Errorf("open the record folder: %w", err)
	}
	defer root.Close()
	f.mu.Lock() // so that no two take the last file
	defer f.mu.Unlock()
	if s, ok := freeSpace(f.Dir); ok && !s.holdsFiles(1+strings.Count(name, "/")) {
		return nil, ErrFilesFull
	}
	if parent := path.Dir(name); parent != "." {
		if err := root.MkdirAll(parent, 0o700); err != nil {
			return nil, fmt.Errorf("make a folder for the recording: %w", err)
		}
	}
	return f.create(root, name)
}

func (f *Folder) create(root *os.Root, name string) (*Recording, error) {
	ext := path.Ext(name)
	base := strings.TrimSuffix(name, ext)
	for n := range maxSuffix {
		if n > 0 {
			name = fmt.Sprintf("%s-%d%s", base, n, ext)
		}
		file, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("open the recording: %w", err)
		}
		lock(file, false)
		if f.open == nil {
			f.open = map[string]struct{}{}
		}
		f.open[name] = struct{}{}
		return &Recording{name: name, file: file, folder: f}, nil
	}
	return nil, fmt.Errorf("open the recording: %d files of that name exist", maxSuffix)
}

// closed says that a recording is written no more.
func (f *Folder) closed(name string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.open, name)
}

// begin allows a write of n bytes, for which end has to be called. All
// recordings draw on what was seen to be free last, so that together they take
// no more than that.
func (f *Folder) begin(n int64) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.room < n {
		f.room = checkSpaceEvery + n
		if s, ok := freeSpace(f.Dir); ok {
			f.room = min(f.room, s.usable()-f.pending-int64(len(f.open))*s.block)
		}
		if f.room < n {
			return ErrDiskFull
		}
	}
	f.room -= n
	f.pending += n
	return nil
}

func (f *Folder) end(n int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.pending -= n
}

// A space is what a disk holds.
type space struct {
	block            int64 // a file takes as many as it begins
	bytes, freeBytes int64
	files, freeFiles int64 // files is 0 where their number is not bounded
}

// usable is how many bytes recordings may take.
func (s space) usable() int64 { return s.freeBytes - max(s.bytes/minFree, reserve) }

// holdsFiles reports whether there is room for n more files and folders.
func (s space) holdsFiles(n int) bool { return s.files == 0 || s.freeFiles-int64(n) >= s.files/minFree }
