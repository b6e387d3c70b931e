package journal_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"vw/agent/journal"
	"vw/agent/owner"
	"vw/command"
)

func open(t *testing.T, path string) *journal.Journal {
	t.Helper()
	j, err := journal.Open(journal.Config{Path: path, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func flush(t *testing.T, j *journal.Journal) {
	t.Helper()
	if err := j.Flush(); err != nil {
		t.Fatal(err)
	}
}

func streams(feed string) command.Rules {
	return command.Rules{Streams: map[string][]string{"kept": {"cam"}, "s": {feed}}}
}

func TestAFileThatGrowsIsFollowedByOneThatBeginsWithWhatIsInForce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal")
	j := open(t, path)
	word := owner.Word{Mutes: []string{"mic"}}
	j.Begin(streams("f"), word)
	long := func(i int) string { return fmt.Sprintf("f%d-%s", i, strings.Repeat("x", 100)) }
	last := 0
	for last = range 100_000 {
		j.Rules(t.Context(), streams(long(last)), streams(long(last+1)))
		if last%500 == 0 {
			flush(t, j)
		}
	}
	flush(t, j)
	files, err := filepath.Glob(path + "*")
	if err != nil || len(files) != 5 {
		t.Fatalf("there are %q (%v)", files, err)
	}
	for _, file := range files {
		info, err := os.Stat(file)
		if err != nil || info.Size() > 5<<20 {
			t.Errorf("%s: %v", file, err)
		}
	}
	n := 0
	for e, err := range journal.Read(path) {
		if err != nil {
			t.Fatal(err)
		}
		if n++; n == 1 && e.What != journal.All {
			t.Errorf("it begins with %s", e.What)
		}
	}
	p, _, err := journal.At(time.Now(), journal.Read(path))
	if err != nil || string(p[journal.Stream]["s"]) != `["`+long(last+1)+`"]` || string(p[journal.Mutes][""]) != `["mic"]` || string(p[journal.Stream]["kept"]) != `["cam"]` {
		t.Errorf("of %d entries: %s, %v", n, p, err)
	}
}

func TestALineThatAPowerCutLeftIsPassedOver(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal")
	j := open(t, path)
	j.Begin(streams("f"), owner.Word{})
	flush(t, j)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for cut := range whole {
		for kind, tail := range map[string][]byte{"missing": nil, "zeroes": make([]byte, len(whole)-cut)} {
			if err := os.WriteFile(path, slices.Concat(whole[:cut], tail), 0o600); err != nil {
				t.Fatal(err)
			}
			j := open(t, path)
			j.Begin(streams("g"), owner.Word{})
			flush(t, j)
			last := journal.Picture{}
			for e, err := range journal.Read(path) {
				if err != nil {
					t.Fatalf("cut at %d, the rest %s: %v", cut, kind, err)
				}
				last = last.With(e)
			}
			if string(last[journal.Stream]["s"]) != `["g"]` {
				t.Errorf("cut at %d, the rest %s: %s", cut, kind, last)
			}
		}
	}
}

func TestAPowerCutWhileOneFileFollowsAnotherLosesNone(t *testing.T) {
	for moved := range 5 {
		path := filepath.Join(t.TempDir(), "journal")
		name := func(n int) string {
			if n == 0 {
				return path
			}
			return fmt.Sprint(path, ".", n)
		}
		for n := range 5 {
			j := open(t, name(n))
			j.Begin(streams(fmt.Sprint("file", n)), owner.Word{})
			flush(t, j)
		}
		want := []string{"file4", "file3", "file2", "file1", "file0"}
		for n := 4; n > 4-moved; n-- {
			if err := os.Rename(name(n-1), name(n)); err != nil {
				t.Fatal(err)
			}
		}
		if moved > 0 {
			want = want[1:] // the oldest makes room
		}
		var have []string
		for e, err := range journal.Read(path) {
			if err != nil {
				t.Fatalf("%d files moved: %v", moved, err)
			}
			have = append(have, strings.Trim(string((journal.Picture{}).With(e)[journal.Stream]["s"]), `[]"`))
		}
		if !slices.Equal(have, want) {
			t.Errorf("%d files moved: %v", moved, have)
		}
		j := open(t, path)
		j.Begin(streams("g"), owner.Word{})
		flush(t, j)
		if p, _, err := journal.At(time.Now(), journal.Read(path)); err != nil || string(p[journal.Stream]["s"]) != `["g"]` {
			t.Errorf("%d files moved, and a start: %s, %v", moved, p, err)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(`{"time":"2026-11-25T14:03:00Z","who":"rest","what":"start","after":{"stream":{"s":["f"]}}}` + "\n{"))
	f.Add([]byte("\x00\n\n{}\n[]\nnull"))
	path := filepath.Join(f.TempDir(), "journal")
	f.Fuzz(func(t *testing.T, text []byte) {
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		n := 0
		for _, err := range journal.Read(path) {
			if err != nil {
				t.Fatal(err)
			}
			n++
		}
		if n > bytes.Count(text, []byte("\n"))+1 {
			t.Errorf("%d entries", n)
		}
		if _, _, err := journal.At(time.Now(), journal.Read(path)); err != nil {
			t.Fatal(err)
		}
	})
}
