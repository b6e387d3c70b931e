package main_test

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
)

// A block is what stands between two fences of a document.
type block struct {
	kind  string // the word after the first fence
	line  int    // of that fence, from 1
	lines []string
}

func (b block) String() string { return fmt.Sprintf("line %d, %s", b.line, b.kind) }

// An exchange is a command line, or a message, and what is to come after it.
type exchange struct{ sent, expected string }

// A row is one of a table: its cells, without the marks of code.
type row []string

// document reads files, one after the other.
func document(t *testing.T, paths ...string) string {
	t.Helper()
	var all []byte
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, text...)
	}
	return string(all)
}

// blocks finds the fenced blocks.
func blocks(t *testing.T, text string) (found []block) {
	t.Helper()
	open := false
	n := 0
	for line := range strings.Lines(text) {
		n++
		line = strings.TrimRight(line, "\n")
		kind, fence := strings.CutPrefix(line, "```")
		switch {
		case fence && !open:
			found = append(found, block{kind: kind, line: n})
			open = true
		case fence:
			open = false
		case open:
			b := &found[len(found)-1]
			b.lines = append(b.lines, line)
		}
	}
	if open {
		t.Fatal("a fence is not closed")
	}
	return found
}

// shell reads a block of "$ command" lines, each with what it prints. A command
// that ends in a backslash goes on in the next line.
func (b block) shell(t *testing.T) (all []exchange) {
	t.Helper()
	goesOn := false
	for _, line := range b.lines {
		command, isCommand := strings.CutPrefix(line, "$ ")
		switch {
		case goesOn:
			all[len(all)-1].sent += "\n" + line
		case isCommand:
			all = append(all, exchange{sent: command})
		case len(all) == 0:
			t.Fatalf("%v: it does not begin with a command", b)
		default:
			all[len(all)-1].expected += line + "\n"
			continue
		}
		goesOn = strings.HasSuffix(line, `\`)
	}
	return all
}

// table finds the rows of the table whose heading has these cells.
func table(t *testing.T, text string, heading ...string) (rows []row) {
	t.Helper()
	_, rest, found := strings.Cut(text, "\n| "+strings.Join(heading, " | ")+" |\n")
	if !found {
		t.Fatalf("there is no table with the heading %q", heading)
	}
	for line := range strings.Lines(rest) {
		line, isRow := strings.CutPrefix(line, "| ")
		if !isRow {
			break
		}
		cells := strings.Split(strings.TrimSuffix(line, " |\n"), " | ")
		for i, cell := range cells {
			if len(cell) > 1 && strings.Count(cell, "`") == 2 {
				cells[i] = strings.Trim(cell, "`")
			}
		}
		rows = append(rows, cells)
	}
	return rows[1:]
}

// matches compares what came with what a document shows: as JSON where that is
// JSON, else as text. In text … stands for anything; in JSON the string "…"
// stands for any value, and as a key for any other keys.
func matches(shown, came string) bool {
	var want, got any
	if json.Unmarshal([]byte(shown), &want) == nil {
		return json.Unmarshal([]byte(came), &got) == nil && matchesValue(want, got)
	}
	pattern := strings.ReplaceAll(regexp.QuoteMeta(strings.TrimSpace(shown)), "…", ".*")
	return regexp.MustCompile(`(?s)^` + pattern + `$`).MatchString(strings.TrimSpace(came))
}

func matchesValue(want, got any) bool {
	switch want := want.(type) {
	case string:
		return want == "…" || want == got
	case []any:
		list, ok := got.([]any)
		if !ok || len(list) != len(want) {
			return false
		}
		for i := range want {
			if !matchesValue(want[i], list[i]) {
				return false
			}
		}
		return true
	case map[string]any:
		object, ok := got.(map[string]any)
		if _, more := want["…"]; !ok || !more && len(object) != len(want) {
			return false
		}
		for key, value := range want {
			if is, ok := object[key]; key != "…" && !(ok && matchesValue(value, is)) {
				return false
			}
		}
		return true
	}
	return want == got // null, a number or a truth
}

func TestWildcardsOfDocumentsMatchNoMoreThanTheyShould(t *testing.T) {
	for _, c := range []struct {
		shown, came string
		want        bool
	}{
		{`{"a":1,"b":[2]}`, `{"b":[2.0],"a":1}`, true},
		{`{"a":1}`, `{"a":1,"b":2}`, false},
		{`{"a":1,"…":"…"}`, `{"a":1,"b":2}`, true},
		{`{"a":1,"…":"…"}`, `{"b":2}`, false},
		{`{"a":"…"}`, `{"a":[1]}`, true},
		{`{"a":"…"}`, `{}`, false},
		{`[1,"…"]`, `[1]`, false},
		{`{"a":null}`, `{}`, false},
		{`"ok"`, `ok`, false},
		{`{"a":1}`, `[{"a":1}]`, false},
		{"x: sound\n…\n", "x: sound\n1\n2\n", true},
		{"x: sound\n…\n", "x: NOT SOUND\n1\n", false},
		{"a.b", "a-b", false},
		{"", "anything", false},
	} {
		if got := matches(c.shown, c.came); got != c.want {
			t.Errorf("%q and %q: %v", c.shown, c.came, got)
		}
	}
}
