package media

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"vw/media/mpegts"
)

// A Recording is a file to which what a subscriber gets is written, without
// separators.
type Recording struct {
	// Lost is told how many packets or messages the disk was too slow for since
	// the last time, once a second at most. Defaults to nobody.
	Lost func(n uint64)

	name   string
	file   *os.File
	folder *Folder
	noted  bool // in the folder's ledger

	mu    sync.Mutex
	sub   *Subscriber // nil before Run
	bytes int64
	err   error
}

// Run writes what sub gets until ctx ends and its queue is empty, or it is
// closed; then the file is closed. It returns what stopped it before that.
func (r *Recording) Run(ctx context.Context, sub *Subscriber) error {
	r.mu.Lock()
	r.sub = sub
	r.mu.Unlock()
	defer r.folder.closed(r.name)
	err := r.copy(ctx, sub)
	if closeErr := errors.Join(r.file.Sync(), r.file.Close()); err == nil {
		err = closeErr
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.err = err
	return err
}

func (r *Recording) copy(ctx context.Context, sub *Subscriber) error {
	var told time.Time
	var lost uint64
	tell := func() {
		if n := sub.Info().Dropped; n != lost && r.Lost != nil {
			r.Lost(n - lost)
			lost = n
		}
	}
	defer tell()
	for {
		m, err := sub.Take(ctx)
		if err != nil {
			return nil
		}
		whole, err := r.write(m, sub)
		sub.Done(whole)
		if err != nil {
			return err
		}
		if now := time.Now(); now.Sub(told) >= time.Second {
			told = now
			tell()
		}
	}
}

// write writes one part after another, while none of the message has been
// removed from the rules: what is muted while the disk holds a part up is not
// written after it. Whole packets are left in the file even where the disk is
// full. It reports whether all was written.
func (r *Recording) write(m Message, sub *Subscriber) (whole bool, err error) {
	var n int64
	for _, b := range m.Parts {
		if sub.Removed() {
			break
		}
		if err = r.folder.begin(int64(len(b))); err != nil {
			break
		}
		var k int
		k, err = r.file.Write(b)
		r.folder.end(int64(len(b)))
		n += int64(k)
		if err == nil && !r.noted {
			r.noted, err = true, r.folder.note(r.name, b)
		}
		if err != nil {
			err = fmt.Errorf("write the recording: %w", err)
			break
		}
	}
	whole = n == int64(m.Len()) && err == nil
	r.mu.Lock()
	defer r.mu.Unlock()
	if odd := n % mpegts.PacketSize; err != nil && odd > 0 {
		n -= odd
		err = errors.Join(err, r.file.Truncate(r.bytes+n))
	}
	r.bytes += n
	return whole, err
}

// Discard closes and removes a recording that has not been run.
func (r *Recording) Discard() error {
	defer r.folder.closed(r.name)
	return errors.Join(r.file.Close(), os.Remove(r.file.Name()))
}

// RecordingInfo is the state of a recording.
type RecordingInfo struct {
	File    string `json:"file"`            // as it is called in the record folder
	Bytes   int64  `json:"bytes"`           // written
	Dropped uint64 `json:"dropped"`         // packets, or messages, that are missing: the disk was too slow
	Error   string `json:"error,omitempty"` // what stopped it
}

// Info may be called at any time.
func (r *Recording) Info() RecordingInfo {
	r.mu.Lock()
	defer r.mu.Unlock()
	i := RecordingInfo{File: r.name, Bytes: r.bytes}
	if r.sub != nil {
		i.Dropped = r.sub.Info().Dropped
	}
	if r.err != nil {
		i.Error = r.err.Error()
	}
	return i
}
