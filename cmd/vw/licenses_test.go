//go:build unix

package main_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write licenses.txt from the modules")

// A module is one that the programs are built from.
type module struct {
	Path, Version, Dir string
	Main               bool
}

// builtFrom finds the modules of both programs, on each system.
func builtFrom(t *testing.T) map[string]module {
	t.Helper()
	found := map[string]module{}
	for _, system := range []string{"linux", "windows", "darwin"} {
		list := exec.Command("go", "list", "-deps", "-json=Module", "vw/cmd/vw", "vw/cmd/testrelay")
		list.Env = append(os.Environ(), "GOOS="+system, "CGO_ENABLED=0")
		out, err := list.Output()
		if err != nil {
			t.Fatalf("go list for %s: %v", system, err)
		}
		packages := json.NewDecoder(bytes.NewReader(out))
		for {
			var p struct{ Module *module }
			if err := packages.Decode(&p); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatal(err)
			}
			if m := p.Module; m != nil && !m.Main { // no module: Go's own
				found[m.Path] = *m
			}
		}
	}
	return found
}

// legal joins what a folder says about rights.
func legal(t *testing.T, dir string) string {
	t.Helper()
	var text strings.Builder
	for _, pattern := range []string{"LICEN[SC]E*", "COPYING*", "NOTICE*", "PATENTS*"} {
		files, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range files {
			text.WriteString(strings.TrimSpace(strings.ReplaceAll(document(t, name), "\r", "")) + "\n\n")
		}
	}
	if text.Len() == 0 {
		t.Fatalf("%s holds no licence: may it be used at all?", dir)
	}
	return text.String()
}

func TestLicensesAreThoseOfTheModules(t *testing.T) {
	var want strings.Builder
	add := func(name, dir string) {
		fmt.Fprintf(&want, "%s\n%s\n\n%s", name, strings.Repeat("=", len(name)), legal(t, dir))
	}
	add("vw", "../..")
	goRoot, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatalf("go env GOROOT: %v", err)
	}
	add("Go", strings.TrimSpace(string(goRoot)))
	modules := builtFrom(t)
	if len(modules) < 5 {
		t.Fatalf("the programs are made of more than %v", modules)
	}
	for _, path := range slices.Sorted(maps.Keys(modules)) {
		m := modules[path]
		add(m.Path+" "+m.Version, m.Dir)
	}
	if *update {
		if err := os.WriteFile("licenses.txt", []byte(want.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	p := vw(t, nil, "licenses")
	if code := p.ended(t, patience); code != 0 || p.out.String() != want.String() && !*update {
		t.Errorf("code %d: vw licenses does not print the licences of the modules: go generate ./cmd/vw mends it\n%s", code, &p.err)
	}
}
