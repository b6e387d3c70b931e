package media_test

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"vw/media"
)

func TestKeepIsAnAgeOrASizeOrBoth(t *testing.T) {
	for s, want := range map[string]media.Keep{
		"7d": {Age: 7 * 24 * time.Hour}, "12h": {Age: 12 * time.Hour}, "90m": {Age: 90 * time.Minute},
		"20GB": {Size: 20e9}, "500MB": {Size: 500e6}, "7d,20GB": {Age: 7 * 24 * time.Hour, Size: 20e9}, "1TB,30d": {Age: 720 * time.Hour, Size: 1e12},
	} {
		var k, again media.Keep
		if err := k.Set(s); err != nil || k != want {
			t.Errorf("%q: %+v, %v", s, k, err)
		}
		if err := again.Set(k.String()); err != nil || again != k {
			t.Errorf("%q is shown as %q", s, k.String())
		}
	}
	for _, s := range []string{"7", "d", "0d", "-7d", "7d,", "7d,8d", "1GB,2GB", "7days", "20 GB", "1e3GB", "99999999999999d", "4000000000TB", "7d 20GB"} {
		k := media.Keep{Age: 1}
		if err := k.Set(s); err == nil || k.Age != 1 {
			t.Errorf("%q was taken: %+v", s, k)
		}
	}
}

