package owner

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// onAirEvery is the time between two looks at what leaves.
const onAirEvery = 100 * time.Millisecond

// keepOnAir keeps the on-air file to the feeds that leave. When ctx ends nothing
// leaves any more.
func (o *Owner) keepOnAir(ctx context.Context) {
	var written []string
	write := func(names []string) {
		err := o.writeOnAir(names)
		if err == nil {
			written = names
		}
		o.tellOnAir(err)
	}
	tick := time.NewTicker(onAirEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			write(nil)
			return
		case <-tick.C:
		}
		if names := o.config.Router.OnAir(); !slices.Equal(names, written) {
			write(names)
		}
	}
}

// tellOnAir notes whether the on-air file could be written.
func (o *Owner) tellOnAir(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	before := o.onAirError
	o.onAirError = ""
	if err != nil {
		o.onAirError = err.Error()
	}
	switch {
	case err != nil && before == "":
		o.config.Log.Error("on-air file cannot be written: it may tell what is not so", "err", err)
	case err == nil && before != "":
		o.config.Log.Info("on-air file is written again")
	}
}

// writeOnAir replaces the on-air file at once. Whatever shows a sign by it may
// read it.
func (o *Owner) writeOnAir(names []string) error {
	path := o.config.OnAirFile
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target
	}
	temp, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".new-*")
	if err != nil {
		return fmt.Errorf("the on-air file %s cannot be made: %w", path, err)
	}
	text := ""
	if len(names) > 0 {
		text = strings.Join(names, "\n") + "\n"
	}
	_, err = temp.WriteString(text)
	if err = errors.Join(err, temp.Chmod(0o644), temp.Close()); err == nil {
		err = os.Rename(temp.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(temp.Name()))
	}
	return nil
}
