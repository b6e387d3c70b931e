package media_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"vw/media"
	"vw/media/mpegts"
)

// again runs the test that calls it once more in a process of its own, where
// prepare has been applied to that. It says whether this is that process.
func again(t *testing.T, attr *syscall.SysProcAttr) (inside bool) {
	t.Helper()
	const inner = "VW_TEST_INSIDE"
	if os.Getenv(inner) == t.Name() {
		return true
	}
	cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), inner+"="+t.Name(), "GOCOVERDIR="+t.TempDir())
	cmd.SysProcAttr = attr
	out, err := cmd.CombinedOutput()
	if errors.Is(err, syscall.EPERM) {
		t.Skipf("this system gives a process no file system of its own (user namespaces): %v", err)
	}
	if err != nil || !bytes.Contains(out, []byte("--- PASS: "+t.Name())) {
		t.Errorf("%v\n%s", err, out)
	}
	return false
}

// recordTo records n frames into dir until it fails.
func recordTo(t *testing.T, dir string, frames int) (media.RecordingInfo, error) {
	r := media.NewRouter()
	sub := subscribe(t, r, media.Subscription{Name: "feed"})
	rec, err := (&media.Folder{Dir: dir}).Record("video.ts")
	if err != nil {
		t.Fatal(err)
	}
	ts := newSource(50, 3).take(frames)
	copyAll(t, r, "feed", ts)
	err = rec.Run(over(), sub)
	i := rec.Info()
	got := readFile(t, filepath.Join(dir, i.File))
	if int64(len(got)) != i.Bytes || len(got)%mpegts.PacketSize != 0 || !bytes.HasPrefix(ts, got) {
		t.Errorf("the file has %d bytes, %+v", len(got), i)
	}
	if err != nil && (i.Error == "" || !strings.Contains(err.Error(), i.Error)) {
		t.Errorf("the status does not say so: %+v", i)
	}
	return i, err
}

func TestWriteThatFailsLeavesWholePackets(t *testing.T) {
	if !again(t, nil) {
		return
	}
	const limit = 300_000 // bytes a file, which end in mid-packet
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: limit, Max: limit}); err != nil {
		t.Fatal(err)
	}
	i, err := recordTo(t, t.TempDir(), 100)
	if !errors.Is(err, syscall.EFBIG) {
		t.Errorf("%v", err)
	}
	if i.Bytes != limit-limit%mpegts.PacketSize {
		t.Errorf("%d bytes recorded: more would have fitted", i.Bytes)
	}
}

// smallDisk runs the test in a process of its own that can mount, and returns a
// file system of its own; "" in the process that is to do nothing more.
func smallDisk(t *testing.T, options string) (dir string) {
	me := func(id int) []syscall.SysProcIDMap {
		return []syscall.SysProcIDMap{{ContainerID: 0, HostID: id, Size: 1}}
	}
	if !again(t, &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
		UidMappings: me(os.Getuid()), GidMappings: me(os.Getgid()),
	}) {
		return ""
	}
	dir = t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, options); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, 0) })
	return dir
}

func TestRecordingEndsWhenTheDiskIsNearlyFull(t *testing.T) {
	dir := smallDisk(t, "size=20m")
	if dir == "" {
		return
	}
	fill := func(n int) {
		if err := os.WriteFile(filepath.Join(dir, "fill"), make([]byte, n), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if i, err := recordTo(t, dir, 100); err != nil || i.Bytes == 0 {
		t.Errorf("on an empty disk: %v, %+v", err, i)
	}
	fill(19_300_000)
	if i, err := recordTo(t, dir, 10); err != media.ErrDiskFull || i.Bytes != 0 {
		t.Errorf("with less than 5 %% free: %v, %+v", err, i)
	}
}

func TestAllRecordingsTogetherLeaveAPartOfTheDiskFree(t *testing.T) {
	dir := smallDisk(t, "size=40m")
	if dir == "" {
		return
	}
	folder := &media.Folder{Dir: dir}
	r := media.NewRouter()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var all []*media.Recording
	var wg sync.WaitGroup
	for range 60 {
		rec, err := folder.Record("video.ts")
		if err != nil {
			t.Fatal(err)
		}
		sub := subscribe(t, r, media.Subscription{Name: "feed"})
		all = append(all, rec)
		wg.Go(func() { _ = rec.Run(ctx, sub) })
	}
	copyAll(t, r, "feed", newSource(50, 3).take(300)) // 3 MB each
	cancel()
	wg.Wait()
	full := 0
	for _, rec := range all {
		if rec.Info().Error == media.ErrDiskFull.Error() {
			full++
		}
	}
	if full < 40 {
		t.Errorf("%d recordings ended since the disk is full", full)
	}
	var st syscall.Statfs_t
	if err := syscall.Statfs(dir, &st); err != nil {
		t.Fatal(err)
	}
	if free := int64(st.Bavail) * int64(st.Bsize); free < 16<<20 {
		t.Errorf("%d bytes are free", free)
	}
}

func TestRecordingsLeaveFilesFree(t *testing.T) {
	dir := smallDisk(t, "size=40m,nr_inodes=200")
	if dir == "" {
		return
	}
	folder := &media.Folder{Dir: dir}
	var err error
	for n := 0; n < 300 && err == nil; n++ {
		var rec *media.Recording
		if rec, err = folder.Record(fmt.Sprintf("%d/%[1]d/x.ts", n)); err == nil {
			defer rec.Discard()
		}
	}
	var st syscall.Statfs_t
	if e := syscall.Statfs(dir, &st); e != nil || err != media.ErrFilesFull || st.Ffree < 10 {
		t.Errorf("%v: %d files are left, %v", err, st.Ffree, e)
	}
}
