package media

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"time"
)

const (
	// ledgerName is the file in which a folder notes the recordings made in it,
	// one JSON object a line.
	ledgerName = ".vw-recordings"
	// maxHead is how many bytes at its beginning a recording is known by.
	maxHead = 4096
	// tidyEvery is the time between two looks for recordings to delete.
	tidyEvery = time.Minute
)

// An entry is one recording in the ledger: its name, and what it begins with,
// so that another file of that name is never taken for it.
type entry struct {
	File string `json:"file"`
	Head int    `json:"head"` // bytes
	Sum  string `json:"sum"`  // SHA-256 of them
}

func newEntry(file string, head []byte) entry {
	return entry{file, len(head), fmt.Sprintf("%x", sha256.Sum256(head))}
}

// note enters a recording in the ledger, when its first bytes have been written.
// That it cannot is an error where there is a bound, which could not be held.
func (f *Folder) note(name string, head []byte) error {
	f.tidying.Lock()
	defer f.tidying.Unlock()
	if err := f.enter(newEntry(name, head[:min(len(head), maxHead)])); err != nil && f.Keep != (Keep{}) {
		return fmt.Errorf("enter it in the list of recordings: %w", err)
	}
	return nil
}

func (f *Folder) enter(e entry) error {
	root, err := os.OpenRoot(f.Dir)
	if err != nil {
		return err
	}
	defer root.Close()
	file, err := root.OpenFile(ledgerName, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	err = json.NewEncoder(file).Encode(e)
	return errors.Join(err, file.Close())
}

// Run deletes every minute what is not to be kept, until ctx ends. It tells what
// it deleted, or could not.
func (f *Folder) Run(ctx context.Context, told func(name string, err error)) {
	if f.Keep == (Keep{}) {
		return
	}
	tick := time.NewTicker(tidyEvery)
	defer tick.Stop()
	for {
		f.tidy(time.Now(), told)
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// A found is a recording of the ledger that is there.
type found struct {
	entry
	size int64
	at   time.Time // last written
}

// tidy deletes the oldest recordings that are not to be kept: files that the
// ledger names, that begin as it says, and that nobody writes.
func (f *Folder) tidy(now time.Time, told func(name string, err error)) {
	f.tidying.Lock()
	defer f.tidying.Unlock()
	root, err := os.OpenRoot(f.Dir)
	if err != nil {
		return // nothing has been recorded yet
	}
	defer root.Close()
	known, total := f.find(root)
	var left []entry
	for _, r := range known {
		old := f.Keep.Age > 0 && now.Sub(r.at) > f.Keep.Age
		if !old && (f.Keep.Size == 0 || total <= f.Keep.Size) || f.writes(r.File) {
			left = append(left, r.entry)
			continue
		}
		switch err := remove(root, r.entry); {
		case errors.Is(err, errNotOurs): // forgotten
		case errors.Is(err, errWritten):
			left = append(left, r.entry)
		case err != nil:
			told(r.File, err)
			left = append(left, r.entry)
		default:
			told(r.File, nil)
		}
		total -= r.size
	}
	if len(left) < len(known) {
		if err := rewrite(root, left); err != nil {
			told(ledgerName, err)
		}
	}
}

func (f *Folder) writes(name string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	_, open := f.open[name]
	return open
}

// find reads the ledger: the recordings that are there, the oldest first, and
// their length together. The last entry of a name holds: the file of the one
// before has been moved or deleted since.
func (f *Folder) find(root *os.Root) (known []found, total int64) {
	b, err := root.ReadFile(ledgerName)
	if err != nil {
		return nil, 0
	}
	last := map[string]entry{}
	for line := range bytes.Lines(b) {
		var e entry
		if json.Unmarshal(line, &e) == nil { // else it was cut short by a crash
			last[e.File] = e
		}
	}
	for _, e := range last {
		r := found{entry: e}
		i, err := root.Lstat(r.File)
		if err != nil || !i.Mode().IsRegular() {
			continue
		}
		r.size, r.at = i.Size(), i.ModTime()
		known = append(known, r)
		total += r.size
	}
	slices.SortFunc(known, func(a, b found) int { return a.at.Compare(b.at) })
	return known, total
}

var (
	errNotOurs = errors.New("the file is another one now")
	errWritten = errors.New("another agent writes it")
)

// remove deletes a recording, if the file is still that.
func remove(root *os.Root, e entry) error {
	file, err := root.Open(e.File)
	if errors.Is(err, fs.ErrNotExist) {
		return errNotOurs
	}
	if err != nil {
		return err
	}
	defer file.Close()
	head := make([]byte, max(0, min(e.Head, maxHead)))
	if _, err := io.ReadFull(file, head); err != nil || len(head) == 0 || newEntry(e.File, head) != e {
		return errNotOurs
	}
	if !lock(file, true) {
		return errWritten
	}
	return root.Remove(e.File)
}

// rewrite puts a ledger of these entries in place of the old one.
func rewrite(root *os.Root, left []entry) error {
	var b bytes.Buffer
	for _, e := range left {
		if err := json.NewEncoder(&b).Encode(e); err != nil {
			return err
		}
	}
	if err := root.WriteFile(ledgerName+".new", b.Bytes(), 0o600); err != nil {
		return err
	}
	return root.Rename(ledgerName+".new", ledgerName)
}
