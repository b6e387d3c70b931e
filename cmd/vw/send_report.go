package main

import (
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"vw/command/printable"
)

// maxShown is how much of a reply a table shows, in characters.
const maxShown = 100

// An outcome is an answer to a command, or why there is none.
type outcome struct {
	To      string          `json:"to"`      // without its query
	Command int             `json:"command"` // which of them, from 1
	Ref     string          `json:"ref,omitempty"`
	From    string          `json:"from,omitempty"` // the agent's name
	Reply   json.RawMessage `json:"reply,omitempty"`
	Error   string          `json:"error,omitempty"` // why the command is not acknowledged
	Seconds float64         `json:"seconds"`         // until then
	plain   string
}

// print says what became of the commands, and whether all were acknowledged.
func (s *sending) print(outcomes []outcome, stdout io.Writer) (done bool, err error) {
	acknowledged, several := 0, false
	for _, o := range outcomes {
		if o.Error == "" {
			acknowledged++
		}
		several = several || o.Command > 1
	}
	done = acknowledged == len(outcomes)
	switch {
	case s.asJSON:
		e := printable.NewEncoder(stdout)
		e.SetIndent("", "  ")
		return done, e.Encode(outcomes)
	case s.expect != 1 || len(outcomes) > 1:
		return done, printOutcomes(stdout, outcomes, acknowledged, several)
	case outcomes[0].Reply == nil:
		return done, fmt.Errorf("%s: %s", outcomes[0].To, printable.Text(outcomes[0].Error))
	}
	_, err = fmt.Fprintln(stdout, printable.Text(outcomes[0].plain))
	return done, err
}

func printOutcomes(out io.Writer, outcomes []outcome, acknowledged int, several bool) error {
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
