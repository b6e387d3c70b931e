package fleet

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/term"

	"vw/cmd/vw/cli"
	"vw/command/printable"
)

const (
	// drawEvery is the least time between two pictures of the table, and redrawAfter
	// the most: the times in it go on.
	drawEvery   = 200 * time.Millisecond
	redrawAfter = time.Second
	// A terminal's cursor goes home; the rest of a line, and of the screen, is emptied.
	home, endOfLine, endOfScreen = "\x1b[H", "\x1b[K", "\x1b[J"
	clear                        = "\x1b[2J"
)

// Once asks every agent how it stands, prints the table, or the rows as JSON, and
// reports whether all is well.
func (f *Fleet) Once(ctx context.Context, c *cli.Call, asJSON bool) (well bool, err error) {
	defer f.start(ctx, (*agent).run)()
	for _, a := range f.agents {
		select {
		case <-a.told:
		case <-ctx.Done():
			return false, cli.ErrInterrupted
		}
	}
	rows := f.rows()
	well = true
	for _, r := range rows {
		well = well && r.severity != cli.Wrong
	}
	if asJSON {
		return well, cli.PrintJSON(c.Stdout, rows)
	}
	_, err = io.WriteString(c.Stdout, screen{colour: cli.InColour(c.Stdout, c.Environ)}.table(rows, time.Now()))
	return well, err
}

// Watch shows how the agents stand until ctx ends: in a terminal a table, elsewhere a
// line for each change.
func (f *Fleet) Watch(ctx context.Context, c *cli.Call) error {
	defer f.start(ctx, (*agent).run)()
	show := (&lines{out: c.Stdout, said: map[string]string{}}).show
	if terminal, is := c.Stdout.(*os.File); is && cli.IsTerminal(terminal) {
		fmt.Fprint(terminal, clear)
		colour := cli.InColour(terminal, c.Environ)
		show = func(rows []Row) error { return draw(terminal, colour, rows) }
	}
	for {
		if err := show(f.rows()); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(drawEvery):
		}
		select {
		case <-ctx.Done():
			return nil
		case <-f.changed:
		case <-time.After(redrawAfter):
		}
	}
}

// draw shows the table in a terminal, as much of it as has room.
func draw(terminal *os.File, colour bool, rows []Row) error {
	s := screen{colour: colour}
	s.width, s.height, _ = term.GetSize(int(terminal.Fd())) // 0: all of it
	text := home
	s.height-- // the cursor's line
	for line := range strings.Lines(s.table(rows, time.Now())) {
		text += strings.TrimSuffix(line, "\n") + endOfLine + "\r\n"
	}
	_, err := io.WriteString(terminal, text+endOfScreen)
	return err
}

// lines prints what has changed of each agent since it did last.
type lines struct {
	out  io.Writer
	said map[string]string
}

func (l *lines) show(rows []Row) error {
	for _, r := range rows {
		if !r.asked {
			continue
		}
		text := "there"
		if !r.There {
			text = "NOT there"
		}
		if hash := r.hash(); hash != "" {
			text += "; rules " + hash
		}
		text += "; " + r.air()
		if text == l.said[r.Agent] {
			continue
		}
		l.said[r.Agent] = text
		if _, err := fmt.Fprintln(l.out, printable.Text(time.Now().UTC().Format(time.RFC3339)+" "+r.Agent+": "+text)); err != nil {
			return err
		}
	}
	return nil
}
