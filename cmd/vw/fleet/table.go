package fleet

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"vw/cmd/vw/cli"
	"vw/command/printable"
)

// A screen is where a table is shown.
type screen struct {
	colour        bool
	width, height int // in characters; 0: as much as there is
}

// table is what is known of a fleet, for people: what is wrong first.
func (s screen) table(rows []Row, now time.Time) string {
	rows = slices.Clone(rows)
	slices.SortStableFunc(rows, func(a, b Row) int { return cmp.Compare(b.severity, a.severity) })
	cells := [][]string{{"AGENT", "THERE", "RULES", "VERSION", "ON AIR, AND WHAT IS WRONG"}}
	severities := []cli.Severity{cli.Plain}
	for _, r := range rows {
		cells = append(cells, []string{r.Agent, r.here(now), r.hash(), r.Version, r.air()})
		severities = append(severities, r.severity)
	}
	lines := align(cells)
	var b strings.Builder
	fmt.Fprintln(&b, s.cut(summary(rows)))
	fmt.Fprintln(&b)
	for i, line := range lines {
		if rest := len(lines) - i; s.height > 0 && i+3 >= s.height && rest > 1 {
			fmt.Fprintf(&b, "… and %d more\n", rest)
			break
		}
		fmt.Fprintln(&b, cli.Paint(s.colour, severities[i], s.cut(line)))
	}
	return b.String()
}

// cut cuts a line to the width.
func (s screen) cut(line string) string {
	if runes := []rune(line); s.width > 1 && len(runes) > s.width {
		return string(runes[:s.width-1]) + "…"
	}
	return line
}

// align makes lines of cells, all columns but the last of one width.
func align(cells [][]string) (lines []string) {
	widths := make([]int, len(cells[0]))
	for _, row := range cells {
		for i := range row {
			row[i] = printable.Text(row[i])
			widths[i] = max(widths[i], utf8.RuneCountInString(row[i]))
		}
	}
	for _, row := range cells {
		line := ""
		for i, cell := range row {
			line += cell + strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell)+2)
		}
		lines = append(lines, strings.TrimRight(line, " "))
	}
	return lines
}

// summary is a fleet in one line.
func summary(rows []Row) string {
	there, wrong, others, known := 0, 0, 0, false
	for _, r := range rows {
		if r.There {
			there++
		}
		if r.There && r.severity == cli.Wrong {
			wrong++
		}
		if r.Wanted != nil {
			known = true
			if !*r.Wanted {
				others++
			}
		}
	}
	text := fmt.Sprintf("%d of %d agents are there; %d have something wrong", there, len(rows), wrong)
	if known {
		text += fmt.Sprintf("; %d have other rules than the wanted", others)
	}
	return text
}
