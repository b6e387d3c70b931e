package doctor

import (
	"fmt"
	"io"

	"vw/agent/link"
	"vw/agent/status"
	"vw/cmd/vw/cli"
	"vw/command/printable"
)

// The states of a Result.
const (
	OK      = "ok"
	Failed  = "failed"
	Skipped = "skipped"
)

// A Result is what was found of one part of the way.
type Result struct {
	Name  string `json:"name"`
	State string `json:"state"` // ok, failed or skipped
	Found string `json:"found"` // or why it was skipped
	Do    string `json:"do,omitempty"`
}

// A Report is what was found of the whole way.
type Report struct {
	URL       string     `json:"url"` // without its query
	OK        bool       `json:"ok"`  // nothing failed
	Steps     []Result   `json:"steps"`
	RoundTrip *RoundTrip `json:"roundTrip,omitempty"`
	Uplink    *Uplink    `json:"uplink,omitempty"`
}

// A RoundTrip is how long pings took to come back, in ms.
type RoundTrip struct {
	Min float64 `json:"minMs"`
	Avg float64 `json:"avgMs"`
	Max float64 `json:"maxMs"`
}

// An Uplink is what was measured of it.
type Uplink struct {
	Tried     float64 `json:"triedBitsPerSecond"`
	Taken     float64 `json:"takenBitsPerSecond"` // up to what is known to have arrived last
	Seconds   float64 `json:"seconds"`
	PingMaxMs float64 `json:"pingMaxMs"` // meanwhile
}

func fine(format string, args ...any) Result {
	return Result{State: OK, Found: fmt.Sprintf(format, args...)}
}

func skipped(format string, args ...any) Result {
	return Result{State: Skipped, Found: fmt.Sprintf(format, args...)}
}

// failed returns what an error means, and what to do about it.
func failed(err error) Result {
	return Result{State: Failed, Found: err.Error(), Do: status.Advice(link.CodeOf(err))}
}

// conceal takes a stranger's words, which may hold the token.
func (r *Result) conceal(t link.Target) {
	r.Found, r.Do = printable.Text(t.Conceal(r.Found)), printable.Text(t.Conceal(r.Do))
}

// A printer prints a report for people, part by part, unless out is nil.
type printer struct {
	out    io.Writer
	colour bool
	err    error // of out
}

func (p *printer) print(format string, args ...any) {
	if p.out != nil && p.err == nil {
		_, p.err = fmt.Fprintf(p.out, format, args...)
	}
}

func (p *printer) result(r Result) {
	state := map[string]string{
		OK: cli.Paint(p.colour, cli.Good, "ok     "), Failed: cli.Paint(p.colour, cli.Wrong, "FAILED "), Skipped: cli.Paint(p.colour, cli.Quiet, "skipped"),
	}[r.State]
	p.print("%s  %-10s %s\n", state, r.Name, r.Found)
	if r.Do != "" {
		p.print("%20s%s\n", "", r.Do)
	}
}

func (p *printer) conclude(open bool) {
	if open {
		p.print("\nThe way to this relay is open.\n")
	} else {
		p.print("\nThe way to this relay is not open: mend what failed first, then ask again.\n")
	}
}
