package link

import (
	"context"
	"io"
	"time"
)

var (
	errNoRoom   = newError(CodeNoRoom, "no memory for a message of more than %d KiB: those of all links together may take %d MiB", freeMessage>>10, roomOfAll>>20)
	errSlowPart = newError(CodeNoRoom, "a long message took more than %v to come in", messageTimeout)
)

// take reads a message and hands it on; one longer than limit bytes it reads
// past, and hands on nil; so it does when ctx has ended, after which nobody wants it. What it takes beyond freeMessage is given back before
// it returns.
func (c *Conn) take(ctx context.Context, r io.Reader, limit int, handle func(data []byte)) error {
	b := make([]byte, 0, 512)
	taken := 0 // of the room
	free := func() {
		c.room.Release(int64(taken))
		if taken = 0; !c.rest.IsZero() {
			c.rest = time.Time{}
			_ = c.alive()
		}
	}
	defer free()
	for {
		n, err := r.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		switch {
		case err == io.EOF:
			handle(b)
			return nil
		case err != nil && CodeOf(err) == CodeTimeout && !c.rest.IsZero():
			return errSlowPart
		case err != nil:
			return err
		case len(b) > limit || ctx.Err() != nil:
			b = nil
			free()
			if _, err := io.Copy(io.Discard, r); err != nil {
				return err
			}
			handle(nil)
			return nil
		case len(b) < cap(b):
			continue
		}
		size := min(2*cap(b), limit+1)
		if need := size - freeMessage - taken; need > 0 {
			switch err := c.reserve(ctx, need); {
			case err == nil:
				taken += need
			case ctx.Err() != nil:
				continue
			default:
				return err
			}
		}
		b = append(make([]byte, 0, size), b...)
	}
}

// reserve waits for room.
func (c *Conn) reserve(ctx context.Context, n int) error {
	if c.rest.IsZero() {
		c.rest = time.Now().Add(messageTimeout)
		_ = c.alive() // a broken socket shows at the next read
	}
	ctx, cancel := context.WithTimeout(ctx, roomTimeout)
	defer cancel()
	if err := c.room.Acquire(ctx, int64(n)); err != nil {
		return errNoRoom
	}
	return nil
}
