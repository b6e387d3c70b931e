package main

import (
	"bytes"
	"io"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"vw/testrelay/tokens"
)

// theManual is the manual's text.
func theManual(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../testrelay/README.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// words finds what a pattern's first group matches, each once, in order.
func words(text, pattern string) []string {
	var found []string
	for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(text, -1) {
		found = append(found, m[1])
	}
	slices.Sort(found)
	return slices.Compact(found)
}

func TestManualHasEveryFlagWithItsDefault(t *testing.T) {
	var help bytes.Buffer
	if err := run(t.Context(), []string{"--help"}, &help, io.Discard); err != nil {
		t.Fatal(err)
	}
	text := theManual(t)
	_, section, _ := strings.Cut(text, "## Flags")
	section, _, _ = strings.Cut(section, "\n## ")
	if flags, told := words(help.String(), `(?m)^ +(--[a-z-]+)`), words(section, "`(--[a-z-]+)"); !slices.Equal(flags, told) {
		t.Errorf("flags are %q, the manual tells of %q", flags, told)
	}
	for _, m := range regexp.MustCompile("(?m)^\\| `(--[a-z-]+)`[^|]*\\| `?([0-9][^ `|]*)`? \\|").FindAllStringSubmatch(section, -1) {
		line := regexp.MustCompile(`(?m)^ +` + m[1] + ` .*`).FindString(help.String())
		if value := strings.TrimSuffix(line, ")"); !strings.HasSuffix(value, "(default "+m[2]) && !strings.HasSuffix(value, `(default "`+m[2]+`"`) {
			t.Errorf("the manual's default of %s is %s, the program says %q", m[1], m[2], line)
		}
	}
}

func TestManualHasEveryMetric(t *testing.T) {
	address := strings.TrimSuffix(strings.TrimPrefix(start(t)[0], "ws://"), "/in/<topic>")
	resp, err := http.Get("http://" + address + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if has, told := words(string(body), `(?m)^(vw_relay_[a-z_]+)`), words(theManual(t), "`(vw_relay_[a-z_]+)`"); len(has) == 0 || !slices.Equal(has, told) {
		t.Errorf("metrics are %q, the manual tells of %q", has, told)
	}
}

func TestManualsTokensAreUnderstood(t *testing.T) {
	_, block, _ := strings.Cut(theManual(t), "```text\n# token ")
	block, _, _ = strings.Cut(block, "```")
	path := t.TempDir() + "/tokens"
	if err := os.WriteFile(path, []byte("# "+block), 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := tokens.Open(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if !file.Allows("f21a4b0c8d3e97655e1f0a2b3c4d5e6f", "bi", "any/topic") || file.Allows("5d41402abc4b2a76b9719d911017c592", "out", "lab/front") {
		t.Error("they do not allow what they say")
	}
}
