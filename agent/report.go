package agent

import (
	"slices"
	"time"

	"vw/agent/status"
	"vw/command"
)

// A reporter tells what this machine may know.
type reporter struct{ agent *Agent }

// Status gathers what there is to report, and has it decided what that means.
func (r reporter) Status() status.Status {
	a := r.agent
	word := a.owner.Info()
	s := status.Status{
		Instance: a.instance, Name: a.config.Name, Version: a.config.Version,
		Protocol: command.Protocol, Capabilities: command.Capabilities(), Rules: a.commands.Hash(),
		Started: a.started, Uptime: time.Since(a.started).Seconds(),
		Locked: a.owner.Locked(), Mutes: a.owner.Muted(), Owner: &word, Journal: a.config.Journal,
		AnyHost: len(a.config.AllowDestinations) == 0,
		Feeds:   map[string]status.Feed{}, Streams: map[string]status.Stream{},
		Channel: a.channel.Info(), Destinations: a.forward.Info(),
	}
	for name, f := range a.router.Feeds() {
		s.Feeds[name] = status.Feed{FeedInfo: f}
	}
	for name, x := range a.router.Streams() {
		s.Streams[name] = status.Stream{StreamInfo: x}
	}
	if err := a.store.Err(); err != nil {
		s.StateError = err.Error()
	}
	if err := a.journal.Err(); err != nil {
		s.JournalError = err.Error()
	}
	s.Decide(time.Now())
	return s
}

// reports is what an agent tells whoever commands it: command.Reports.
type reports struct{ reporter }

// Locked reports whether the owner has locked the rules.
func (r reports) Locked() bool { return r.agent.owner.Locked() }

// InForce returns the command channel's rule to which a trial returns.
func (r reports) InForce() (command.Destination, bool) { return r.agent.channel.Rule() }

// Fed names the feeds as which anything has come in, sorted.
func (r reports) Fed() (names []string) {
	for name, info := range r.agent.router.Feeds() {
		if info.Fed() {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// Status answers list status.
func (r reports) Status(from command.Origin) any {
	s := r.reporter.Status()
	if from == command.Local {
		return s
	}
	return s.Outside()
}

// Feeds answers list feed.
func (r reports) Feeds(from command.Origin, which string) (any, bool) {
	all := r.reporter.Status().Feeds
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
