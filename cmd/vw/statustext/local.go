package statustext

import (
	"fmt"
	"net/url"
	"strings"

	"vw/agent/link"
	"vw/agent/owner"
	"vw/agent/status"
	"vw/cmd/vw/cli"
)

// channel tells of the command channel.
func (v View) channel() (lines []Line) {
	c := v.Channel
	if c == nil {
		return []Line{{cli.Plain, "come from this machine alone: there is no command channel (VW_API)"}}
	}
	host := relayHost(c.Info, c.Destination)
	switch {
	case c.State == link.Up && c.Problem != nil:
		lines = []Line{{cli.Wrong, "come from " + host + ", but " + describe(c.Problem)}}
	case c.Problem != nil:
		lines = []Line{{cli.Wrong, "cannot come: " + host + v.down(c.Info) + ": " + describe(c.Problem) + v.dials(c.Info)}}
	case c.State == link.Up:
		lines = []Line{{cli.Plain, "come from " + host + ", up for " + cli.Span(v.Now.Sub(c.Since))}}
	default:
		lines = []Line{{cli.Plain, "do not come from " + host + " any more"}}
	}
	if v.AnyHost {
		lines = append(lines, Line{cli.Plain, "may send what is not muted to any host: VW_ALLOW_DESTINATIONS is not set"})
	}
	if t := c.OnTrial; t != nil {
		text := relayHost(t.Info, t.Destination) + " is on trial for them"
		if t.State == link.Up {
			text += ": up, and in force as soon as a command comes in there"
		} else if t.LastError != "" {
			text += v.down(t.Info) + ": " + t.LastError + v.dials(t.Info)
		}
		lines = append(lines, Line{cli.Plain, text})
	}
	return append(lines, v.otherEndpoints(c)...)
}

// otherEndpoints tells where the command channel is sought too, a line each.
func (v View) otherEndpoints(c *status.Channel) (lines []Line) {
	for _, e := range []struct{ which, at string }{{"former", c.Former}, {"configured", c.Configured}} {
		u, err := url.Parse(e.at)
		if err != nil || e.at == "" || e.at == c.Destination || e.which == "former" && e.at == c.Configured {
			continue
		}
		lines = append(lines, Line{cli.Plain, fmt.Sprintf("are sought at %s too while no command link is up: curl -X DELETE %s/api/endpoints/%s ends that",
			u.Host+u.Path, v.URL, e.which)})
	}
	return lines
}

// When says when something is muted by the clock.
func When(m owner.Scheduled) string {
	if !m.Until.IsZero() {
		return "until " + m.Until.Format("Mon 2 Jan 15:04 MST")
	}
	text := m.Every.String() + ", by this machine's clock and its daylight saving"
	if m.Now {
		text += "; now too"
	}
	return text
}

// Muted tells what is muted, and when, a line each.
func Muted(s status.Status) (lines []string) {
	if s.Owner == nil {
		s.Owner = &owner.Info{}
	}
	clock := map[string]bool{} // what is muted now by the clock
	for _, m := range s.Owner.Schedule {
		clock[m.Feed] = clock[m.Feed] || m.Now
		lines = append(lines, "MUTED "+m.Feed+" "+When(m))
	}
	var always []string
	for _, feed := range s.Mutes {
		if !clock[feed] && !(feed == "*" && s.Owner.MuteFile != "") {
			always = append(always, feed)
		}
	}
	if len(always) > 0 {
		lines = append(lines, "MUTED "+strings.Join(always, ", ")+": vw unmute ends that")
	}
	if s.Owner.MuteFile != "" {
		lines = append(lines, "MUTED everything: "+s.Owner.MuteFile)
	}
	if len(lines) == 0 {
		lines = []string{"nothing is muted"}
	}
	return lines
}

// owner tells of the word of whoever is at this machine, and of what it lasts in.
func (v View) owner() (lines []Line) {
	if len(v.Mutes) > 0 || v.Owner != nil && len(v.Owner.Schedule) > 0 {
		for _, text := range Muted(v.Status) {
			lines = append(lines, Line{cli.Quiet, "have " + text})
		}
	}
	if v.Locked {
		lines = append(lines, Line{cli.Quiet, "have LOCKED the rules: the command channel can list, and not change them; vw unlock ends that"})
	}
	for _, w := range v.Problems {
		if w.Of == "agent" || w.Of == "owner" {
			lines = append(lines, Line{cli.Wrong, "have to act: " + describe(w.Problem)})
		}
	}
	if v.Problems == nil {
		lines = append(lines, Line{cli.Wrong, "have to start the agent again: it is of an older version, which does not tell how things stand"})
	}
	if v.Owner != nil && !v.Owner.Token {
		lines = append(lines, Line{cli.Plain, "have not set VW_OWNER_TOKEN_FILE: everybody on this machine can unmute and unlock"})
	}
	return lines
}
