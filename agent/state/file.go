package state

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"
	"time"

	"vw/agent/owner"
	"vw/media"
)

// syncEvery is how often at most the state file is forced to the disk where nobody
// waits for that. Before each reply it is written and renamed: what the program's end
// can lose is nothing, what a power cut can lose is a second of rules.
const syncEvery = time.Second

// newPattern is what a file is called that is not yet the state.
const newPattern = ".new-*"

// A file keeps the newest state, and beside it under ".previous" the
// newest one that is known to be on the disk.
type file struct {
	path string
	disk disk
	log  *slog.Logger

	mu       sync.Mutex
	unsynced []byte        // what was written since it was forced to the disk
	wake     chan struct{} // capacity 1
}

// newFile follows symbolic links, so that the file is replaced to which they
// lead. A file that others may write is refused: it says what is muted.
func newFile(path string, d disk, log *slog.Logger) (*file, error) {
	f := &file{path: path, disk: d, log: log, wake: make(chan struct{}, 1)}
	for range 40 { // as many as Linux follows
		target, err := os.Readlink(f.path)
		if err != nil {
			break
		}
		if !filepath.IsAbs(target) {
			target = filepath.Join(filepath.Dir(f.path), target)
		}
		f.path = target
	}
	if info, err := os.Stat(filepath.Dir(f.path)); err != nil || !info.IsDir() {
		return nil, fmt.Errorf("the state file %s has no folder to be in: make %s", f.path, filepath.Dir(f.path))
	}
	for _, p := range []string{path, f.path, f.previous()} {
		if err := owner.Trust(p); err != nil {
			return nil, fmt.Errorf("the state file is not taken: %w", err)
		}
	}
	return f, nil
}

func (f *file) previous() string { return f.path + ".previous" }

// load reads the state. Of a damaged file a copy is set aside, and the previous
// one is used in its place; what the owner had muted and locked last is not known
// then, so that everything is muted and locked, in the file too.
func (f *file) load() (s Snapshot, err error) {
	unfinished, _ := filepath.Glob(f.path + newPattern) // by a run that was killed
	for _, path := range unfinished {
		_ = os.Remove(path)
	}
	damaged := false
	for _, path := range []string{f.path, f.previous()} {
		data, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return s, fmt.Errorf("read the state file: %w", err)
		}
		if err = json.Unmarshal(data, &s); err == nil && s.Version != version {
			err = fmt.Errorf("its version is %d, not %d", s.Version, version)
		}
		if err == nil {
			break
		}
		s, damaged = Snapshot{}, true
		aside := fmt.Sprintf("%s.damaged-%s", path, time.Now().UTC().Format("20060102T150405.000000000"))
		f.log.Error("state file is damaged: everything is muted and locked until vw unmute '*' and vw unlock",
			"file", path, "copy", aside, "err", err)
		if err := os.WriteFile(aside, data, 0o600); err != nil {
			return s, fmt.Errorf("set the damaged state file aside: %w", err)
		}
	}
	if damaged {
		s.Version, s.Locked, s.Damaged = version, true, true
		s.Mutes = append(s.Mutes, media.MuteAll)
		_ = f.write(s, false) // else the damaged one is found again
	}
	return s, nil
}

// write replaces the file at once. It is forced to the disk later, or before write
// returns if force is set.
func (f *file) write(s Snapshot, force bool) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	data, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	data = append(data, '\n')
	if err := f.replace(f.path, data, force); err != nil {
		return err
	}
	f.unsynced = data
	select {
	case f.wake <- struct{}{}:
	default:
	}
	if force {
		return f.syncFolder()
	}
	return nil
}

// replace puts data in the place of a file, all of it or nothing. With force that
// holds for a power cut too: what is renamed is on the disk before.
func (f *file) replace(path string, data []byte, force bool) error {
	temp, err := f.disk.CreateTemp(filepath.Dir(f.path), filepath.Base(f.path)+newPattern) // mode 0600
	if err != nil {
		return err
	}
	if _, err = temp.Write(data); err == nil && force {
		err = f.disk.Sync(temp)
	}
	if err = errors.Join(err, temp.Close()); err == nil {
		err = f.disk.Rename(temp.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(temp.Name()))
	}
	return nil
}

// keepSynced forces what has been written to the disk, once a second at most,
// until ctx ends.
func (f *file) keepSynced(ctx context.Context) {
	tick := time.NewTicker(syncEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-f.wake:
		}
		f.sync()
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
	}
}

// sync forces the newest state to the disk, and makes it the previous one too:
// a copy, so that nothing that befalls the file befalls both. It holds no lock
// while it waits for the disk.
func (f *file) sync() {
	f.mu.Lock()
	data := f.unsynced
	f.unsynced = nil
	f.mu.Unlock()
	if data == nil {
		return
	}
	if err := f.settle(data); err != nil {
		f.log.Warn("state file not forced to the disk", "err", err)
	}
}

func (f *file) settle(data []byte) error {
	err := f.syncPath(f.path, os.O_RDWR)
	if err == nil {
		err = f.replace(f.previous(), data, true)
	}
	return errors.Join(err, f.syncFolder())
}

// syncFolder forces renames to the disk, where a file system has to be asked and can be.
func (f *file) syncFolder() error {
	if runtime.GOOS == "windows" {
		return nil // a folder cannot be synced there
	}
	err := f.syncPath(filepath.Dir(f.path), os.O_RDONLY)
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, errors.ErrUnsupported) {
		return nil
	}
	return err
}

func (f *file) syncPath(path string, flag int) error {
	file, err := os.OpenFile(path, flag, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.disk.Sync(file), file.Close())
}
