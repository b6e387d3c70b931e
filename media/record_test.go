package media_test

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"

	"vw/media"
	"vw/media/mpegts"
)

func TestRecordingGetsWhatTheSubscriberGets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, newSource(50, 3))
		dir := filepath.Join(t.TempDir(), "not", "made", "yet")
		rec, err := (&media.Folder{Dir: dir}).Record("lab/bench 1/video.ts")
		if err != nil {
			t.Fatal(err)
		}
		sub := subscribe(t, s.Router, media.Subscription{Name: "feed"})
		var wg sync.WaitGroup
		wg.Go(func() { err = rec.Run(t.Context(), sub) })
		s.play(t, 100)
		sub.Close()
		wg.Wait()
		if err != nil {
			t.Error(err)
		}
		i := rec.Info()
		if i.File != "lab/bench 1/video.ts" || int(i.Bytes) != len(s.sent) || i.Error != "" {
			t.Errorf("%+v", i)
		}
		same(t, readFile(t, filepath.Join(dir, i.File)), s.sent)
	})
}

func readFile(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestRecordingIsCompleteWhenItsContextEnds(t *testing.T) {
	r := media.NewRouter()
	sub := subscribe(t, r, media.Subscription{Name: "feed"})
	ts := newSource(50, 3).take(100)
	copyAll(t, r, "feed", ts)
	dir := t.TempDir()
	rec, err := (&media.Folder{Dir: dir}).Record("video.ts")
	if err != nil {
		t.Fatal(err)
	}
	if err := rec.Run(over(), sub); err != nil {
		t.Error(err)
	}
	same(t, readFile(t, filepath.Join(dir, "video.ts")), ts)
}

func TestRecordingEndsThoughTheSourceGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, newSource(50, 3))
		rec, err := (&media.Folder{Dir: t.TempDir()}).Record("video.ts")
		if err != nil {
			t.Fatal(err)
		}
		sub := subscribe(t, s.Router, media.Subscription{Name: "feed"})
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() { err = rec.Run(ctx, sub) })
		s.play(t, 10)
		cancel()
		wg.Wait()
		s.play(t, 10)
		if err != nil || rec.Info().Bytes%mpegts.PacketSize != 0 {
			t.Errorf("%v, %+v", err, rec.Info())
		}
	})
}

func TestNewRecordingLeavesOldOnesAlone(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"video.ts", "a.b/video", "sub/.ts", "video.ts", "video.ts", "a.b/video", "sub/.ts"} {
		rec, err := (&media.Folder{Dir: dir}).Record(name)
		if err != nil {
			t.Fatal(err)
		}
		r := media.NewRouter()
		sub := subscribe(t, r, media.Subscription{Name: "feed"})
		ts := newSource(3, 0).take(3)
		copyAll(t, r, "feed", ts)
		if err := rec.Run(over(), sub); err != nil {
			t.Error(err)
		}
	}
	for _, name := range []string{"video.ts", "video-1.ts", "video-2.ts", "a.b/video", "a.b/video-1", "sub/.ts", "sub/-1.ts"} {
		same(t, readFile(t, filepath.Join(dir, name)), newSource(3, 0).take(3))
	}
}

