package tokens

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"sync/atomic"
	"time"
)

// lookEvery is how often a file is looked at.
const lookEvery = time.Second

// A File is a file of tokens that may be changed at any time.
type File struct {
	path string
	log  *slog.Logger
	seen state // Run only
	list atomic.Pointer[list]
}

// state is what tells that a file has changed.
type state struct {
	modified time.Time
	size     int64
}

// Open reads a file. Its error says in which line what is wrong.
func Open(path string, log *slog.Logger) (*File, error) {
	f := &File{path: path, log: log}
	now, err := f.look()
	if err == nil {
		err = f.read(now)
	}
	if err != nil {
		return nil, fmt.Errorf("tokens: %w", err)
	}
	return f, nil
}

// Allows reports whether a token may be used on /way/topic.
func (f *File) Allows(token, way, topic string) bool {
	return f.list.Load().allows(token, way, topic, time.Now())
}

// Run reads the file again whenever it has changed and been left alone for a
// second, until ctx ends. What cannot be read changes nothing and is logged.
func (f *File) Run(ctx context.Context) {
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	failure, before := "", f.seen
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		now, err := f.look()
		settled := now == before
		before = now
		if err == nil && (now == f.seen || !settled) {
			continue
		}
		if err == nil {
			err = f.read(now)
		}
		switch {
		case err == nil:
			f.log.Info("tokens read again", "file", f.path, "tokens", len(*f.list.Load()))
			failure = ""
		case err.Error() != failure:
			failure = err.Error()
			f.log.Error("tokens are as they were: the file cannot be read", "file", f.path, "err", err)
		}
	}
}

func (f *File) look() (state, error) {
	info, err := os.Stat(f.path)
	if err != nil {
		return state{}, err
	}
	return state{info.ModTime(), info.Size()}, nil
}

// read takes the file in, or leaves all as it was but for having seen it.
func (f *File) read(now state) error {
	text, err := os.ReadFile(f.path)
	if err != nil {
		return err
	}
	f.seen = now
	l, err := parse(string(text))
	if err != nil {
		return fmt.Errorf("%s, %w", f.path, err)
	}
	f.list.Store(&l)
	return nil
}
