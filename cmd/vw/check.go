package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"text/tabwriter"

	"vw/cmd/vw/cli"
	"vw/media/tscheck"
)

const checkHelp = `vw check judges MPEG transport streams, such as recordings, by ETSI TR 101 290 and
ISO/IEC 13818-1. FILE may be - for standard input.

usage: vw check [flags] FILE.ts...

Exit code: 0 if all are sound, 1 if one is not, 2 if one cannot be read.
`

// A checkResult is what vw check --json prints for each file.
type checkResult struct {
	File   string          `json:"file"`
	Error  string          `json:"error,omitempty"` // why the file could not be read, or not to its end
	Sound  bool            `json:"sound"`
	Faults []string        `json:"faults"`
	Notes  []string        `json:"notes"`
	Report *tscheck.Report `json:"report,omitempty"`
}

func runCheck(ctx context.Context, c *cli.Call) error {
	f := c.Flags(checkHelp)
	asJSON := f.Bool("json", false, "print an array of one object per file")
	if err := f.Read(); err != nil {
		return err
	}
	if f.NArg() == 0 {
		return cli.Usagef("which file? vw check FILE.ts, or vw check - for standard input")
	}
	code := cli.OK
	results := []checkResult{}
	for _, name := range f.Args() {
		r := checkFile(ctx, name, c.Stdin)
		switch {
		case r.Error != "":
			code = cli.Usage
			fmt.Fprintf(c.Stderr, "vw check: %s\n", r.Error)
		case !r.Sound:
			code = max(code, cli.Failed)
		}
		results = append(results, r)
	}
	var err error
	if *asJSON {
		err = cli.PrintJSON(c.Stdout, results)
	} else {
		err = printTables(c.Stdout, results)
	}
	if err != nil {
		return cli.UsageError{Err: err}
	}
	return cli.ExitError(code)
}

// checkFile judges one file. What was read before an error is judged too.
func checkFile(ctx context.Context, name string, stdin io.Reader) checkResult {
	r := checkResult{File: name, Faults: []string{}, Notes: []string{}}
	in := stdin
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			r.Error = err.Error()
			return r
		}
		defer f.Close()
		in = f
	}
	c := tscheck.New(tscheck.Options{})
	n, err := io.Copy(c, untilDone{ctx, in})
	if err != nil {
		r.Error = fmt.Sprintf("%s: after %d bytes: %v", name, n, err)
		if n == 0 {
			return r
		}
	}
	report := c.Report()
	r.Report = &report
	r.Faults = append(r.Faults, report.Faults()...)
	r.Notes = append(r.Notes, report.Notes()...)
	r.Sound = len(r.Faults) == 0
	return r
}

// untilDone reads until its context ends.
type untilDone struct {
	ctx context.Context
	io.Reader
}

func (r untilDone) Read(b []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.Reader.Read(b)
}

// printTables prints results for people.
func printTables(out io.Writer, results []checkResult) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, r := range results {
		if r.Report == nil {
			continue
		}
		verdict := "sound"
		if !r.Sound {
			verdict = "NOT SOUND"
		}
		fmt.Fprintf(w, "%s: %s\n%d packets, %.2f s, %.0f kbit/s, programs: %d\n", r.File, verdict,
			r.Report.Packets, r.Report.DurationSeconds, r.Report.BitsPerSecond/1000, len(r.Report.Programs))
		printTracks(w, r.Report.Programs)
		for _, s := range r.Faults {
			fmt.Fprintf(w, "fault: %s\n", s)
		}
		for _, s := range r.Notes {
			fmt.Fprintf(w, "note: %s\n", s)
		}
		fmt.Fprintln(w)
	}
	return w.Flush()
}

func printTracks(w io.Writer, programs []tscheck.ProgramReport) {
	heading := "PROGRAM\tPID\tCODEC\tKIND\tTYPE\tSTREAM ID\tPACKETS\tKBIT/S\tFRAMES\tRANDOM ACCESS\tFIRST PTS\tLAST PTS\tLAST SEEN\n"
	for _, p := range programs {
		for _, t := range p.Tracks {
			pid := fmt.Sprintf("%#x", t.PID)
			if t.PID == p.PCRPID {
				pid += " (PCR)"
			}
			fmt.Fprintf(w, heading+"%d\t%s\t%s\t%s\t0x%02x\t%#x\t%d\t%.0f\t%d\t%d\t%.3f s\t%.3f s\t%.1f s ago\n",
				p.Number, pid, t.Codec, t.Kind, t.StreamType, t.StreamIDs, t.Packets, t.BitsPerSecond/1000,
				t.Frames, t.RandomAccessPoints, t.FirstPTSSeconds, t.LastPTSSeconds, t.AgeSeconds)
			heading = ""
		}
	}
}
