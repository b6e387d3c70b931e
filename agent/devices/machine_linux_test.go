package devices_test

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"vw/agent/devices"
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

func TestASandboxThatHidesDevChangesNoNames(t *testing.T) {
	root := unpack(t, "pi")
	all, err := devices.Find(root)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(root, "dev")); err != nil {
		t.Fatal(err)
	}
	hidden, err := devices.Find(root)
	if err != nil || len(hidden.Cameras) != 1 || len(hidden.Microphones) != 1 {
		t.Fatalf("%+v, %v", hidden, err)
	}
	if got, want := hidden.Cameras[0].Device, all.Cameras[0].Device; got != want {
		t.Errorf("the camera is called %s, want %s", got, want)
	}
	if got, want := hidden.Microphones[0].Device, all.Microphones[0].Device; got != want {
		t.Errorf("the microphone is called %s, want %s", got, want)
	}
}

func TestADeviceThatAUnitFeedsIsNotOfferedAgain(t *testing.T) {
	root := unpack(t, "pi")
	write(t, filepath.Join(root, "etc/vw/front.source"), "exec ffmpeg -f v4l2 -i /dev/video0 -f alsa -i plughw:CARD=C920,DEV=0 http://localhost:8888/ts/front\n")
	report, err := devices.Find(root)
	if err != nil {
		t.Fatal(err)
	}
	report.Assign(devices.Agent{Port: 8888, Reached: true, Taken: []string{"front"}})
	for _, d := range []devices.Device{report.Cameras[0], report.Microphones[0]} {
		if d.Unit != "vw-source@front" || d.Feed != "front" || d.Line != "" {
			t.Errorf("%s: %+v", d.Name, d)
		}
	}
	var text bytes.Buffer
	if err := report.WriteText(&text); err != nil || strings.Count(text.String(), "The unit vw-source@front feeds it.") != 2 {
		t.Errorf("%v: %s", err, &text)
	}
}
