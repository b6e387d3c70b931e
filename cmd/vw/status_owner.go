package main

import (
	"strings"
)

// channel tells of the command channel.
func (v view) channel() (lines []line) {
	c := v.Control
	switch {
	case c == nil:
		lines = []line{{plain, "come from this machine alone: there is no command channel (VW_API)"}}
	case c.State == "up":
		lines = []line{{plain, "come from " + relayHost(c.Info, c.Destination) + ", up for " + span(v.now.Sub(c.Since))}}
	case c.OnTrial != nil && c.OnTrial.State == "up":
		lines = []line{{plain, "do not come from " + relayHost(c.Info, c.Destination) + " any more"}}
	default:
		lines = []line{{wrong, "cannot come: " + v.unreachable(c.Info, c.Destination)}}
	}
	if c != nil && c.OnTrial != nil {
		trial := relayHost(c.OnTrial.Info, c.OnTrial.Destination) + " is on trial for them: "
		if c.OnTrial.State == "up" {
			trial += "up, and in force as soon as a command comes in there"
		} else {
			trial += v.unreachable(c.OnTrial.Info, c.OnTrial.Destination)
		}
		lines = append(lines, line{plain, trial})
	}
	return lines
}

// owner tells of the word of whoever is at this machine, and of what it lasts in.
func (v view) owner() (lines []line) {
	if len(v.Mutes) > 0 {
		lines = append(lines, line{silent, "have MUTED " + strings.Join(v.Mutes, ", ") + ": vw unmute ends that"})
	}
	if v.Locked {
		lines = append(lines, line{silent, "have LOCKED the rules: the command channel can list, and not change them; vw unlock ends that"})
	}
	if v.StateError != "" {
		lines = append(lines, line{wrong, "would lose the newest rules at a restart: the state file cannot be written: " + printable(v.StateError)})
	}
	return lines
}
