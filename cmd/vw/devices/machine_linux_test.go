package devices_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"syscall"
	"testing"

	"vw/cmd/vw/devices"
)

// sectionLine begins a file, or stands for a link, of a recorded machine. The
// machines are recorded in one text file each, as udev's names have colons in
// them, which not every system that the sources are kept on can store.
var sectionLine = regexp.MustCompile(`(?m)^-- (\S+)(?: -> (\S+))? --\n`)

// unpack makes the file system of a recorded machine and returns its root.
func unpack(t *testing.T, machine string) string {
	t.Helper()
	recorded, err := os.ReadFile(filepath.Join("testdata", machine+".machine"))
	if err != nil {
		t.Fatal(err)
	}
	root := t.TempDir()
	sections := sectionLine.FindAllSubmatchIndex(recorded, -1)
	for i, at := range sections {
		end := len(recorded)
		if i+1 < len(sections) {
			end = sections[i+1][0]
		}
		name := filepath.Join(root, string(recorded[at[2]:at[3]]))
		if at[4] < 0 {
			write(t, name, string(recorded[at[1]:end]))
		} else {
			link(t, name, string(recorded[at[4]:at[5]]))
		}
	}
	if len(sections) == 0 {
		t.Fatalf("%s holds no files", machine)
	}
	return root
}

func write(t *testing.T, name, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func link(t *testing.T, name, target string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(target, name); err != nil {
		t.Fatal(err)
	}
}

// findLocked finds on the machine as a user who may open nothing in its dev.
// Modes do not bind root: it asks on a thread of its own, whose real user, the
// one that access(2) goes by, is another, and which ends with the goroutine.
func findLocked(t *testing.T, root string) (*devices.Report, error) {
	t.Helper()
	err := filepath.WalkDir(filepath.Join(root, "dev"), func(name string, e fs.DirEntry, err error) error {
		if err == nil && e.Type().IsRegular() {
			err = os.Chmod(name, 0)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	var report *devices.Report
	done := make(chan struct{})
	go func() {
		defer close(done)
		if os.Getuid() == 0 {
			runtime.LockOSThread()
			const nobody, unchanged = 65534, ^uintptr(0)
			if _, _, errno := syscall.RawSyscall(syscall.SYS_SETRESUID, nobody, unchanged, unchanged); errno != 0 {
				err = errno
				return
			}
		}
		report, err = devices.Find(root)
	}()
	<-done
	return report, err
}
