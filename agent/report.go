package agent

import (
	"time"

	"vw/agent/status"
)

func (a *Agent) status() status.Status {
	word := a.owner.Info()
	s := status.Status{
		Instance: a.instance, Name: a.config.Name, Version: a.config.Version,
		Started: a.started, Uptime: time.Since(a.started).Seconds(),
		Locked: a.owner.Locked(), Mutes: a.owner.Muted(), Owner: &word,
		AnyHost: len(a.config.AllowDestinations) == 0,
		Feeds:   a.router.Feeds(), Streams: a.router.Streams(),
		Channel: a.channel.Info(), Destinations: a.forward.Info(),
	}
	if err := a.store.Err(); err != nil {
		s.StateError = err.Error()
	}
	return s
}
