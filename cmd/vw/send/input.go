package send

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"vw/cmd/vw/cli"
	"vw/command"
)

// An input is the lines of standard input.
type input struct {
	lines chan string // closed at the end, and err says which
	err   error
}

// newInput begins to read in. A read from a terminal or pipe cannot be called
// off, so its goroutine may outlive ctx until the program ends.
func newInput(ctx context.Context, in io.Reader) *input {
	i := &input{lines: make(chan string), err: io.EOF}
	go func() {
		defer close(i.lines)
		scanner := bufio.NewScanner(in)
		scanner.Buffer(nil, command.MaxCommand)
		for scanner.Scan() {
			select {
			case i.lines <- strings.TrimSpace(scanner.Text()):
			case <-ctx.Done():
				return
			}
		}
		if err := scanner.Err(); errors.Is(err, bufio.ErrTooLong) {
			i.err = fmt.Errorf("it is longer than agents take (%d bytes)", command.MaxCommand)
		} else if err != nil {
			i.err = fmt.Errorf("read standard input: %w", err)
		}
	}()
	return i
}

// next is the next line, without space around it. At the end it is io.EOF.
func (i *input) next(ctx context.Context) (string, error) {
	select {
	case line, ok := <-i.lines:
		if !ok {
			return "", i.err
		}
		return line, nil
	case <-ctx.Done():
		return "", cli.ErrInterrupted
	}
}
