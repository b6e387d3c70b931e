//go:build unix

package main_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	mdLink    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	mdHeading = regexp.MustCompile(`(?m)^#+ (.+)$`)
	notAnchor = regexp.MustCompile(`[^\p{L}\p{N} _-]`)
)

func TestLinksOfTheManualsLeadSomewhere(t *testing.T) {
	for _, name := range append([]string{"../../SECURITY.md", "../../.github/CONTRIBUTING.md", "../../testrelay/README.md"}, manuals...) {
		for _, link := range mdLink.FindAllStringSubmatch(document(t, name), -1) {
			path, anchor, _ := strings.Cut(link[1], "#")
			if strings.Contains(path, "://") {
				continue
			}
			target := name
			if path != "" {
				target = filepath.Join(filepath.Dir(name), path)
			}
			if _, err := os.Stat(target); err != nil {
				t.Errorf("%s links to %s: %v", name, link[1], err)
			} else if anchor != "" && !anchors(document(t, target))[anchor] {
				t.Errorf("%s links to %s, where there is no such heading", name, link[1])
			}
		}
	}
}

// anchors are those that forges make of headings.
func anchors(text string) map[string]bool {
	all := map[string]bool{}
	for _, heading := range mdHeading.FindAllStringSubmatch(text, -1) {
		all[strings.ReplaceAll(strings.ToLower(notAnchor.ReplaceAllString(heading[1], "")), " ", "-")] = true
	}
	return all
}

// The lesson is done in a fresh Debian by the commands that README.md shows.
func TestLessonIsTheFirstPages(t *testing.T) {
	script := "\n" + document(t, "dist/lesson.sh")
	_, lesson, _ := strings.Cut(document(t, "../../README.md"), "## A lesson on air")
	lesson, _, _ = strings.Cut(lesson, "\n## ")
	commands := 0
	for _, b := range blocks(t, lesson) {
		for _, line := range b.lines {
			if line == "sudo -i" || strings.HasPrefix(line, "TOKEN=") { // it is root, and has made one
				continue
			}
			commands++
			if !strings.Contains(script, "\n"+line+"\n") {
				t.Errorf("dist/lesson.sh does not run %s", line)
			}
		}
	}
	if commands < 10 {
		t.Errorf("README.md's lesson has %d lines", commands)
	}
}
