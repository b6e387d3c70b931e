package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"vw/command"
	"vw/command/printable"
)

var errEnd = errors.New("end of input")

// An input is the lines of standard input.
type input struct {
	lines chan string // closed at the end, and err says which
	err   error
}

// newInput begins to read in. A read from a terminal or pipe cannot be called
// off, so its goroutine may outlive ctx until the program ends.
func newInput(ctx context.Context, in io.Reader) *input {
	i := &input{lines: make(chan string), err: errEnd}
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

// next is the next line, without space around it. At the end it is errEnd.
func (i *input) next(ctx context.Context) (string, error) {
	select {
	case line, ok := <-i.lines:
		if !ok {
			return "", i.err
		}
		return line, nil
	case <-ctx.Done():
		return "", errInterrupted
	}
}

// A talk is a conversation over one link.
type talk struct {
	*channel
	out     io.Writer
	refs    map[string]bool // of what was sent: an answer may come late
	waiting string          // the ref of what is to be answered
	heard   int             // answers to it
}

const prompt = "> "

// talk sends what is typed, a line at a time, and prints answers as they come,
// until the input, the link or ctx ends.
func (s *sending) talk(ctx context.Context, in *input, out io.Writer) error {
	l, err := s.dial(ctx, s.urls[0])
	if err != nil {
		return err
	}
	defer l.close()
	t := &talk{channel: l, out: out, refs: map[string]bool{}}
	fmt.Fprintf(out, "%s is there. Type a command a line; Ctrl-D ends.\n%s", withoutQuery(s.urls[0]), prompt)
	timer := time.NewTimer(0)
	timer.Stop()
	for {
		lines := in.lines
		if t.waiting != "" {
			lines = nil
		}
		select {
		case <-ctx.Done():
			return nil
		case line, ok := <-lines:
			if !ok && errors.Is(in.err, errEnd) {
				fmt.Fprintln(out)
				return nil
			} else if !ok {
				return in.err
			}
			if err := t.say(line); err != nil {
				return err
			}
			timer.Reset(s.Timeout)
		case message, ok := <-l.messages:
			if !ok {
				return l.err
			}
			t.hear(message, s.expect)
		case <-timer.C:
			t.giveUp(s.expect)
		}
	}
}

// say sends a line, if it is a command.
func (t *talk) say(line string) (err error) {
	if line == "" {
		fmt.Fprint(t.out, prompt)
		return nil
	}
	o, err := parseOrder(line)
	if err != nil {
		fmt.Fprintf(t.out, "not sent: %v\n%s", err, prompt)
		return nil
	}
	t.heard = 0
	if t.waiting, err = t.send(o); err == nil {
		t.refs[t.waiting] = true
	}
	return err
}

// hear prints the answers in a message to what was sent.
func (t *talk) hear(message []byte, expect int) {
	for _, a := range answers(message) {
		if !t.refs[*a.Ref] {
			continue
		}
		fmt.Fprintf(t.out, "\r%s: %s\n", printable.Text(a.From), printable.Text(compact(a.Reply)))
		if *a.Ref == t.waiting {
			t.heard++
		}
		if t.waiting == "" || t.heard == expect {
			t.waiting = ""
			fmt.Fprint(t.out, prompt)
		}
	}
}

// giveUp ends the wait for answers.
func (t *talk) giveUp(expect int) {
	if t.waiting == "" {
		return
	}
	if err := t.missing(t.heard, expect); err != nil {
		fmt.Fprintf(t.out, "%v\n", err)
	}
	t.waiting = ""
	fmt.Fprint(t.out, prompt)
}
