package media

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"
	"sync"

	"vw/media/mpegts"
)

const (
	// maxSuffix bounds how many recordings of one name are kept apart.
	maxSuffix = 100_000
	// checkSpaceEvery is how many bytes are written between two looks at how
	// much of the disk is free.
	checkSpaceEvery = 8 << 20
	// minFree is the part of the disk that recordings leave free.
	minFree = 0.05
)

// ErrDiskFull is what a recording ends with when less than 5 % of the disk is free.
var ErrDiskFull = errors.New("less than 5 % of the disk is free")

// A Recording is a file to which what a subscriber gets is written, without
// separators. It is in one folder, which it cannot leave.
type Recording struct {
	name string
	file *os.File
	dir  string

	mu    sync.Mutex
	bytes int64
	err   error
}

// Record opens a new file in dir, which is made where it is missing: name, or
// where that exists the name with a number. The name is relative and cannot
// leave dir, neither by dots nor by a symbolic link.
func Record(dir, name string) (*Recording, error) {
	if path.Base(name) == "." || strings.HasSuffix(name, "/") {
		return nil, fmt.Errorf("open the recording: %q names no file", name)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("make the record folder: %w", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("open the record folder: %w", err)
	}
	defer root.Close()
	if parent := path.Dir(name); parent != "." {
		if err := root.MkdirAll(parent, 0o755); err != nil {
			return nil, fmt.Errorf("make a folder for the recording: %w", err)
		}
	}
	ext := path.Ext(name)
	base := strings.TrimSuffix(name, ext)
	for n := range maxSuffix {
		if n > 0 {
			name = fmt.Sprintf("%s-%d%s", base, n, ext)
		}
		file, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("open the recording: %w", err)
		}
		return &Recording{name: name, file: file, dir: dir}, nil
	}
	return nil, fmt.Errorf("open the recording: %d files of that name exist", maxSuffix)
}

// Run writes what sub gets until ctx ends and its queue is empty, or it is
// closed; then the file is closed. It returns what stopped it before that.
func (r *Recording) Run(ctx context.Context, sub *Subscriber) error {
	err := r.copy(ctx, sub)
	if closeErr := errors.Join(r.file.Sync(), r.file.Close()); err == nil {
		err = closeErr
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.err = err
	return err
}

func (r *Recording) copy(ctx context.Context, sub *Subscriber) error {
	unchecked := int64(checkSpaceEvery)
	for {
		if unchecked >= checkSpaceEvery {
			if free, ok := freeSpace(r.dir); ok && free < minFree {
				return ErrDiskFull
			}
			unchecked = 0
		}
		m, err := sub.Take(ctx)
		if err != nil {
			return nil
		}
		n, err := r.write(m)
		sub.Done(err == nil)
		if err != nil {
			return fmt.Errorf("write the recording: %w", err)
		}
		unchecked += n
	}
}

// write leaves whole packets in the file even where the disk is full.
func (r *Recording) write(m Message) (n int64, err error) {
	for _, b := range m.Parts {
		var k int
		k, err = r.file.Write(b)
		n += int64(k)
		if err != nil {
			break
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil {
		n -= n % mpegts.PacketSize
		err = errors.Join(err, r.file.Truncate(r.bytes+n))
	}
	r.bytes += n
	return n, err
}

// Discard closes and removes a recording that has not been run.
func (r *Recording) Discard() error {
	return errors.Join(r.file.Close(), os.Remove(r.file.Name()))
}

// RecordingInfo is the state of a recording.
type RecordingInfo struct {
	File  string `json:"file"`            // as it is called in the record folder
	Bytes int64  `json:"bytes"`           // written
	Error string `json:"error,omitempty"` // what stopped it
}

// Info may be called at any time.
func (r *Recording) Info() RecordingInfo {
	r.mu.Lock()
	defer r.mu.Unlock()
	i := RecordingInfo{File: r.name, Bytes: r.bytes}
	if r.err != nil {
		i.Error = r.err.Error()
	}
	return i
}
