package journal

import (
	"bufio"
	"encoding/json"
	"errors"
	"io/fs"
	"iter"
	"os"
	"time"
)

// maxLine bounds a line, in bytes: it may hold all rules that there can be.
const maxLine = 16 << 20

// Read yields the entries of a journal, oldest first. What is no line of a journal,
// as a power cut may leave, it passes over. An error is the last.
func Read(path string) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		found := false
		for n := maxFiles - 1; n >= 0; n-- {
			f, err := os.Open(numbered(path, n))
			if errors.Is(err, fs.ErrNotExist) && (n > 0 || found) { // the newest is missing until something is written
				continue
			}
			found = true
			if err != nil {
				yield(Entry{}, err)
				return
			}
			lines := bufio.NewScanner(f)
			lines.Buffer(nil, maxLine)
			more := true
			for more && lines.Scan() {
				var e Entry
				if json.Unmarshal(lines.Bytes(), &e) == nil && !e.Time.IsZero() {
					more = yield(e, nil)
				}
			}
			err = errors.Join(lines.Err(), f.Close())
			if more && err != nil {
				more = yield(Entry{}, err)
			}
			if !more {
				return
			}
		}
	}
}

// At returns what was in force at a time, and the entry that came last before it, by
// entries in order; nil where no agent ran, or the journal does not go back so far.
func At(at time.Time, entries iter.Seq2[Entry, error]) (p Picture, last Entry, err error) {
	for e, err := range entries {
		if err != nil {
			return nil, last, err
		}
		if e.Time.After(at) {
			break
		}
		p, last = p.With(e), e
	}
	return p, last, nil
}
