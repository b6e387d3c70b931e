package devices

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"unicode"
)

const (
	// maxText bounds what is read of a file of the kernel's or udev's, in bytes.
	maxText = 64 << 10
	// maxName bounds a device's own name, in characters. USB strings have 126.
	maxName = 126
	// sources is the folder of the files that the units run.
	sources = "/etc/vw"
	unit    = "vw-source@"
)

// A machine is a file system, as the kernel and udev fill it.
type machine struct {
	root  string // where it begins
	files fs.FS  // the same; links that lead out of it are not followed
}

// text is what a file holds, less the end of its last line; nothing if it
// cannot be read. Name is absolute on the machine.
func (m machine) text(name string) string {
	f, err := m.files.Open(strings.TrimPrefix(name, "/"))
	if err != nil {
		return ""
	}
	defer f.Close()
	b, _ := io.ReadAll(io.LimitReader(f, maxText)) // what there is will do
	return strings.TrimSuffix(string(b), "\n")
}

// names lists a folder, sorted; nothing if it cannot be read.
func (m machine) names(dir string) []string {
	entries, _ := fs.ReadDir(m.files, strings.TrimPrefix(dir, "/"))
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// links finds the first link of a folder to each target; targets and links are
// absolute. Links with unprintable names are passed over.
func (m machine) links(dir string) map[string]string {
	links := map[string]string{}
	for _, name := range m.names(dir) {
		link := path.Join(dir, name)
		target, err := fs.ReadLink(m.files, strings.TrimPrefix(link, "/"))
		if err != nil || printable(name) != name {
			continue
		}
		if !path.IsAbs(target) {
			target = path.Join(dir, target)
		}
		if target = path.Clean(target); links[target] == "" {
			links[target] = link
		}
	}
	return links
}

// findUnits notes which devices a unit vw-source@ feeds, as etc/vw/FEED.source says.
func (m machine) findUnits(list []Device) {
	for _, name := range m.names(sources) {
		feed, ok := strings.CutSuffix(name, ".source")
		if !ok || printable(feed) != feed {
			continue
		}
		words := strings.Fields(m.text(path.Join(sources, name)))
		for i := range list {
			d := &list[i]
			if slices.ContainsFunc(words, func(w string) bool { return w == d.Node || strings.TrimPrefix(w, "plug") == d.Device }) {
				d.Feed, d.Unit = feed, unit+feed
			}
		}
	}
}

// problem returns in words what keeps this process from opening a device node,
// and what to do; group is the one that may.
func (m machine) problem(node, group string) string {
	err := access(filepath.Join(m.root, node))
	switch {
	case err == nil:
		return ""
	case errors.Is(err, fs.ErrPermission):
		return fmt.Sprintf("no permission to open %s: add yourself to group %s: sudo usermod -aG %s \"$USER\" and log in again", node, group, group)
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Sprintf("the kernel knows it, but there is no %s: hand it to a container with --device %s; elsewhere see whether udev runs", node, node)
	default:
		return fmt.Sprintf("%s cannot be opened: %v", node, err)
	}
}

// printable is s as it can be shown on a terminal: what is no printable
// character becomes a question mark.
func printable(s string) string {
	shown := []rune(strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) && r != unicode.ReplacementChar {
			return r
		}
		return '?'
	}, s))
	return string(shown[:min(len(shown), maxName)])
}
