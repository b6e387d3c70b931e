//go:build unix

package main_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// output is what the program prints.
func output(t *testing.T, args ...string) string {
	t.Helper()
	p := vw(t, []string{"SOURCE_DATE_EPOCH=1767312000"}, args...)
	if code := p.ended(t, patience); code != 0 || p.err.String() != "" {
		t.Fatalf("vw %s: code %d, %s", args, code, &p.err)
	}
	return p.out.String()
}

func TestManualAndCompletionsNameEveryCommandAndFlag(t *testing.T) {
	manual := strings.ReplaceAll(output(t, "manual"), `\-`, "-")
	if !strings.Contains(manual, `.TH VW 1 "2026-01-02"`) {
		t.Errorf("the manual is not of its date: %.80s", manual)
	}
	texts := map[string]string{"manual": manual}
	for _, shell := range []string{"bash", "zsh", "fish"} {
		texts[shell] = output(t, "completion", shell)
	}
	commands := regexp.MustCompile(`(?m)(?:^  |; )vw ([a-z]+)`).FindAllStringSubmatch(output(t, "help"), -1)
	if len(commands) < 12 {
		t.Fatalf("the help names these commands alone: %s", commands)
	}
	for _, c := range commands {
		flags := regexp.MustCompile(`(?m)^ +--([a-z-]+)`).FindAllStringSubmatch(output(t, "help", c[1]), -1)
		for name, text := range texts {
			if name == "manual" && !strings.Contains(text, ".SH VW "+strings.ToUpper(c[1])) || !strings.Contains(text, c[1]) {
				t.Errorf("%s does not name vw %s", name, c[1])
			}
			for _, f := range flags {
				if c[1] != "help" && !regexp.MustCompile(`(--|-l )`+f[1]+`\b`).MatchString(text) {
					t.Errorf("%s does not name vw %s --%s", name, c[1], f[1])
				}
			}
		}
	}
	for _, args := range [][]string{{"completion"}, {"completion", "csh"}, {"manual", "x"}} {
		p := vw(t, nil, args...)
		if code := p.ended(t, patience); code != 2 {
			t.Errorf("vw %s: code %d", args, code)
		}
		oneLine(t, p.err.String(), "vw "+args[0])
	}
}

// The shells themselves say what they would complete.
func TestShellsCompleteCommandsAndFlags(t *testing.T) {
	dir := t.TempDir()
	for _, shell := range []string{"bash", "zsh", "fish"} {
		if err := os.WriteFile(filepath.Join(dir, shell), []byte(output(t, "completion", shell)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		want string
		args []string
	}{
		{"stream", []string{"bash", "-c", `. ./bash; COMP_WORDS=(vw str) COMP_CWORD=1; _vw; echo ${COMPREPLY[@]}`}},
		{"--log-level --log-format", []string{"bash", "-c", `. ./bash; COMP_WORDS=(vw stream --lo) COMP_CWORD=2; _vw; echo ${COMPREPLY[@]}`}},
		{"--to\n--to-file\n--token\n--token-file", []string{"bash", "-c", `. ./bash; COMP_WORDS=(vw send --to) COMP_CWORD=2; _vw; printf '%s\n' ${COMPREPLY[@]}`}},
		{"", []string{"zsh", "-f", "-n", "zsh"}}, // it parses
		{"stream", []string{"fish", "--no-config", "-c", `source fish; complete -C 'vw str' | string split -f1 \t`}},
		{"--log-format\n--log-level", []string{"fish", "--no-config", "-c", `source fish; complete -C 'vw stream --log' | string split -f1 \t | sort`}},
	} {
		run := exec.Command(c.args[0], c.args[1:]...)
		run.Dir = dir
		run.Env = append(os.Environ(), "HOME="+dir)
		out, err := run.CombinedOutput()
		if got := strings.TrimSpace(string(out)); err != nil || got != c.want {
			t.Errorf("%s: %v, %q, want %q", c.args, err, got, c.want)
		}
	}
}
