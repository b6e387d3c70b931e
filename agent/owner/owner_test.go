package owner_test

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"vw/agent/owner"
	"vw/media"
)

// A bench is an owner, and the router that obeys.
type bench struct {
	*owner.Owner
	t      *testing.T
	router *media.Router
	clock  atomic.Int64 // how far the wall clock is from the bubble's, in ns
	saved  int
}

// newBench makes one whose clock is set, unless c says otherwise.
func newBench(t *testing.T, c owner.Config, s owner.State, muted ...string) *bench {
	t.Helper()
	b := &bench{t: t, router: media.NewRouter()}
	c.Router, c.Log = b.router, slog.New(slog.DiscardHandler)
	c.Saver, c.Turns = host{b}, host{b}
	if c.Now == nil {
		c.Now = func() time.Time { return time.Now().Add(time.Duration(b.clock.Load())).Round(0) }
	}
	if c.Built.IsZero() {
		c.Built = time.Date(1999, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	o, err := owner.New(c, s, muted)
	if err != nil {
		t.Fatal(err)
	}
	b.Owner = o
	return b
}

// A host is the agent around the owner's word.
type host struct{ *bench }

func (h host) Save() error {
	h.saved++
	return nil
}

func (host) InTurn(_ context.Context, work func() error) error { return work() }

// run follows the clock until the test ends.
func (b *bench) run() {
	ctx, cancel := context.WithCancel(b.t.Context())
	ended := make(chan struct{})
	go func() { b.Run(ctx); close(ended) }()
	b.t.Cleanup(func() { cancel(); <-ended })
}

func (b *bench) mute(feed string, w owner.When) {
	b.t.Helper()
	m, err := b.NewMute(feed, w)
	if err == nil {
		err = b.Mute(b.t.Context(), m)
	}
	if err != nil {
		b.t.Fatal(err)
	}
}

// muted holds the router to what is muted.
func (b *bench) muted(when string, entries ...string) {
	b.t.Helper()
	if got := strings.Join(b.router.Mutes(), " "); got != strings.Join(entries, " ") {
		b.t.Errorf("%s: muted are %q, want %q", when, got, entries)
	}
}

// pass lets time pass, and what hangs on it happen.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// A bubble's time begins on Saturday, 1 January 2000, 00:00 UTC.

func TestScheduleFollowsTheClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, owner.Config{}, owner.State{})
		b.run()
		b.mute("a", owner.When{Until: "18:00"})
		b.mute("b", owner.When{For: "45m"})
		b.mute("c", owner.When{Every: "sat 10:00-12:00"})
		b.mute("d", owner.When{Every: "fri,sun 23:00-00:30"})
		b.muted("at once", "a", "b", "d") // d since yesterday evening
		pass(31 * time.Minute)
		b.muted("at 00:31", "a", "b")
		pass(15 * time.Minute)
		b.muted("at 00:46", "a")
		pass(9*time.Hour + 14*time.Minute + time.Second)
		b.muted("at 10:00:01", "a", "c")
		pass(2 * time.Hour)
		b.muted("at 12:00:01", "a")
		pass(6 * time.Hour)
		b.muted("at 18:00:01")
		b.clock.Store(int64(29 * time.Hour))
		pass(time.Second)
		b.muted("on Sunday at 23:00:01", "d")
		pass(90 * time.Minute)
		b.muted("on Monday at 00:30:01")
		if n := len(b.Info().Schedule); n != 2 {
			t.Errorf("%d mutes are left, want the two that come again", n)
		}
	})
}

func TestScheduleFollowsAClockThatIsSet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, owner.Config{}, owner.State{})
		b.run()
		b.mute("c", owner.When{Every: "sat 10:00-12:00"})
		b.muted("at midnight")
		b.clock.Store(int64(10 * time.Hour))
		pass(time.Second)
		b.muted("set to 10:00", "c")
		b.clock.Store(0)
		pass(time.Second)
		b.muted("set back")
	})
}

// An agent that nothing is scheduled on does not wake up for that.
func TestClockIsLookedAtOnlyWhileSomethingIsScheduled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var looks atomic.Int64
		b := newBench(t, owner.Config{Now: func() time.Time { looks.Add(1); return time.Now() }}, owner.State{}, "a")
		b.run()
		b.mute("b", owner.When{})
		idle := func() {
			t.Helper()
			synctest.Wait()
			before := looks.Load()
			pass(time.Hour)
			if n := looks.Load() - before; n > 0 {
				t.Errorf("%d looks in an hour", n)
			}
		}
		idle()
		b.mute("c", owner.When{For: "1m"})
		pass(time.Minute + time.Second)
		b.muted("when the minute is over", "a", "b")
		idle()
	})
}

