package owner

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/fsnotify/fsnotify"

	"vw/command"
)

// lookEvery is the time between two looks for the mute file where the system
// does not tell of it.
const lookEvery = 200 * time.Millisecond

// lookFor says why a mute file mutes everything: it exists, or it cannot be told
// whether it does. It returns "" where it does not.
func lookFor(path string) (why string) {
	_, err := os.Lstat(path)
	if err == nil {
		return path + " exists"
	}
	if errors.Is(err, fs.ErrNotExist) {
		if _, err = os.Stat(filepath.Dir(path)); err == nil {
			return ""
		}
	}
	return fmt.Sprintf("it cannot be told whether %s exists: %v", path, err)
}

// watchMuteFile follows the file. Its folder's events are the fast way; a look
// every so often needs none of them.
func (o *Owner) watchMuteFile(ctx context.Context) {
	var events chan fsnotify.Event
	var failed chan error
	watcher, err := fsnotify.NewWatcher()
	if err == nil {
		defer watcher.Close()
		events, failed = watcher.Events, watcher.Errors
		err = watcher.Add(filepath.Dir(o.config.MuteFile))
	}
	if err != nil {
		o.config.Log.Info("the mute file's folder tells of no change: it is looked at", "every", lookEvery, "err", err)
	}
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		o.lookForMuteFile(ctx)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-events:
		case <-failed:
		}
	}
}

func (o *Owner) lookForMuteFile(ctx context.Context) {
	why := lookFor(o.config.MuteFile)
	o.change(command.Actor{Who: "mute file"}.In(ctx), func() {
		if why != o.muteFile {
			o.config.Log.Info("mute file", "allMuted", why != "", "why", why)
		}
		o.muteFile = why
	})
}
