package tokens_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"vw/testrelay/tokens"
)

const token = "0123456789abcdef"

// write makes or replaces a file that is as old as at says.
func write(t *testing.T, path, text string, at time.Time) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(path, at, at); err != nil {
		t.Fatal(err)
	}
}

func open(t *testing.T, text string) (*tokens.File, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "tokens")
	write(t, path, text, time.Now())
	return tokens.Open(path, slog.New(slog.DiscardHandler))
}

func TestTokenMayDoWhatItsLineSays(t *testing.T) {
	sum := fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(token)))
	for line, want := range map[string]map[string]bool{
		token + " in lab":                {"in lab": true, "out lab": false, "bi lab": false, "in lab1": false, "view lab": false},
		token + " out lab/*":             {"out lab/front": true, "out lab/front/large": true, "out lab": false, "in lab/front": false},
		token + " bi *":                  {"in a": true, "out a/b": true, "bi a": true, "": false},
		token + " out,in lab?":           {"bi lab1": true, "bi lab12": false},
		token + " in /a.b":               {"in a.b": true, "in axb": false},
		sum + " bi lab":                  {"bi lab": true},
		strings.ToUpper(sum):             nil,
		token + " in lab 2020-01-01":     {"in lab": false},
		token + " in lab 9999-12-31":     {"in lab": true},
		"# a comment\n\n  # another one": {"in lab": false},
		token + " in a\n" + token + " out b 9999-12-31T00:00:00Z\n": {"in a": true, "out b": true, "in b": false},
	} {
		f, err := open(t, line)
		if want == nil {
			if err == nil {
				t.Errorf("%q is taken", line)
			}
			continue
		}
		if err != nil {
			t.Errorf("%q: %v", line, err)
			continue
		}
		for use, may := range want {
			way, topic, _ := strings.Cut(use, " ")
			if got := f.Allows(token, way, topic); got != may {
				t.Errorf("%q: %s: %v", line, use, got)
			}
			if f.Allows(token+"0", way, topic) || f.Allows("", way, topic) || f.Allows(sum, way, topic) {
				t.Errorf("%q: another token may %s", line, use)
			}
		}
	}
}

func TestTokenEndsWithItsDay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // which begins on 2000-01-01
		f, err := open(t, token+" in lab 2000-01-01")
		if err != nil {
			t.Fatal(err)
		}
		if !f.Allows(token, "in", "lab") {
			t.Error("it has ended before its day")
		}
		time.Sleep(24 * time.Hour)
		if f.Allows(token, "in", "lab") {
			t.Error("it outlasts its day")
		}
	})
}

func TestBadLineIsNamedAndItsTokenIsNotShown(t *testing.T) {
	for line, words := range map[string]string{
		token:                          "it has 1 words",
		token + " in a 2027-01-01 x":   "it has 5 words",
		token + " view lab":            `not "view"`,
		token + " in lab tomorrow":     `"tomorrow" is no day`,
		"short in lab":                 "has 5 characters, fewer than 16",
		"sha256:0123456789abcdef in a": "64 hexadecimal digits",
	} {
		_, err := open(t, "# one\n\n"+line+"\n")
		if err == nil || !strings.Contains(err.Error(), "line 3: ") || !strings.Contains(err.Error(), words) {
			t.Errorf("%q: %v", line, err)
		}
		if err != nil && strings.Contains(err.Error(), "0123456789") {
			t.Errorf("the token is shown: %v", err)
		}
	}
	if _, err := tokens.Open(filepath.Join(t.TempDir(), "none"), nil); err == nil {
		t.Error("a missing file is taken")
	}
}

// A book keeps what is logged until it is taken.
type book struct {
	mu   sync.Mutex
	text []byte
}

func (b *book) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.text = append(b.text, p...)
	return len(p), nil
}

func (b *book) take() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	text := string(b.text)
	b.text = nil
	return text
}

func TestChangedFileIsReadAgainAndABadOneChangesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "tokens")
		write(t, path, token+" in lab\n", time.Now())
		log := &book{}
		f, err := tokens.Open(path, slog.New(slog.NewTextHandler(log, nil)))
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { defer close(ended); f.Run(ctx) }()
		step := func(text string, may bool, words string) {
			t.Helper()
			if text == "" {
				os.Remove(path)
			} else {
				write(t, path, text, time.Now())
			}
			time.Sleep(10 * time.Second)
			synctest.Wait()
			if f.Allows(token, "in", "lab") != may {
				t.Errorf("%q: may: %v", text, !may)
			}
			if logged := log.take(); strings.Count(logged, "\n") != 1 || !strings.Contains(logged, words) {
				t.Errorf("%q: logged %q, want one line with %q", text, logged, words)
			}
		}
		step("# nothing\n", false, "tokens=0")
		step(token+" in lab\n", true, "tokens=1")
		step("\n\n"+token+" both lab\n", true, "line 3")
		step("", true, "no such file")
		step(token+" out lab\n", false, "tokens=1")
		cancel()
		<-ended
	})
}
