package attack_test

import (
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"vw/agent"
)

// free is how much of a file system is free, of its bytes and of its files.
func free(t testing.TB, dir string) (bytes, files float64) {
	t.Helper()
	var s syscall.Statfs_t
	if err := syscall.Statfs(dir, &s); err != nil {
		t.Fatal(err)
	}
	return float64(s.Bavail) / float64(s.Blocks), float64(s.Ffree) / float64(s.Files)
}

// disk is a small one of the test's own.
func disk(t testing.TB, options string) (dir string) {
	t.Helper()
	if !isolated {
		t.Skip("this system gives a process no file system of its own (user namespaces)")
	}
	dir = t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, options); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
	return dir
}

// saves holds that the agent can still save its state.
func (v *victim) saves(dir string) {
	v.t.Helper()
	bytes, files := free(v.t, dir)
	v.t.Logf("%.1f %% of the bytes and %.1f %% of the files are free", 100*bytes, 100*files)
	if bytes < 0.04 || files < 0.04 {
		v.t.Errorf("%.1f %% of the bytes and %.1f %% of the files are free, and 5 %% are to stay so", 100*bytes, 100*files)
	}
	v.owner(http.MethodPut, "/api/mutes/late", "")
	if s := v.status(); s.StateError != "" {
		v.t.Errorf("the state is not saved: %s", s.StateError)
	}
}

// A thousand recordings at once end before the disk is full.
func TestRecordingsAtOnceLeaveRoomOnTheDisk(t *testing.T) {
	dir := disk(t, "size=64m")
	v := start(t, agent.Config{RecordDir: filepath.Join(dir, "rec"), State: filepath.Join(dir, "state")})
	feed := v.post("cam")
	recordings := count(60, 1000)
	for i := range recordings {
		v.add(rule{ID: fmt.Sprint(i), Stream: "cam", Destination: v.relay.URL() + "/in/x", File: fmt.Sprintf("%d.ts", i)})
	}
	n, began := 0, time.Now()
	eventually(t, "the recordings have ended", func() bool {
		for range 10 {
			_, _ = feed.Write(packets(0x100, n, 700))
			n += 700
		}
		if bytes, _ := free(t, dir); bytes < 0.02 {
			return true
		}
		going := 0
		for _, d := range v.status().Destinations {
			if d.Recording != nil && d.Recording.Error == "" {
				going++
			}
		}
		return going == 0 || time.Since(began) > patience*3/4
	})
	v.saves(dir)
}

// Folders in folders use up no files that the state needs.
func TestFoldersOfRecordingsLeaveFilesFree(t *testing.T) {
	dir := disk(t, "size=64m,nr_inodes=2000")
	v := start(t, agent.Config{RecordDir: filepath.Join(dir, "rec"), State: filepath.Join(dir, "state")})
	taken := 0
	for i := range count(60, 900) {
		file := strings.Repeat(fmt.Sprintf("%d/", i), 100) + "x.ts"
		if !refused(v.add(rule{ID: fmt.Sprint(i % 900), Stream: "cam", Destination: v.relay.URL() + "/in/x", File: file})) {
			taken++
		}
	}
	for i := range 5000 { // and what is legal
		file := fmt.Sprintf("a%d/b/c.ts", i)
		if !refused(v.add(rule{ID: fmt.Sprint(i % 900), Stream: "cam", Destination: v.relay.URL() + "/in/x", File: file})) {
			taken++
		} else if i > 700 {
			break
		}
	}
	t.Logf("%d rules were taken", taken)
	v.saves(dir)
}
