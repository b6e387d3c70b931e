package media_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
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
		rec, err := media.Record(dir, "lab/bench 1/video.ts")
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
	rec, err := media.Record(dir, "video.ts")
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
		rec, err := media.Record(t.TempDir(), "video.ts")
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
		rec, err := media.Record(dir, name)
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
		if rec, err := media.Record(dir, name); err == nil {
			t.Errorf("%q was opened as %q", name, rec.Info().File)
			rec.Discard()
		}
	}
	// The name of a link that leads out is taken, as any other that exists.
	rec, err := media.Record(dir, "dangling.ts")
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
	kept, err := media.Record(dir, "sub/video.ts")
	if err != nil {
		t.Fatal(err)
	}
	defer kept.Discard()
	rec, err := media.Record(dir, "sub/video.ts")
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
	if _, err := media.Record(file, "video.ts"); err == nil {
		t.Error("recorded into a file")
	}
	if b := readFile(t, file); !bytes.Equal(b, []byte("not a folder")) {
		t.Errorf("the file is now %q", b)
	}
}
