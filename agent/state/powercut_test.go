package state_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"vw/agent/owner"
	"vw/agent/state"
	"vw/command"
	"vw/media"
)

// A step is something that was done to a disk, or promised.
type step struct {
	what     string // create, rename, sync, folder or promise
	file     int
	from, to string
	content  []byte // of the file then
	at       time.Time
	promised state.Snapshot
	forced   bool // no power cut may undo it
}

// A recorder is the machine's disk, and what is done to it.
type recorder struct {
	state.Machine
	t testing.TB

	mu    sync.Mutex
	steps []step
	files []os.FileInfo
}

func (r *recorder) note(s step) {
	s.at = time.Now()
	r.steps = append(r.steps, s)
}

// known is which file it is: the newest of those that had its number.
func (r *recorder) known(info os.FileInfo, err error) int {
	if err != nil {
		r.t.Error(err)
	}
	for i, other := range slices.Backward(r.files) {
		if os.SameFile(info, other) {
			return i
		}
	}
	r.t.Errorf("%s was not made here", info.Name())
	return 0
}

func (r *recorder) CreateTemp(dir, pattern string) (*os.File, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f, err := r.Machine.CreateTemp(dir, pattern)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	r.files = append(r.files, info)
	r.note(step{what: "create", file: len(r.files) - 1, to: f.Name()})
	return f, err
}

func (r *recorder) Rename(from, to string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	file := r.known(os.Stat(from))
	content, err := os.ReadFile(from)
	if err == nil {
		err = r.Machine.Rename(from, to)
	}
	if err == nil {
		r.note(step{what: "rename", file: file, from: from, to: to, content: content})
	}
	return err
}

func (r *recorder) Sync(f *os.File) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if err := r.Machine.Sync(f); err != nil {
		return err
	}
	if info.IsDir() {
		r.note(step{what: "folder"})
		return nil
	}
	content, err := io.ReadAll(io.NewSectionReader(f, 0, 1<<20))
	r.note(step{what: "sync", file: r.known(info, err), content: content})
	return nil
}

func (r *recorder) promise(s state.Snapshot, forced bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.note(step{what: "promise", promised: s, forced: forced})
}

// remains are the files that a power cut after some steps may leave, by their names:
// renames that the folder was not synced after may be lost from any one on, and of a
// file that was not synced is there what harm makes of it.
func remains(steps []step, harm func([]byte) []byte) (all []map[string][]byte) {
	content, synced := map[int][]byte{}, map[int]bool{}
	for _, s := range steps {
		if s.what == "sync" || s.what == "rename" {
			content[s.file] = s.content
			synced[s.file] = synced[s.file] || s.what == "sync"
		}
	}
	names := map[string]int{}
	leave := func() {
		left := map[string][]byte{}
		for name, file := range names {
			if left[name] = content[file]; !synced[file] {
				left[name] = harm(content[file])
			}
		}
		all = append(all, left)
	}
	for _, s := range steps {
		switch s.what {
		case "create", "rename":
			if s.what == "rename" {
				leave()
			}
			delete(names, s.from)
			names[s.to] = s.file
		case "folder":
			all = nil
		}
	}
	leave()
	return all
}

var harms = map[string]func([]byte) []byte{
	"whole":  func(b []byte) []byte { return b },
	"half":   func(b []byte) []byte { return b[:len(b)/2] },
	"empty":  func([]byte) []byte { return nil },
	"zeroes": func(b []byte) []byte { return make([]byte, len(b)) },
}

// A said is what is in force, changed by a story.
type said struct {
	mu sync.Mutex
	n  int // the rules'
	owner.State
}

func (s *said) Snapshot() state.Snapshot {
	s.mu.Lock()
	defer s.mu.Unlock()
	word := s.State
	word.Mutes = slices.Clone(word.Mutes)
	return state.New(command.Rules{Streams: map[string][]string{"s": {fmt.Sprint(s.n)}}}, nil, state.Channel{}, word)
}

// number is that of the rules in a snapshot, 0 for none.
func number(s state.Snapshot) (n int) {
	if feeds := s.Streams["s"]; len(feeds) == 1 {
		_, _ = fmt.Sscan(feeds[0], &n)
	}
	return n
}

// story has rules and the owner's word change, at once and seconds apart.
func story(t *testing.T, path string) []step {
	disk, now := &recorder{t: t}, &said{}
	var log bytes.Buffer
	synctest.Test(t, func(t *testing.T) {
		store, _, err := state.OpenOn(disk, state.Config{Path: path, Source: now, Log: slog.New(slog.NewTextHandler(&log, nil))})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { store.Run(ctx) })
		for n := range 12 {
			save, forced := store.Save, n%2 == 0
			now.mu.Lock()
			if now.n = n + 1; forced {
				save = store.Force
				now.Mutes = append(now.Mutes, fmt.Sprint("feed", n))
				now.Locked = n > 5
			}
			now.mu.Unlock()
			if err := save(); err != nil {
				t.Error(err)
			}
			disk.promise(now.Snapshot(), forced)
			time.Sleep([]time.Duration{0, 300 * time.Millisecond, 2500 * time.Millisecond}[n%3])
		}
		cancel()
		running.Wait()
	})
	if log.Len() > 0 {
		t.Errorf("of a disk that is well the log says:\n%s", &log)
	}
	return disk.steps
}

// Wherever in the saving of it a power cut comes: the agent starts, with no less muted
// and locked than was acknowledged, and with rules that are a second old at most. Where
// it finds a file damaged, rules were changed within that second.
func TestAPowerCutAtAnyPointUndoesNothingOfTheOwnersWord(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state")
	steps := story(t, path)
	cuts := 0
	for k := range len(steps) + 1 {
		var word, rules state.Snapshot
		sound := true // nothing has come over what no power cut may undo
		for _, s := range steps[:k] {
			switch old := k == len(steps) || steps[k].at.Sub(s.at) > time.Second; {
			case s.what == "rename" && s.to == path:
				sound = false
			case s.what == "promise":
				sound = s.forced || old
				if s.forced {
					word = s.promised
				}
				if old {
					rules = s.promised
				}
			}
		}
		for kind, harm := range harms {
			for _, left := range remains(steps[:k], harm) {
				cuts++
				at := fmt.Sprintf("cut after step %d of %d, what was not synced is %s, left are %q", k, len(steps), kind, slices.Sorted(maps.Keys(left)))
				held := startFrom(t, path, left)
				if everything := slices.Contains(held.Mutes, media.MuteAll); !everything {
					for _, feed := range word.Mutes {
						if !slices.Contains(held.Mutes, feed) {
							t.Fatalf("%s: %s is not muted any more", at, feed)
						}
					}
				}
				if word.Locked && !held.Locked {
					t.Fatalf("%s: it is not locked any more", at)
				}
				if number(held) < number(rules) {
					t.Fatalf("%s: rules are those of %d, and %d were acknowledged a second before", at, number(held), number(rules))
				}
				if held.Damaged && (sound || kind == "whole") {
					t.Fatalf("%s: it is found to be damaged", at)
				}
			}
		}
	}
	t.Logf("%d cuts in %d steps", cuts, len(steps))
}

// startFrom opens the state from files that a power cut has left.
func startFrom(t *testing.T, path string, left map[string][]byte) state.Snapshot {
	t.Helper()
	old, err := filepath.Glob(path + "*")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range old {
		_ = os.Remove(name)
	}
	for name, content := range left {
		if err := os.WriteFile(name, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var log bytes.Buffer
	_, held, err := state.Open(state.Config{Path: path, Log: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatalf("it does not start: %v\n%s", err, &log)
	}
	return held
}
