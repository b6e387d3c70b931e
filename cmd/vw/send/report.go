package send

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"vw/cmd/vw/cli"
	"vw/command/printable"
)

// maxShown is how much of a reply a table shows, in characters.
const maxShown = 100

// print prints what became of the commands, and reports whether all were
// acknowledged.
func (o *Options) print(outcomes []Outcome, out io.Writer) (acknowledged bool, err error) {
	good, several := 0, false
	for _, u := range outcomes {
		if u.Error == "" {
			good++
		}
		several = several || u.Command > 1
	}
	acknowledged = good == len(outcomes)
	switch {
	case o.JSON:
		return acknowledged, cli.PrintJSON(out, outcomes)
	case o.Expect != 1 || len(outcomes) > 1:
		return acknowledged, printOutcomes(out, outcomes, good, several)
	case outcomes[0].Reply == nil:
		return false, fmt.Errorf("%s: %s", outcomes[0].To, printable.Text(outcomes[0].Error))
	}
	_, err = fmt.Fprintln(out, printable.Text(outcomes[0].plain))
	return acknowledged, err
}

func printOutcomes(out io.Writer, outcomes []Outcome, acknowledged int, several bool) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	number := func(any) string { return "" }
	if several {
		number = func(n any) string { return fmt.Sprint(n, "\t") }
	}
	fmt.Fprintf(w, "TO\t%sAGENT\tANSWER\tTIME\n", number("COMMAND"))
	for _, o := range outcomes {
		from, answer := o.From, compact(o.Reply)
		if from == "" {
			from = "-"
		}
		if o.Error != "" {
			answer = "error: " + o.Error
		} else if r := []rune(answer); len(r) > maxShown {
			answer = string(r[:maxShown]) + "…"
		}
		took := time.Duration(o.Seconds * float64(time.Second)).Round(time.Millisecond)
		fmt.Fprintf(w, "%s\t%s%s\t%s\t%v\n", printable.Text(o.To), number(o.Command), printable.Text(from), printable.Text(answer), took)
	}
	fmt.Fprintf(w, "\n%d of %d acknowledged\n", acknowledged, len(outcomes))
	return w.Flush()
}
