package devices

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Install writes the line of a feed's device to etc/vw/FEED.source below root,
// where the unit vw-source@FEED reads it, and says on out what to do next. It
// replaces no file, and starts nothing.
func (r *Report) Install(root, feed string, out io.Writer) error {
	all := slices.Concat(r.Cameras, r.Microphones)
	at := slices.IndexFunc(all, func(d Device) bool { return d.Feed == feed })
	if at < 0 {
		var there []string
		for _, d := range all {
			there = append(there, d.Feed)
		}
		if there == nil {
			return errors.New("there is no camera or microphone to install: vw devices says more")
		}
		return fmt.Errorf("no device would feed %q: vw devices lists %s", feed, strings.Join(there, ", "))
	}
	d := all[at]
	dir := filepath.Join(root, sources)
	path := filepath.Join(dir, feed+".source")
	if d.Unit != "" {
		return fmt.Errorf("%s uses this device already: change that file, or remove it first", path)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return advised(err)
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return advised(err)
	}
	_, err = fmt.Fprintf(f, "# %s, for the unit %s: a shell runs this. Change it as you like.\nexec %s\n", d.Name, unit+feed, d.Line)
	if err = errors.Join(err, f.Close()); err != nil {
		return errors.Join(err, os.Remove(path))
	}
	fmt.Fprintf(out, "%s is written. Next: systemctl enable --now %s\n", path, unit+feed)
	if d.StableBy == "" {
		fmt.Fprintf(out, "The system gives %s no lasting name: after a restart it may be another device.\n", d.Device)
	}
	return nil
}

// advised adds what to do about an error of the file system.
func advised(err error) error {
	switch {
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%w: run it as root, with sudo", err)
	case errors.Is(err, fs.ErrExist):
		return fmt.Errorf("%w: change that file, or remove it first", err)
	}
	return err
}
