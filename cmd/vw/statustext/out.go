package statustext

import (
	"fmt"
	"net/url"
	"strings"

	"vw/agent/link"
	"vw/agent/status"
	"vw/cmd/vw/cli"
	"vw/media/program"
)

// said is how each condition of a destination is said.
var said = map[status.Condition]struct {
	words    string
	severity cli.Severity
}{
	status.OnAir: {"ON AIR", cli.Good}, status.Partial: {"ON AIR", cli.Good}, status.Behind: {"ON AIR", cli.Good},
	status.Muted: {"MUTED by you", cli.Quiet}, status.Silent: {"SILENT", cli.Quiet},
	status.Missing: {"NOT ON AIR", cli.Plain}, status.Pending: {"NOT ON AIR", cli.Plain},
	status.Unreachable: {"NOT ON AIR", cli.Plain}, status.NotAllowed: {"NOT ALLOWED", cli.Plain},
}

// destination tells what a rule sends, and of its recording.
func (v View) destination(id string) []Line {
	d := v.Destinations[id]
	if d.State == link.None {
		return v.recordingAlone(id, d)
	}
	is := said[d.Condition]
	host := relayHost(d.Info, d.Destination)
	separator := ": "
	l := Line{is.severity, fmt.Sprintf("%s %s (rule %s): %s", d.Stream, is.words, id, host)}
	switch d.Condition {
	case status.OnAir, status.Partial, status.Behind:
		at := host
		if d.Former != nil && d.State != link.Up {
			at = d.Former.Relay
		}
		l.Text = fmt.Sprintf("%s ON AIR to %s (rule %s)", d.Stream, at, id) + v.carries(d)
		separator = "; "
		if at != host {
			l.Text += fmt.Sprintf("; it moves to %s as soon as that is up", host)
		}
	case status.Missing:
		l.Text += " is there"
		separator = ", but "
	case status.Silent:
		l.Text += " gets nothing: its stream is one of no feeds"
		if v.Streams[d.Stream].Feeds == nil {
			l.Text = strings.TrimSuffix(l.Text, "is one of no feeds") + "was deleted"
		}
	case status.Muted:
		l.Text += " gets nothing"
	}
	if d.Problem != nil {
		l.Severity = cli.Wrong
		l.Text += v.down(d.Info) + separator + describe(d.Problem) + v.dials(d.Info)
	}
	return append([]Line{l}, v.recording(id, d)...)
}

// recordingAlone tells of a rule that has a file and no relay.
func (v View) recordingAlone(id string, d status.Destination) []Line {
	lines := v.recording(id, d)
	for i := range lines {
		l := &lines[i]
		if words := map[status.Condition]string{status.Muted: "MUTED by you", status.Silent: "SILENT"}[d.Condition]; words != "" {
			l.Text += "; " + words
		}
		if d.Problem != nil {
			l.Severity = cli.Wrong
			l.Text += "; " + describe(d.Problem)
		}
	}
	return lines
}

func (v View) recording(id string, d status.Destination) []Line {
	r := d.Recording
	switch {
	case r == nil:
		return nil
	case r.Error != "":
		return []Line{{cli.Wrong, fmt.Sprintf("%s recording to %s STOPPED after %s (rule %s): %s", d.Stream, r.File, cli.ByteSize(r.Bytes), id, r.Error)}}
	}
	return []Line{{cli.Plain, fmt.Sprintf("%s recording to %s, %s so far (rule %s)", d.Stream, r.File, cli.ByteSize(r.Bytes), id)}}
}

// carries tells of what is on air its rate, what of it is muted, and more facts.
func (v View) carries(d status.Destination) (text string) {
	x, ofStream := v.Streams[d.Stream]
	entries, rate := x.Feeds, x.Bitrate
	if !ofStream {
		entries, rate = []string{d.Stream}, v.Feeds[d.Stream].Bitrate
	}
	if rate > 0 && (ofStream || len(v.Feeds[d.Stream].Muted) == 0) {
		text = ", " + cli.BitRate(float64(rate))
	}
	for _, entry := range entries {
		feed, part, _ := strings.Cut(entry, ":")
		if x.Entries[entry] == status.Muted {
			text += "; " + entry + " MUTED by you"
		} else if parts := v.Feeds[feed].Muted; part == "" && len(parts) == 1 {
			text += "; " + feed + ":" + parts[0] + " MUTED by you"
		}
	}
	text += fillers(x.Slots)
	if d.Condition == status.Behind {
		text += fmt.Sprintf("; %.1f s BEHIND", float64(d.Queue.AgeMs)/1000)
	}
	if d.Queue.Dropped > 0 {
		text += fmt.Sprintf("; %d packets dropped so far, when more came in than the link took", d.Queue.Dropped)
	}
	return text
}

// fillers tells what players get in place of tracks that are not there.
func fillers(slots []program.SlotInfo) (text string) {
	for _, s := range slots {
		track := s.Kind + " of " + s.Feed
		if s.Feed == "" {
			track = s.Kind + " that it had"
		}
		switch {
		case s.Filled != "":
			text += fmt.Sprintf("; %s in place of the %s", s.Filled, track)
		case s.NotFilled != "" && s.Condition != program.SlotMuted:
			text += fmt.Sprintf("; players have lost the %s: %s", track, s.NotFilled)
		}
	}
	return text
}

// down tells for how long a link has not been up.
func (v View) down(l link.Info) string {
	if l.State == link.Up || l.State == link.Idle || l.DownSince == nil || l.LastError == "" {
		return ""
	}
	return " down for " + cli.Span(v.Now.Sub(*l.DownSince))
}

// dials tells how often a link that is down was dialled.
func (v View) dials(l link.Info) (text string) {
	if l.State == link.Up || l.State == link.Idle || l.LastError == "" {
		return ""
	}
	text = fmt.Sprintf("; %d dials so far", l.Dials)
	if l.RetryAt != nil && l.RetryAt.After(v.Now) {
		text += ", the next in " + cli.Span(l.RetryAt.Sub(v.Now))
	}
	return text
}

// relayHost is what may be shown of where a link leads.
func relayHost(l link.Info, destination string) string {
	if l.Relay != "" {
		return l.Relay
	}
	u, err := url.Parse(destination)
	if err != nil {
		return "?"
	}
	return u.Host
}
