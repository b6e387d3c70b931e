package devices

import (
	"fmt"
	"io"
	"strings"
)

// WriteText writes the report for people. What devices call themselves is
// quoted, so that a shell that the text is pasted into makes nothing of it.
func (r *Report) WriteText(w io.Writer) error {
	var b strings.Builder
	writeDevices(&b, "CAMERAS", r.Cameras)
	writeDevices(&b, "MICROPHONES", r.Microphones)
	if len(r.LeftOut) > 0 {
		b.WriteString("Left out, as they give no camera's picture (--json says why):")
		for _, l := range r.LeftOut {
			b.WriteString(" " + l.Node)
		}
		b.WriteString("\n\n")
	}
	for _, advice := range r.Advice {
		b.WriteString(advice + "\n\n")
	}
	if !r.Empty() {
		b.WriteString(r.Agent.words() + "\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func writeDevices(b *strings.Builder, heading string, list []Device) {
	if len(list) == 0 {
		return
	}
	b.WriteString(heading + "\n\n")
	for _, d := range list {
		fmt.Fprintf(b, "%s  %s\n  %s", d.Feed, quoted(d.Name), shellLine([]string{d.Device}))
		if d.Device != d.Node {
			b.WriteString(" is now " + d.Node)
		}
		if d.Place != "" && !strings.Contains(d.Device, d.Place) {
			b.WriteString(", at " + quoted(d.Place))
		}
		b.WriteString("\n")
		if d.Problem != "" {
			b.WriteString("  PROBLEM: " + d.Problem + "\n")
		}
		if d.Note != "" {
			b.WriteString("  Note: " + d.Note + "\n")
		}
		if d.Unit != "" {
			b.WriteString("  The unit " + shellLine([]string{d.Unit}) + " feeds it.\n\n")
			continue
		}
		b.WriteString("  " + d.Line + "\n\n")
	}
}

// words returns how far the feed names can be trusted.
func (a Agent) words() string {
	switch {
	case !a.Reached:
		return fmt.Sprintf("The feed names are assumed to be free: the agent on port %d could not be asked (%s). vw stream starts one.", a.Port, a.Problem)
	case len(a.Taken) == 0:
		return fmt.Sprintf("The feed names are free at the agent on port %d.", a.Port)
	}
	names := make([]string, len(a.Taken))
	for i, name := range a.Taken {
		names[i] = shellLine([]string{name})
	}
	return fmt.Sprintf("The feed names are free at the agent on port %d, where these are in use: %s.", a.Port, strings.Join(names, " "))
}