func TestWithAClockThatIsNotSetWhatIsScheduledIsMuted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		window := owner.Window{}
		if err := window.UnmarshalText([]byte("sun 10:00-12:00")); err != nil {
			t.Fatal(err)
		}
		b := newBench(t, owner.Config{Built: time.Now().Add(24 * time.Hour)}, owner.State{
			Schedule: []owner.Mute{{Feed: "a", Every: window}, {Feed: "b", Until: time.Now().Add(-time.Hour)}}})
		b.muted("before it is set", "a", "b")
		if !b.Info().ClockUnset {
			t.Error("it does not say why")
		}
		for _, w := range []owner.When{{For: "45m"}, {Until: "18:00"}} {
			if _, err := b.NewMute("c", w); err == nil || !strings.Contains(err.Error(), "clock is not set") {
				t.Errorf("%+v: %v", w, err)
			}
		}
		b.mute("c", owner.When{Every: "sun 10:00-12:00"})
		b.muted("before it is set", "a", "b", "c")
		b.run()
		b.clock.Store(int64(36 * time.Hour)) // Sunday noon
		pass(time.Second)
		b.muted("after it is set")
		b.clock.Store(int64(35 * time.Hour))
		pass(time.Second)
		b.muted("in the window", "a", "c")
	})
}

func TestMutesOfAFeedAddUpAndUnmuteEndsThemAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, owner.Config{}, owner.State{}, "a")
		b.run()
		b.mute("a", owner.When{Every: "sat 10:00-12:00"})
		b.mute("a", owner.When{Every: "sat 14:00-16:00"})
		b.mute("a", owner.When{For: "1h"})
		b.mute("a", owner.When{For: "2h"}) // in place of the hour
		b.mute("a", owner.When{For: "1s"}) // would unmute, which is unmute's alone
		pass(2*time.Hour - time.Second)
		if s := b.State(); len(s.Mutes) != 1 || len(s.Schedule) != 3 {
			t.Errorf("%+v", s)
		}
		pass(time.Hour)
		b.muted("when the two hours are over", "a")
		if err := b.Unmute(t.Context(), "a"); err != nil {
			t.Fatal(err)
		}
		b.muted("after unmute")
		pass(8 * time.Hour)
		b.muted("in a window that was unmuted")
		if b.saved != 6 {
			t.Errorf("saved %d times", b.saved)
		}
	})
}

func TestAtMostAThousandMutes(t *testing.T) {
	b := newBench(t, owner.Config{}, owner.State{})
	for i := range 1000 {
		b.mute("f"+time.Duration(i).String(), owner.When{})
	}
	if err := b.Mute(t.Context(), owner.Mute{Feed: "one-more"}); err == nil || !strings.Contains(err.Error(), "1000 mutes") {
		t.Errorf("got %v", err)
	}
	b.mute("f"+time.Duration(7).String(), owner.When{}) // that is none more
	c := owner.Config{Router: media.NewRouter(), Log: slog.New(slog.DiscardHandler)}
	if _, err := owner.New(c, b.State(), []string{"one-more"}); err == nil || !strings.Contains(err.Error(), "1000 mutes") {
		t.Errorf("a start that would leave one unmuted: %v", err)
	}
	b.mute("*", owner.When{})
	if o, err := owner.New(c, b.State(), nil); err != nil || len(o.Muted()) != 1001 {
		t.Errorf("all of them, after a restart: %v", err)
	}
}

// eventually waits for what a real file system tells.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-ctx.Done():
			t.Fatalf("it did not come to this: %s", what)
		case <-tick.C:
		}
	}
}

func (b *bench) all() bool { return strings.Join(b.router.Mutes(), "") == "*" }

func TestMuteFileMutesEverything(t *testing.T) {
	path := filepath.Join(t.TempDir(), "mute")
	put := func() {
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	put()
	b := newBench(t, owner.Config{MuteFile: path}, owner.State{}, "a")
	if b.muted("from the start", "*", "a"); !strings.Contains(b.Still("b"), "exists") {
		t.Errorf("it does not say why: %q", b.Still("b"))
	}
	b.run()
	if err := b.Unmute(t.Context(), "*"); err != nil {
		t.Fatal(err)
	}
	_ = b.Unmute(t.Context(), "a")
	b.muted("whatever is unmuted", "*")
	for range 3 {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		eventually(t, "unmuted without the file", func() bool { return !b.all() })
		put()
		eventually(t, "muted with it", b.all)
	}
}

func TestMuteFileThatCannotBeLookedForMutes(t *testing.T) {
	dir := t.TempDir()
	folder := filepath.Join(dir, "later")
	b := newBench(t, owner.Config{MuteFile: filepath.Join(folder, "mute")}, owner.State{})
	if b.muted("without its folder", "*"); !strings.Contains(b.Info().MuteFile, "cannot be told") {
		t.Errorf("it says %q", b.Info().MuteFile)
	}
	b.run()
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	eventually(t, "unmuted when the folder is there", func() bool { return !b.all() })
	if err := os.Symlink("nowhere", filepath.Join(folder, "mute")); err != nil {
		t.Fatal(err)
	}
	eventually(t, "muted by a link that leads nowhere, in a folder that is not watched", b.all)
	newBench(t, owner.Config{MuteFile: "/dev/null/mute"}, owner.State{}).muted("in what is no folder", "*")
}
