package main

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"vw/cmd/vw/cli"
	"vw/command/printable"
)

// A line is one thing that a report tells.
type line struct {
	mood mood
	text string
}

// A report is what vw status says, in sections with a head each.
type report struct {
	head     string
	sections []section
}

type section struct {
	head  string
	lines []line
}

func (v view) report() report {
	r := report{head: fmt.Sprintf("%s: vw %s at %s, running for %s", printable.Text(v.Name), printable.Text(v.Version), v.url,
		span(time.Duration(v.Uptime*float64(time.Second))))}
	var out, in []line
	for _, id := range slices.Sorted(maps.Keys(v.Destinations)) {
		out = append(out, v.destination(id)...)
	}
	if len(out) == 0 {
		out = []line{{silent, "nothing: there is no destination rule"}}
	}
	for _, name := range slices.Sorted(maps.Keys(v.Feeds)) {
		in = append(in, v.feed(name))
	}
	if len(in) == 0 {
		in = []line{{plain, "nothing: vw devices lists cameras and microphones, and the ffmpeg line of each"}}
	}
	r.sections = []section{{"going out", out}, {"coming in", in}, {"commands", v.channel()}, {"you", v.owner()}}
	return r
}

func (r report) code() int {
	for _, s := range r.sections {
		for _, l := range s.lines {
			if l.mood == wrong {
				return cli.Failed
			}
		}
	}
	return cli.OK
}

// sentence is the report in one line, for where there is no more room.
func (r report) sentence() string {
	var good, bad []string
	for i, s := range r.sections {
		for _, l := range s.lines {
			if l.mood == wrong {
				bad = append(bad, l.text)
			} else if i == 0 { // going out
				good = append(good, l.text)
			}
		}
	}
	if len(bad) > 0 {
		return "Something is wrong: " + strings.Join(bad, "; ")
	}
	return "All is as the rules, and you, want it: " + strings.Join(good, "; ")
}

func (r report) text(colour bool) []byte {
	var b bytes.Buffer
	fmt.Fprintln(&b, r.head)
	for _, s := range r.sections {
		if len(s.lines) > 0 {
			fmt.Fprintf(&b, "\n%s\n", s.head)
		}
		for _, l := range s.lines {
			mark := "  "
			if l.mood == wrong {
				mark = "! "
			}
			fmt.Fprintln(&b, paint(colour, l.mood, mark+printable.Text(l.text)))
		}
	}
	if r.code() == cli.OK {
		fmt.Fprintln(&b, paint(colour, onAir, "\nAll is as the rules, and you, want it."))
	} else {
		fmt.Fprintln(&b, paint(colour, wrong, "\nSomething is wrong: see the lines that begin with !"))
	}
	return b.Bytes()
}
