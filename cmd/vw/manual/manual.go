// Package manual turns a program's own help into a manual page, and into
// completions for shells. It knows the flags alone, and no program.
package manual

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"
)

// A Program is what is told of one.
type Program struct {
	Name     string
	Summary  string // one line
	Commands []Command
}

// A Command is one that a program is called with. Where the program has none,
// it is the only one, and its Name is empty.
type Command struct {
	Name    string
	Summary string         // one line
	Help    string         // what --help says before it lists the flags
	Flags   *pflag.FlagSet // nil for none
}

// Page writes the manual page, for man(7). Its date is today, or that of
// SOURCE_DATE_EPOCH, where a build has to be reproducible.
func (p Program) Page(w io.Writer, version string) error {
	date := time.Now()
	if epoch, err := strconv.ParseInt(os.Getenv("SOURCE_DATE_EPOCH"), 10, 64); err == nil {
		date = time.Unix(epoch, 0)
	}
	var b strings.Builder
	fmt.Fprintf(&b, ".TH %s 1 %q %q\n.SH NAME\n%s \\- %s\n", strings.ToUpper(p.Name), date.UTC().Format(time.DateOnly), p.Name+" "+version, p.Name, roff(p.Summary))
	for _, c := range p.Commands {
		if p.Commands[0].Name == "" {
			b.WriteString(".SH DESCRIPTION\n")
		} else {
			fmt.Fprintf(&b, ".SH %s\n", roff(strings.ToUpper(p.Name+" "+c.Name)))
		}
		writeText(&b, cmp.Or(c.Help, c.Summary))
		c.each(func(f *pflag.Flag, value, usage string) {
			if value != "" {
				value = " \\fI" + roff(value) + "\\fR"
			}
			fmt.Fprintf(&b, ".TP\n\\fB\\-\\-%s\\fR%s\n%s\n", roff(f.Name), value, roff(usage))
		})
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// each calls do for every flag, with the name of its value and its usage, which
// ends with its default.
func (c Command) each(do func(f *pflag.Flag, value, usage string)) {
	if c.Flags == nil {
		return
	}
	c.Flags.VisitAll(func(f *pflag.Flag) {
		value, usage := pflag.UnquoteUsage(f)
		if d := f.DefValue; d != "" && d != "false" && d != "0" && d != "0s" && d != "[]" {
			usage += " (default " + d + ")"
		}
		do(f, value, usage)
	})
}

// writeText writes paragraphs. Lines that begin with spaces stay as they are.
func writeText(b *strings.Builder, text string) {
	kept := false // the lines are
	for line := range strings.Lines(strings.TrimSpace(text) + "\n") {
		line = strings.TrimRight(line, "\n")
		keep := strings.HasPrefix(line, " ") || strings.HasPrefix(line, "usage:")
		if keep != kept {
			b.WriteString(map[bool]string{true: ".nf\n", false: ".fi\n"}[keep])
		}
		if kept = keep; line == "" {
			b.WriteString(".PP\n")
			continue
		}
		b.WriteString(roff(line) + "\n")
	}
	if kept {
		b.WriteString(".fi\n")
	}
}

// roff is text in which man(7) finds nothing to obey.
func roff(text string) string {
	text = strings.NewReplacer(`\`, `\e`, "-", `\-`, "…", "...").Replace(text)
	if strings.HasPrefix(text, ".") || strings.HasPrefix(text, "'") {
		text = `\&` + text
	}
	return text
}
