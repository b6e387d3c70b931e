package agent

import (
	"slices"

	"vw/agent/status"
	"vw/command"
)

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
	return s.Outside()
}

// Feeds answers list feed.
func (r reports) Feeds(from command.Origin, which string) (any, bool) {
	all := r.agent.status().Feeds
	switch f, ok := all[which]; {
	case which == "all" && from == command.Local:
		return all, true
	case which == "all":
		return status.OutsideFeeds(all), true
	case from == command.Local:
		return f, ok
	default:
		return f.Outside(), ok
	}
}
