//go:build unix

package owner

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// Trust says in words why somebody other than this user or root may have written
// a file: by its mode or owner, or those of a folder on the way to it, as ssh
// does. A file that is not there is judged by its folders. In a folder that
// others may write but that is sticky, such as /tmp, nobody replaces the files of
// another.
func Trust(path string) error {
	path, err := filepath.Abs(path)
	if err != nil {
		return err
	}
	for at := path; ; at = filepath.Dir(at) {
		info, err := os.Stat(at)
		switch {
		case at == path && errors.Is(err, fs.ErrNotExist):
			continue
		case err != nil:
			return err
		}
		sticky := info.IsDir() && info.Mode()&fs.ModeSticky != 0
		if info.Mode().Perm()&0o022 != 0 && !sticky {
			return fmt.Errorf("%s may be written by others (mode %04o), who could undo your mutes: chmod go-w %[1]s", at, info.Mode().Perm())
		}
		if uid := info.Sys().(*syscall.Stat_t).Uid; uid != 0 && int(uid) != os.Geteuid() {
			return fmt.Errorf("%s belongs to another user (uid %d), who could undo your mutes: it has to be root's or that of the user vw runs as", at, uid)
		}
		if at == filepath.Dir(at) {
			return nil
		}
	}
}

// secret says why others may read or write a file.
func secret(path string) error {
	info, err := os.Stat(path)
	if err == nil && info.Mode().Perm()&0o007 != 0 {
		return fmt.Errorf("%s may be read or written by everybody (mode %04o): chmod o= %[1]s", path, info.Mode().Perm())
	}
	if err != nil {
		return err
	}
	return Trust(path)
}
