package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"maps"
	"slices"
	"strings"
	"time"

	"vw/agent/journal"
	"vw/cmd/vw/cli"
	"vw/command/printable"
)

const journalHelp = `vw journal prints who changed what, from the file that the agent keeps where VW_JOURNAL names one: rules,
mutes and the lock, and the beginnings and ends of its runs. With --at it prints what was in force at
a time: was the microphone on at 14:03? What it let out can have left; whether something came in
then, and the link was up, the journal does not tell.

usage: vw journal [flags]

Exit code: 0 if it was printed, 1 if the journal does not go back so far, 2 if it cannot be read.
`

func runJournal(ctx context.Context, c *cli.Call) error {
	f := c.Settings(journalHelp)
	agent := f.Agent()
	path := f.String("journal", "", "`FILE` that is the journal (default: the one that the agent of this machine keeps)")
	at := f.String("at", "", "print what was in force at a `TIME`, such as 14:03, 14:03:20 or 2026-11-25 14:03")
	asJSON := f.Bool("json", false, "print the lines as they are, or with --at one object")
	if err := f.ReadAll(); err != nil {
		return err
	}
	if *path == "" {
		a, err := agent()
		if err != nil {
			return err
		}
		s, _, err := a.Status(ctx)
		if err != nil {
			return fmt.Errorf("%w; --journal names a file", err)
		}
		if *path = s.Journal; *path == "" {
			return errors.New("the agent of this machine keeps no journal: set VW_JOURNAL there, or --journal to a file")
		}
	}
	var err error
	if *at == "" {
		err = printEntries(c, journal.Read(*path), *asJSON)
	} else {
		err = printAt(c, journal.Read(*path), *at, *asJSON)
	}
	if unreadable := (*fs.PathError)(nil); errors.As(err, &unreadable) {
		return cli.UsageError{Err: fmt.Errorf("%w: the journal is for the agent's user and root", err)}
	}
	return err
}

func printEntries(c *cli.Call, entries iter.Seq2[journal.Entry, error], asJSON bool) error {
	for e, err := range entries {
		if err != nil {
			return err
		}
		line := lineOf(e)
		if asJSON {
			raw, err := json.Marshal(e)
			if err != nil {
				return err
			}
			line = string(printable.JSON(raw))
		}
		if _, err := fmt.Fprintln(c.Stdout, line); err != nil {
			return err
		}
	}
	return nil
}

// lineOf is an entry for people.
func lineOf(e journal.Entry) string {
	text := e.Time.Local().Format(time.DateTime) + "  " + strings.TrimSpace(e.Who+" "+e.Relay) + ": "
	switch e.What {
	case journal.Start:
		text += "vw started"
	case journal.Stop:
		text += "vw stopped"
	case journal.All:
		text += "goes on from the file before"
	case journal.Endpoint:
		text += e.Which + " endpoint of the command channel dropped"
	default:
		text += strings.TrimSpace(string(e.What)+" "+e.Which) + ": " + shown(e.Before) + " -> " + shown(e.After)
	}
	return printable.Text(text)
}

// shown is a value, in one line.
func shown(raw json.RawMessage) string {
	if raw == nil || string(raw) == "null" {
		return "none"
	}
	return string(raw)
}

func printAt(c *cli.Call, entries iter.Seq2[journal.Entry, error], text string, asJSON bool) error {
	at, err := parseTime(text, time.Now())
	if err != nil {
		return cli.UsageError{Err: err}
	}
	p, last, err := journal.At(at, entries)
	switch {
	case err != nil:
		return err
	case asJSON:
		return cli.PrintJSON(c.Stdout, map[string]any{"at": at, "last": last, "inForce": p})
	case last.Time.IsZero():
		return fmt.Errorf("the journal does not go back to %s", at.Format(time.DateTime))
	case p == nil:
		_, err = fmt.Fprintf(c.Stdout, "At %s no vw ran: %s\n", at.Format(time.DateTime), lineOf(last))
		return err
	}
	fmt.Fprintf(c.Stdout, "In force at %s, the last change before was\n  %s\n", at.Format(time.DateTime), lineOf(last))
	for _, what := range []journal.What{journal.Mutes, journal.Schedule, journal.Lock, journal.Stream, journal.Destination} {
		if len(p[what]) == 0 {
			_, err = fmt.Fprintf(c.Stdout, "%s: none\n", what)
		}
		for _, name := range slices.Sorted(maps.Keys(p[what])) {
			_, err = fmt.Fprintln(c.Stdout, printable.Text(strings.TrimSpace(string(what)+" "+name)+": "+shown(p[what][name])))
		}
	}
	return err
}

// parseTime reads a time of this machine's clock; without a day it is the last one.
func parseTime(text string, now time.Time) (time.Time, error) {
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return at, nil
	}
	for _, layout := range []string{"15:04", time.TimeOnly, "2006-01-02 15:04", time.DateTime} {
		at, err := time.ParseInLocation(layout, text, now.Location())
		if err != nil {
			continue
		}
		if at.Year() == 0 {
			at = time.Date(now.Year(), now.Month(), now.Day(), at.Hour(), at.Minute(), at.Second(), 0, now.Location())
			if at.After(now) {
				at = at.AddDate(0, 0, -1)
			}
		}
		return at, nil
	}
	return time.Time{}, fmt.Errorf("%q is no time: write it like 14:03, or 2026-11-25 14:03", text)
}
