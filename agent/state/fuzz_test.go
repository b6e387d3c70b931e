package state_test

import (
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"vw/agent/state"
	"vw/media"
)

// Whatever a disk makes of the file: it is read without a panic, and what cannot
// be read mutes and locks everything.
func FuzzOpen(f *testing.F) {
	f.Add([]byte(`{"version":1,"control":{"configured":"wss://r/bi/a"},"streams":{"s":["f:video"]},"destinations":{"0":{"stream":"s","destination":"wss://r/in/s"}},` +
		`"slots":{"s":{}},"mutes":["mic"],"locked":true}`))
	f.Add([]byte(`{"version":1,"streams":{"new`))
	f.Add([]byte(`{"version":2}`))
	f.Add([]byte(``))
	f.Add([]byte("\x00\x00\x00\x00"))
	f.Add([]byte(`null`))
	path := filepath.Join(f.TempDir(), "state")
	f.Fuzz(func(t *testing.T, text []byte) {
		_ = os.Remove(path + ".previous")
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		defer removeCopies(t, path)
		open := func() state.Snapshot {
			t.Helper()
			_, held, err := state.Open(state.Config{Path: path, Log: slog.New(slog.DiscardHandler)})
			if err != nil {
				t.Fatal(err)
			}
			return held
		}
		held := open()
		var read state.Snapshot
		sound := json.Unmarshal(text, &read) == nil && read.Version == 1
		if held.Damaged && !read.Damaged && sound || !sound && !(held.Damaged && held.Locked && slices.Contains(held.Mutes, media.MuteAll)) {
			t.Fatalf("read as %+v", held)
		}
		held.Rules()
		if again := open(); jsonOf(again) != jsonOf(held) {
			t.Fatalf("read again it is %s, and was %s", jsonOf(again), jsonOf(held))
		}
	})
}

func removeCopies(t *testing.T, path string) {
	copies, err := filepath.Glob(path + ".damaged-*")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range copies {
		_ = os.Remove(c)
	}
}

func jsonOf(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(b)
}
