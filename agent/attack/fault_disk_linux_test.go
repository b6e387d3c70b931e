package attack_test

import (
	"bytes"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"vw/agent"
)

// fill leaves no room on a disk.
func fill(t testing.TB, dir string) (mend func()) {
	path := filepath.Join(dir, "filler")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for err == nil {
		_, err = f.Write(make([]byte, 4096))
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
	return func() { _ = os.Remove(path) }
}

// forbid makes a disk read-only, as Linux does with one that has faults.
func forbid(t testing.TB, dir string) (mend func()) {
	eventually(t, "nothing is being written", func() bool {
		return syscall.Mount("", dir, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, "") == nil
	})
	return func() {
		if err := syscall.Mount("", dir, "", syscall.MS_REMOUNT, ""); err != nil {
			t.Error(err)
		}
	}
}

// A disk that takes nothing holds up no command, no mute and no picture. What is
// not kept is told, and kept once it can be.
func TestDiskThatTakesNothingHoldsNothingUpAndIsTold(t *testing.T) {
	for word, harm := range map[string]func(testing.TB, string) func(){"no space left": fill, "read-only": forbid} {
		t.Run(word, func(t *testing.T) {
			dir := disk(t, "size=1m")
			c := agent.Config{State: filepath.Join(dir, "state"), Journal: filepath.Join(dir, "journal"), RecordDir: filepath.Join(dir, "rec")}
			v := start(t, c)
			v.combine("before", "cam")
			v.add(rule{ID: "0", Stream: "cam", Destination: v.relay.URL() + "/in/cam"})
			v.settled("0")
			whole, err := os.ReadFile(c.State)
			if err != nil {
				t.Fatal(err)
			}
			mend := harm(t, dir)
			asked := time.Now()
			if reply := v.combine("during", "cam"); refused(reply) {
				t.Errorf("a rule is answered %s", reply)
			}
			within(t, "a rule", time.Since(asked), 500*time.Millisecond)
			if code, text := v.request(http.MethodPut, "/api/mutes/mic", ""); code != http.StatusInternalServerError || !strings.Contains(text, word) {
				t.Errorf("a mute that is not kept is answered %d %s", code, text)
			}
			reply := v.add(rule{ID: "1", Stream: "cam", Destination: v.relay.URL() + "/in/x", File: "x.ts"})
			v.carries("cam", 0)
			eventually(t, "a recording is refused, or tells that it has ended", func() bool {
				r := v.status().Destinations["1"].Recording
				return refused(reply) || r != nil && r.Error != ""
			})
			s := v.status()
			if !strings.Contains(s.StateError, word) || len(s.Mutes) != 1 {
				t.Errorf("status tells %q, muted %q", s.StateError, s.Mutes)
			}
			if harm := strings.Contains(s.JournalError, word); harm != (word == "read-only") { // on a full disk its last page has room
				t.Errorf("of the journal is told %q", s.JournalError)
			}
			if now, err := os.ReadFile(c.State); err != nil || !bytes.Equal(now, whole) {
				t.Errorf("the state that was kept is not whole: %v", err)
			}
			mend()
			v.combine("after", "cam")
			eventually(t, "all is kept again", func() bool { s := v.status(); return s.StateError+s.JournalError == "" })
			v.end()
			if text, err := os.ReadFile(c.Journal); err != nil || !bytes.Contains(text, []byte(`"during"`)) {
				t.Errorf("what was changed meanwhile is not in the journal: %v %s", err, text)
			}
			again := start(t, c)
			if got := again.owner(http.MethodGet, "/api/streams/all", ""); strings.Count(got, `["cam"]`) != 3 {
				t.Errorf("after a restart the streams are %s", got)
			}
			if s := again.status(); len(s.Mutes) != 1 {
				t.Errorf("after a restart is muted %q", s.Mutes)
			}
		})
	}
}

// carries holds that what is posted to a feed from packet n on arrives.
func (v *victim) carries(feed string, n int) {
	v.t.Helper()
	body, sub := v.post(feed), v.relay.Subscribe(feed)
	defer body.Close()
	ctx, arrived := patient(v.t), make(chan error, 1)
	go func() {
		_, err := sub.Next(ctx)
		arrived <- err
	}()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for ; ; n += 7 {
		select {
		case err := <-arrived:
			if err != nil {
				v.t.Fatalf("nothing of %s arrives", feed)
			}
			return
		case <-tick.C:
			if _, err := body.Write(packets(0x100, n, 7)); err != nil {
				v.t.Fatal(err)
			}
		}
	}
}
