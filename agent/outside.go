package agent

import (
	"slices"

	"vw/agent/status"
	"vw/command"
	"vw/media"
)

// A mutedFeed is what leaves this machine of what is known of a feed that the
// owner has muted, or a part of it. Rates, counters and ages would tell whether
// somebody moves in front of the camera.
type mutedFeed struct {
	Source bool              `json:"source"`
	Muted  []string          `json:"muted"`
	Tracks []media.TrackInfo `json:"tracks,omitempty"` // those that are not muted
}

// outside returns what whoever is beyond this machine is told of a feed.
func outside(f media.FeedInfo) any {
	if len(f.Muted) == 0 {
		return f
	}
	m := mutedFeed{Source: f.Source, Muted: f.Muted}
	for _, t := range f.Tracks { // what is neither video nor audio is muted by either
		if (t.Kind == "video" || t.Kind == "audio") && !slices.Contains(f.Muted, t.Kind) && !slices.Contains(f.Muted, "all") {
			m.Tracks = append(m.Tracks, t)
		}
	}
	return m
}

// outsideStatus is Status as the command channel is told it.
type outsideStatus struct {
	status.Status
	Feeds map[string]any `json:"feeds"`
}

// reports is what an agent tells: command.Reports.
type reports struct{ agent *Agent }

// Locked reports whether the owner has locked the rules.
func (r reports) Locked() bool { return r.agent.owner.Locked() }

// InForce returns the command channel's rule to which a trial returns.
func (r reports) InForce() (command.Destination, bool) { return r.agent.channel.Rule() }

// Fed names the feeds as which anything has come in, sorted.
func (r reports) Fed() (names []string) {
	for name, info := range r.agent.router.Feeds() {
		if info.Source || info.AgeMs != nil {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// Status answers list status.
func (r reports) Status(from command.Origin) any {
	s := r.agent.status()
	if from == command.Local {
		return s
	}
	s.Owner = nil // a schedule tells when somebody is there
	return outsideStatus{s, allOutside(s.Feeds)}
}

func allOutside(feeds map[string]media.FeedInfo) map[string]any {
	all := make(map[string]any, len(feeds))
	for name, f := range feeds {
		all[name] = outside(f)
	}
	return all
}

// Feeds answers list feed.
func (r reports) Feeds(from command.Origin, which string) (any, bool) {
	router := r.agent.router
	if which == "all" && from == command.Local {
		return router.Feeds(), true
	}
	if which == "all" {
		return allOutside(router.Feeds()), true
	}
	info, ok := router.Feeds(which)[which]
	if from == command.Local {
		return info, ok
	}
	return outside(info), ok
}
