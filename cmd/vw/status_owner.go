package main

import (
	"fmt"
	"net/url"
	"strings"

	"vw/agent/owner"
	"vw/agent/status"
)

// channel tells of the command channel.
func (v view) channel() (lines []line) {
	c := v.Channel
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
	if c != nil && v.AnyHost {
		lines = append(lines, line{plain, "may send what is not muted to any host: VW_ALLOW_DESTINATIONS is not set"})
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
	if c != nil {
		lines = append(lines, v.otherEndpoints(c)...)
	}
	return lines
}

// otherEndpoints tells where the command channel is sought too, a line each.
func (v view) otherEndpoints(c *status.Channel) (lines []line) {
	for _, e := range []struct{ which, at string }{{"former", c.Former}, {"configured", c.Configured}} {
		u, err := url.Parse(e.at)
		if err != nil || e.at == "" || e.at == c.Destination || e.which == "former" && e.at == c.Configured {
			continue
		}
		lines = append(lines, line{plain, fmt.Sprintf("are sought at %s too while no command link is up: curl -X DELETE %s/api/endpoints/%s ends that",
			u.Host+u.Path, v.url, e.which)})
	}
	return lines
}

// muted tells what is muted, and when, a line each.
func (v view) muted() (lines []string) {
	if v.Owner == nil {
		v.Owner = &owner.Info{}
	}
	clock := map[string]bool{} // what is muted now by the clock
	for _, m := range v.Owner.Schedule {
		clock[m.Feed] = clock[m.Feed] || m.Now
		lines = append(lines, "MUTED "+m.Feed+" "+times(m))
	}
	var always []string
	for _, feed := range v.Mutes {
		if !clock[feed] && !(feed == "*" && v.Owner.MuteFile != "") {
			always = append(always, feed)
		}
	}
	if len(always) > 0 {
		lines = append(lines, "MUTED "+strings.Join(always, ", ")+": vw unmute ends that")
	}
	if v.Owner.MuteFile != "" {
		lines = append(lines, "MUTED everything: "+v.Owner.MuteFile)
	}
	if len(lines) == 0 {
		lines = []string{"nothing is muted"}
	}
	return lines
}

// owner tells of the word of whoever is at this machine, and of what it lasts in.
func (v view) owner() (lines []line) {
	if len(v.Mutes) > 0 || v.Owner != nil && len(v.Owner.Schedule) > 0 {
		for _, text := range v.muted() {
			lines = append(lines, line{silent, "have " + text})
		}
	}
	if v.Locked {
		lines = append(lines, line{silent, "have LOCKED the rules: the command channel can list, and not change them; vw unlock ends that"})
	}
	if v.StateError != "" {
		lines = append(lines, line{wrong, "would lose the newest rules at a restart: the state file cannot be written: " + v.StateError})
	}
	if v.Owner == nil {
		return lines
	}
	if v.Owner.Damaged {
		lines = append(lines, line{wrong, "have to look at what is muted: the state file was damaged, so everything was muted and locked; vw unmute '*' and vw unlock end that"})
	}
	if v.Owner.ClockUnset {
		lines = append(lines, line{wrong, "have to set this machine's clock: until then all that is scheduled is muted"})
	}
	if v.Owner.OnAirError != "" {
		lines = append(lines, line{wrong, "cannot rely on the on-air file: " + v.Owner.OnAirError})
	}
	if !v.Owner.Token {
		lines = append(lines, line{plain, "have not set VW_OWNER_TOKEN_FILE: everybody on this machine can unmute and unlock"})
	}
	return lines
}
