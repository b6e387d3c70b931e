// Package journal keeps who did what: a line of JSON for every change of the rules
// and of the owner's word, in a file that is only added to. A run begins with all
// that is in force, and so does each file that follows another, so that what was in
// force at a time can be told of any of them. It must not know what a change does.
//
// It rotates by itself: of the libraries that do, one leaves a goroutine for ever,
// and none can begin a file with what was in force.
package journal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"vw/command/printable"
)

const (
	// maxSize is how long a file may grow before another follows, in bytes, and
	// maxFiles how many there are: path, path.1 and so on.
	maxSize, maxFiles = 4 << 20, 5
	// maxWaiting is how many lines may wait for a disk that is full or hangs. Further
	// ones are lost, and counted.
	maxWaiting = 10_000
	// flushTimeout is how long a reply waits for its lines, syncEvery the time between
	// two tries of what could not be written, and in which it is forced to the disk.
	flushTimeout = 2 * time.Second
	syncEvery    = time.Second
)

var errHangs = errors.New("its disk does not answer")

// Config says where the journal is.
type Config struct {
	// Path is the file. Defaults to none: nothing is kept.
	Path string
	Log  *slog.Logger
	// Disk is called before the file is opened. Defaults to nothing.
	Disk func()
}

// A Journal is one. Its methods may be called from anywhere, and wait for nothing but
// where they say so.
type Journal struct {
	Config

	mu           sync.Mutex
	waiting      []Entry
	added, ended uint64 // entries: all, and those that were written or lost
	lost         uint64
	err          error         // of the last write
	progress     chan struct{} // closed when a write has ended
	writing      bool
	unsynced     bool

	picture Picture // of who writes
}

// Open returns a journal. Run has to be called.
func Open(c Config) (*Journal, error) {
	j := &Journal{Config: c, progress: make(chan struct{})}
	if c.Path == "" {
		return j, nil
	}
	if info, err := os.Stat(filepath.Dir(c.Path)); err != nil || !info.IsDir() {
		return nil, fmt.Errorf("the journal %s has no folder to be in: make %s", c.Path, filepath.Dir(c.Path))
	}
	if info, err := os.Stat(c.Path); err == nil && !info.Mode().IsRegular() {
		return nil, fmt.Errorf("the journal %s is no file", c.Path)
	}
	return j, nil
}

// Run tries again what could not be written, and forces what was to the disk, until
// ctx ends. A disk that hangs is waited for 2 s at the end.
func (j *Journal) Run(ctx context.Context) {
	if j.Path == "" {
		return
	}
	tick := time.NewTicker(syncEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			_ = j.Flush()
			return
		case <-tick.C:
		}
		j.mu.Lock()
		j.start()
		sync := j.unsynced && !j.writing
		j.unsynced = j.unsynced && !sync
		j.mu.Unlock()
		if sync {
			j.sync()
		}
	}
}

// add notes entries.
func (j *Journal) add(entries ...Entry) {
	if j.Path == "" || len(entries) == 0 {
		return
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	room := min(len(entries), maxWaiting-len(j.waiting))
	j.lost += uint64(len(entries) - room)
	j.waiting = append(j.waiting, entries[:room]...)
	j.added += uint64(room)
	j.start()
}

// start has what waits written. The caller holds the lock.
func (j *Journal) start() {
	if !j.writing && len(j.waiting) > 0 {
		j.writing = true
		go j.write() // Run awaits it
	}
}

// write writes until nothing waits, or that fails.
func (j *Journal) write() {
	j.mu.Lock()
	defer j.mu.Unlock()
	for len(j.waiting) > 0 {
		batch := j.waiting
		j.mu.Unlock()
		err := j.append(batch)
		j.mu.Lock()
		j.fail(err)
		if err == nil {
			j.waiting = j.waiting[len(batch):]
			j.ended += uint64(len(batch))
			j.unsynced = true
		}
		close(j.progress)
		j.progress = make(chan struct{})
		if err != nil {
			break // Run tries again
		}
	}
	j.writing = false
}

// fail notes an error, nil for none, and logs where it begins and ends.
func (j *Journal) fail(err error) {
	if err != nil && j.err == nil {
		j.Log.Error("journal not written: who changes what is not kept", "err", err)
	} else if err == nil && j.err != nil {
		j.Log.Info("journal is written again", "lost", j.lost)
	}
	j.err = err
}

// Flush returns when what was added is written, or cannot be, after 2 s at most.
func (j *Journal) Flush() error {
	timer := time.NewTimer(flushTimeout)
	defer timer.Stop()
	j.mu.Lock()
	defer j.mu.Unlock()
	for mine := j.added; j.ended < mine && j.err == nil; {
		progress := j.progress
		j.mu.Unlock()
		select {
		case <-progress:
			j.mu.Lock()
		case <-timer.C:
			j.mu.Lock()
			if j.ended < mine && j.writing {
				j.fail(errHangs)
			}
		}
	}
	return j.err
}

// Err returns why the newest lines are not written, nil where they are.
func (j *Journal) Err() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.err != nil && j.lost > 0 {
		return fmt.Errorf("%w; %d lines are lost", j.err, j.lost)
	}
	return j.err
}

// append writes entries to the file, all of them or none, and begins another where
// it would be too long.
func (j *Journal) append(entries []Entry) error {
	if j.Disk != nil {
		j.Disk()
	}
	text, after := encode(entries), j.picture
	for _, e := range entries {
		after = after.With(e)
	}
	if info, err := os.Stat(j.Path); err == nil && info.Size() > 0 && info.Size()+int64(len(text)) > maxSize {
		if err := j.rotate(); err != nil {
			return err
		}
		if j.picture != nil {
			text = append(encode([]Entry{{entries[0].Time, "agent", "", All, "", nil, raw(j.picture)}}), text...)
		}
	}
	if err := addTo(j.Path, text); err != nil {
		return err
	}
	j.picture = after
	return nil
}

func (j *Journal) rotate() error {
	for n := maxFiles - 1; n > 0; n-- {
		if err := os.Rename(numbered(j.Path, n-1), numbered(j.Path, n)); err != nil && !os.IsNotExist(err) {
			return err
		}
	}
	return nil
}

// numbered is the path of a file that others have followed.
func numbered(path string, n int) string {
	if n == 0 {
		return path
	}
	return path + "." + strconv.Itoa(n)
}

func encode(entries []Entry) []byte {
	var b bytes.Buffer
	e := printable.NewEncoder(&b)
	for _, line := range entries {
		_ = e.Encode(line) // to memory
	}
	return b.Bytes()
}

// addTo adds lines to a file. What a full disk left of them it takes back, and a
// line that a power cut left it ends.
func addTo(path string, text []byte) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	last := [1]byte{'\n'}
	if info.Size() > 0 {
		if _, err := f.ReadAt(last[:], info.Size()-1); err != nil {
			return err
		}
	}
	if last[0] != '\n' {
		text = append([]byte{'\n'}, text...)
	}
	if _, err := f.Write(text); err != nil {
		return errors.Join(err, f.Truncate(info.Size()))
	}
	return f.Close()
}

func (j *Journal) sync() {
	f, err := os.OpenFile(j.Path, os.O_RDWR, 0)
	if err == nil {
		err = errors.Join(f.Sync(), f.Close())
	}
	if err != nil {
		j.Log.Warn("journal not forced to the disk", "err", err)
	}
}
