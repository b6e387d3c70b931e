package agent

import (
	"time"

	"vw/agent/status"
)

// status gathers what there is to report, and has it decided what that means.
func (a *Agent) status() status.Status {
	word := a.owner.Info()
	s := status.Status{
		Instance: a.instance, Name: a.config.Name, Version: a.config.Version,
		Started: a.started, Uptime: time.Since(a.started).Seconds(),
		Locked: a.owner.Locked(), Mutes: a.owner.Muted(), Owner: &word,
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
	s.Decide(time.Now())
	return s
}