// recordings makes one of so many frames for each name, and ages it by a day
// more than the next.
func recordings(t *testing.T, f *media.Folder, frames int, names ...string) {
	for i, name := range names {
		r := media.NewRouter()
		sub := subscribe(t, r, media.Subscription{Name: "feed"})
		src := newSource(50, 3)
		src.frames = 10 * i // none begins as another
		copyAll(t, r, "feed", src.take(frames))
		rec, err := f.Record(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := rec.Run(over(), sub); err != nil {
			t.Fatal(err)
		}
		at := time.Now().Add(-time.Duration(len(names)-i) * 24 * time.Hour)
		if err := os.Chtimes(filepath.Join(f.Dir, name), at, at); err != nil {
			t.Fatal(err)
		}
	}
}

// tidied lets the folder delete, and returns what it told.
func tidied(t *testing.T, f *media.Folder) (deleted []string) {
	f.Run(over(), func(name string, err error) {
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		deleted = append(deleted, name)
	})
	return deleted
}

func TestOldestRecordingsAreDeletedBeyondWhatIsKept(t *testing.T) {
	const size = 100_000 // of one, about
	for _, c := range []struct {
		keep media.Keep
		want []string
	}{
		{media.Keep{}, nil},
		{media.Keep{Age: 84 * time.Hour}, []string{"a.ts"}},
		{media.Keep{Age: 36 * time.Hour}, []string{"a.ts", "lab/b.ts", "c.ts"}},
		{media.Keep{Size: 10 * size}, nil},
		{media.Keep{Size: 3 * size}, []string{"a.ts"}},
		{media.Keep{Size: 3 * size, Age: 60 * time.Hour}, []string{"a.ts", "lab/b.ts"}},
		{media.Keep{Size: 1}, []string{"a.ts", "lab/b.ts", "c.ts", "d.ts"}},
	} {
		f := &media.Folder{Dir: t.TempDir(), Keep: c.keep}
		recordings(t, f, 9, "a.ts", "lab/b.ts", "c.ts", "d.ts")
		if got := tidied(t, &media.Folder{Dir: f.Dir, Keep: c.keep}); !slices.Equal(got, c.want) {
			t.Errorf("%+v: deleted %q, want %q", c.keep, got, c.want)
		}
		for _, name := range []string{"a.ts", "lab/b.ts", "c.ts", "d.ts"} {
			if _, err := os.Stat(filepath.Join(f.Dir, name)); os.IsNotExist(err) != slices.Contains(c.want, name) {
				t.Errorf("%+v: %s: %v", c.keep, name, err)
			}
		}
		if again := tidied(t, f); len(again) > 0 {
			t.Errorf("%+v: the second time %q", c.keep, again)
		}
	}
}

func TestRecordingThatTookTheNameOfOneMovedAwayCountsOnce(t *testing.T) {
	f := &media.Folder{Dir: t.TempDir()}
	for i := range 5 {
		recordings(t, f, 9+i, "show.ts")
		if i < 4 {
			if err := os.Remove(filepath.Join(f.Dir, "show.ts")); err != nil {
				t.Fatal(err)
			}
		}
	}
	recordings(t, f, 9, "other.ts")
	f.Keep.Size = 500_000 // they have 240,000
	if got := tidied(t, f); len(got) > 0 {
		t.Errorf("deleted %q, though there is room", got)
	}
	f.Keep.Size = 1
	if got := tidied(t, f); len(got) != 2 {
		t.Errorf("deleted %q, want both", got)
	}
}

func TestNothingButOwnRecordingsIsDeleted(t *testing.T) {
	f := &media.Folder{Dir: t.TempDir(), Keep: media.Keep{Age: time.Hour, Size: 1}}
	path := func(name string) string { return filepath.Join(f.Dir, name) }
	recordings(t, f, 2, "ours.ts", "replaced.ts", "linked.ts", "renamed.ts", "written.ts")
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	long := time.Now().Add(-1000 * time.Hour)
	must(os.WriteFile(path("theirs.ts"), newSource(3, 0).take(3), 0o644))
	must(os.Remove(path("replaced.ts")))
	must(os.WriteFile(path("replaced.ts"), newSource(4, 0).take(3), 0o644))
	must(os.Remove(path("linked.ts")))
	must(os.Symlink("theirs.ts", path("linked.ts")))
	must(os.Rename(path("renamed.ts"), path("mine.ts")))
	must(os.Mkdir(path("folder"), 0o755))
	for _, name := range []string{"theirs.ts", "replaced.ts", "mine.ts"} {
		must(os.Chtimes(path(name), long, long))
	}
	for _, name := range []string{".vw-recordings", ".VW-Recordings.new"} { // where case does not tell files apart it is the same
		if _, err := f.Record(name); err == nil {
			t.Errorf("%s, a list of recordings, is a recording", name)
		}
	}

	// One that is being written, by this agent or another one.
	other := &media.Folder{Dir: f.Dir, Keep: f.Keep}
	r := media.NewRouter()
	sub := subscribe(t, r, media.Subscription{Name: "feed"})
	rec, err := other.Record("now.ts")
	must(err)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- rec.Run(ctx, sub) }()
	copyAll(t, r, "feed", newSource(9, 0).take(5))
	for rec.Info().Bytes == 0 {
		runtime.Gosched()
	}
	must(os.Chtimes(path("now.ts"), long, long))

	var deleted []string
	for _, folder := range []*media.Folder{other, f} {
		folder.Run(over(), func(name string, err error) {
			if err == nil {
				deleted = append(deleted, name)
			}
		})
	}
	cancel()
	must(<-ended)
	if want := []string{"ours.ts", "written.ts"}; !slices.Equal(deleted, want) {
		t.Errorf("deleted %q, want %q", deleted, want)
	}
	for _, name := range []string{"theirs.ts", "replaced.ts", "linked.ts", "mine.ts", "folder", "now.ts"} {
		if _, err := os.Lstat(path(name)); err != nil {
			t.Error(err)
		}
	}
}

func TestRecordingsAreLookedThroughEveryMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &media.Folder{Dir: t.TempDir(), Keep: media.Keep{Size: 1}}
		deleted := 0
		ctx, cancel := context.WithCancel(t.Context())
		go f.Run(ctx, func(string, error) { deleted++ })
		synctest.Wait()
		recordings(t, f, 1, "a.ts")
		time.Sleep(61 * time.Second)
		synctest.Wait()
		if deleted != 1 {
			t.Errorf("%d deleted", deleted)
		}
		cancel()
		synctest.Wait()
	})
}
