package main

import (
	"fmt"
	"io"

	"vw/agent/link"
	"vw/agent/status"
	"vw/command/printable"
)

// The states of a step.
const (
	stateOK      = "ok"
	stateFailed  = "failed"
	stateSkipped = "skipped"
)

// A step is what was found of one part of the way.
type step struct {
	Name  string `json:"name"`
	State string `json:"state"` // ok, failed or skipped
	Found string `json:"found"` // or why it was skipped
	Do    string `json:"do,omitempty"`
}

// A diagnosis is what vw doctor --json prints.
type diagnosis struct {
	URL       string     `json:"url"` // without its query
	OK        bool       `json:"ok"`  // nothing failed
	Steps     []step     `json:"steps"`
	RoundTrip *roundTrip `json:"roundTrip,omitempty"`
	Uplink    *uplink    `json:"uplink,omitempty"`

	out    io.Writer // told of each step, unless nil
	colour bool
	err    error // of out
}

func fine(format string, args ...any) step {
	return step{State: stateOK, Found: fmt.Sprintf(format, args...)}
}

func skipped(format string, args ...any) step {
	return step{State: stateSkipped, Found: fmt.Sprintf(format, args...)}
}

// failed says what an error means, and what to do about it.
func failed(err error) step {
	return step{State: stateFailed, Found: err.Error(), Do: status.Advice(link.CodeOf(err))}
}

func (d *diagnosis) print(format string, args ...any) {
	if d.out != nil && d.err == nil {
		_, d.err = fmt.Fprintf(d.out, format, args...)
	}
}

func (d *diagnosis) begin() { d.print("%s\n\n", d.URL) }

// add keeps a step. A stranger's words in it may hold the token.
func (c *checkup) add(s step) {
	for _, text := range []*string{&s.Found, &s.Do} {
		*text = printable.Text(c.Target("").Conceal(*text))
	}
	c.Steps = append(c.Steps, s)
	state := map[string]string{
		stateOK: paint(c.colour, onAir, "ok     "), stateFailed: paint(c.colour, wrong, "FAILED "), stateSkipped: paint(c.colour, silent, "skipped"),
	}[s.State]
	c.print("%s  %-10s %s\n", state, s.Name, s.Found)
	if s.Do != "" {
		c.print("%20s%s\n", "", s.Do)
	}
}

// conclude returns why not all could be printed.
func (d *diagnosis) conclude() error {
	if d.OK {
		d.print("\nThe way to this relay is open.\n")
	} else {
		d.print("\nThe way to this relay is not open: mend what failed first, then ask again.\n")
	}
	return d.err
}
