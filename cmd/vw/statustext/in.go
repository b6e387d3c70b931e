package statustext

import (
	"fmt"
	"strings"
	"time"

	"vw/agent/status"
	"vw/cmd/vw/cli"
)

// feed tells what comes in.
func (v View) feed(name string) Line {
	f := v.Feeds[name]
	l := Line{cli.Plain, name + " "}
	absent := f.Condition == status.Missing || f.Condition == status.Silent
	switch {
	case f.Problem != nil && absent:
		l.Text = describe(f.Problem)
	case absent && f.AgeMs != nil:
		l.Text = "nothing comes in on " + name
	case f.AgeMs == nil:
		l.Text = "nothing has come in on " + name + " so far"
	case len(f.Tracks) == 0 && !f.Source:
		l.Text += "messages"
	default:
		l.Text += cli.BitRate(float64(f.Bitrate)) + codecs(f)
	}
	switch {
	case f.AgeMs == nil:
		l.Text += "; post to " + v.URL + "/ts/" + name
	case absent, len(f.Tracks) == 0 && !f.Source:
		l.Text += fmt.Sprintf(", the last %s ago", cli.Span(time.Duration(*f.AgeMs)*time.Millisecond))
	}
	if len(f.Muted) > 0 {
		l.Text += "; MUTED by you: " + strings.Join(f.Muted, ", ")
	}
	if f.Problem != nil {
		l.Severity = cli.Wrong
		if !absent {
			l.Text += "; " + describe(f.Problem)
		}
	}
	for _, damage := range []struct {
		n    uint64
		what string
	}{
		{f.ContinuityErrors, "packets missing in what came in (continuity errors)"}, {f.TransportErrors, "packets came in damaged"},
		{f.SkippedBytes, "bytes came in that are no packets"}, {f.LeftOut, "messages left out of a stream of packets"},
	} {
		if damage.n > 0 {
			l.Text += fmt.Sprintf("; %d %s", damage.n, damage.what)
		}
	}
	return l
}

// codecs lists the tracks.
func codecs(f status.Feed) string {
	var names []string
	for _, t := range f.Tracks {
		names = append(names, t.Codec)
	}
	if len(names) == 0 {
		return ""
	}
	return ": " + strings.Join(names, ", ")
}