func TestRecordingDoesNotLeaveItsFolder(t *testing.T) {
	parent := t.TempDir()
	dir, outside := filepath.Join(parent, "recordings"), filepath.Join(parent, "outside")
	for _, d := range []string{dir, outside} {
		if err := os.Mkdir(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "file"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for name, target := range map[string]string{"up": "../outside", "absolute": outside, "dangling.ts": "../outside/new.ts"} {
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{
		"../video.ts", "..", "a/../../video.ts", "/video.ts", filepath.Join(outside, "video.ts"),
		"up/video.ts", "absolute/video.ts", "up/new/video.ts", "file/video.ts",
		"", ".", "/", "a/", "a/.", "a\x00b",
	} {
		if rec, err := (&media.Folder{Dir: dir}).Record(name); err == nil {
			t.Errorf("%q was opened as %q", name, rec.Info().File)
			rec.Discard()
		}
	}
	// The name of a link that leads out is taken, as any other that exists.
	rec, err := (&media.Folder{Dir: dir}).Record("dangling.ts")
	if err != nil || rec.Info().File != "dangling-1.ts" {
		t.Errorf("%v", err)
	}
	if err := rec.Discard(); err != nil {
		t.Error(err)
	}
	for _, d := range []string{parent, outside} {
		entries, err := os.ReadDir(d)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if e.Name() != "recordings" && e.Name() != "outside" {
				t.Errorf("%s is outside", e.Name())
			}
		}
	}
}

func TestDiscardedRecordingIsRemoved(t *testing.T) {
	dir := t.TempDir()
	kept, err := (&media.Folder{Dir: dir}).Record("sub/video.ts")
	if err != nil {
		t.Fatal(err)
	}
	defer kept.Discard()
	rec, err := (&media.Folder{Dir: dir}).Record("sub/video.ts")
	if err != nil {
		t.Fatal(err)
	}
	if err := rec.Discard(); err != nil {
		t.Error(err)
	}
	entries, err := os.ReadDir(filepath.Join(dir, "sub"))
	if err != nil || len(entries) != 1 || entries[0].Name() != "video.ts" {
		t.Errorf("%v, %v", entries, err)
	}
}

func TestRecordFolderThatCannotBeMadeIsAnError(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte("not a folder"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := (&media.Folder{Dir: file}).Record("video.ts"); err == nil {
		t.Error("recorded into a file")
	}
	if b := readFile(t, file); !bytes.Equal(b, []byte("not a folder")) {
		t.Errorf("the file is now %q", b)
	}
}

// slowDisk is a file that takes room bytes and then none until it is read.
func slowDisk(t *testing.T, room int) (disk, file *os.File) {
	disk, file, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { disk.Close(); file.Close() })
	const holds = 64 << 10
	if _, err := file.Write(make([]byte, (holds-room)/mpegts.PacketSize*mpegts.PacketSize)); err != nil {
		t.Fatal(err)
	}
	return disk, file
}

func TestNoWriteToARecordingBeginsAfterAMute(t *testing.T) {
	r := media.NewRouter()
	sub := subscribe(t, r, media.Subscription{Name: "mic"})
	src, p := newSource(0, 8), open(t, r, "mic")
	var sent []byte
	for range 40 { // less than a message holds
		b := src.frame()
		sent = append(sent, b...)
		p.send(t, b)
	}
	for sub.Info().Bytes < len(sent) {
		runtime.Gosched()
	}
	const room = 4 << 10
	disk, file := slowDisk(t, room)
	rec := media.RecordTo(file, t.TempDir())
	ended := make(chan error, 1)
	go func() { ended <- rec.Run(t.Context(), sub) }()
	for sub.Info().Bytes > 0 {
		runtime.Gosched()
	}
	r.SetMutes([]string{"mic"}).Wait(t.Context())
	got := make(chan []byte, 1)
	go func() {
		b, _ := io.ReadAll(disk) // now the disk goes on
		got <- b
	}()
	sub.Close()
	<-ended
	if n, most := leaked(<-got, sent), room/mpegts.PacketSize+10; n > most { // and what of a write that had begun is left
		t.Errorf("%d packets of what was muted were written, of which at most %d had begun", n, most)
	}
}

func TestHoleInARecordingIsTold(t *testing.T) {
	r := media.NewRouter()
	sub := subscribe(t, r, media.Subscription{Name: "v"})
	disk, file := slowDisk(t, 0)
	rec := media.RecordTo(file, t.TempDir())
	var lost uint64
	rec.Lost = func(n uint64) { lost += n }
	ended := make(chan error, 1)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { ended <- rec.Run(ctx, sub) }()
	copyAll(t, r, "v", newSource(100, 0).take(600)) // 11 MiB
	go io.Copy(io.Discard, disk)
	cancel()
	<-ended
	dropped := sub.Info().Dropped
	if i := rec.Info(); dropped == 0 || i.Dropped != dropped || lost != dropped {
		t.Errorf("of %d packets dropped status tells %+v, and %d were told", dropped, i, lost)
	}
}

func TestRecordingsAreForTheirUserAlone(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "recordings")
	rec, err := (&media.Folder{Dir: dir}).Record("lab/x.ts")
	if err != nil {
		t.Fatal(err)
	}
	defer rec.Discard()
	for name, want := range map[string]os.FileMode{"": os.ModeDir | 0o700, "lab": os.ModeDir | 0o700, "lab/x.ts": 0o600} {
		if i, err := os.Stat(filepath.Join(dir, name)); err != nil || i.Mode() != want {
			t.Errorf("%q: %v, %v", name, i.Mode(), err)
		}
	}
}
