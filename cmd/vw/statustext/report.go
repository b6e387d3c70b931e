// Package statustext puts an agent's status in words for people. It prints the
// conditions and problems that the agent decided, with facts beside them, and
// judges nothing itself. It must not know how the status came.
package statustext

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"vw/agent/status"
	"vw/cmd/vw/cli"
	"vw/command/printable"
)

// A View is a status as it was seen at a time.
type View struct {
	status.Status
	URL string // of the agent
	Now time.Time
}

// A Line is one thing that a report tells.
type Line struct {
	Severity cli.Severity
	Text     string
}

// A Report is what vw status says, in sections.
type Report struct {
	Head     string
	Sections []Section
}

// A Section is lines under a head.
type Section struct {
	Head  string
	Lines []Line
}

// Report tells all.
func (v View) Report() Report {
	r := Report{Head: fmt.Sprintf("%s: vw %s at %s, running for %s", printable.Text(v.Name), printable.Text(v.Version), v.URL,
		cli.Span(time.Duration(v.Uptime*float64(time.Second))))}
	var out, in []Line
	for _, id := range slices.Sorted(maps.Keys(v.Destinations)) {
		out = append(out, v.destination(id)...)
	}
	if len(out) == 0 {
		out = []Line{{cli.Quiet, "nothing: there is no destination rule"}}
	}
	for _, name := range slices.Sorted(maps.Keys(v.Feeds)) {
		in = append(in, v.feed(name))
	}
	if len(in) == 0 {
		in = []Line{{cli.Plain, "nothing: vw devices lists cameras and microphones, and the ffmpeg line of each"}}
	}
	r.Sections = []Section{{"going out", out}, {"coming in", in}, {"commands", v.channel()}, {"you", v.owner()}}
	return r
}

// wrong lists the texts of what is wrong, or of what is not in the first section.
func (r Report) texts(wrong bool) (list []string) {
	for i, s := range r.Sections {
		for _, l := range s.Lines {
			if (l.Severity == cli.Wrong) == wrong && (wrong || i == 0) {
				list = append(list, l.Text)
			}
		}
	}
	return list
}

// Wrong reports whether something is.
func (r Report) Wrong() bool { return len(r.texts(true)) > 0 }

// Sentence is the report in one line, for where there is no more room.
func (r Report) Sentence() string {
	if r.Wrong() {
		return "Something is wrong: " + strings.Join(r.texts(true), "; ")
	}
	return "All is as the rules, and you, want it: " + strings.Join(r.texts(false), "; ")
}

// Text is the report as it is printed.
func (r Report) Text(colour bool) []byte {
	var b bytes.Buffer
	fmt.Fprintln(&b, r.Head)
	for _, s := range r.Sections {
		if len(s.Lines) > 0 {
			fmt.Fprintf(&b, "\n%s\n", s.Head)
		}
		for _, l := range s.Lines {
			mark := "  "
			if l.Severity == cli.Wrong {
				mark = "! "
			}
			fmt.Fprintln(&b, cli.Paint(colour, l.Severity, mark+printable.Text(l.Text)))
		}
	}
	if r.Wrong() {
		fmt.Fprintln(&b, cli.Paint(colour, cli.Wrong, "\nSomething is wrong: see the lines that begin with !"))
	} else {
		fmt.Fprintln(&b, cli.Paint(colour, cli.Good, "\nAll is as the rules, and you, want it."))
	}
	return b.Bytes()
}

// describe is a problem in words: what it is, and what to do about it.
func describe(p *status.Problem) string {
	if p.Advice == "" {
		return p.Text
	}
	return p.Text + " (" + p.Advice + ")"
}
