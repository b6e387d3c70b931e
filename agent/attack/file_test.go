package attack_test

import (
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"vw/agent"
)

// Whoever else uses the machine does not read what is recorded.
func TestRecordingsAreTheOwnersAlone(t *testing.T) {
	if os.PathSeparator != '/' {
		t.Skip("this system has no modes of files")
	}
	dir := filepath.Join(t.TempDir(), "recordings")
	v := start(t, agent.Config{RecordDir: dir})
	v.owner(http.MethodPost, "/api/destinations", jsonOf(rule{ID: "0", Stream: "cam", Destination: v.relay.URL() + "/in/cam", File: "a/b/c.ts"}))
	found := 0
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has the mode %v", path, info.Mode())
		}
		found++
		return err
	})
	if err != nil || found < 3 {
		t.Errorf("%d files and folders, %v", found, err)
	}
}

// A state that others may write is not the owner's word.
func TestStateThatOthersMayWriteIsNotBelieved(t *testing.T) {
	if os.PathSeparator != '/' {
		t.Skip("this system has no modes of files")
	}
	path := filepath.Join(t.TempDir(), "state")
	v := start(t, agent.Config{State: path})
	v.owner(http.MethodPut, "/api/mutes/secret", "")
	v.end()
	if err := os.Chmod(path, 0o666); err != nil {
		t.Fatal(err)
	}
	_, err := agent.New(agent.Config{Name: "victim", State: path})
	if err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("the start says %v", err)
	}
}
