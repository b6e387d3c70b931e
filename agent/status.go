package agent

import (
	"time"

	"vw/agent/owner"
	"vw/media"
)

// Status is what list status and GET /api/stats tell.
type Status struct {
	Instance     string                      `json:"instance"` // new at every start
	Name         string                      `json:"name"`
	Version      string                      `json:"version"`
	Started      time.Time                   `json:"started"`
	Uptime       float64                     `json:"uptime"`               // seconds
	Locked       bool                        `json:"locked"`               // the command channel can list, not change
	Mutes        []string                    `json:"mutes"`                // the owner's that are in force now
	Owner        *owner.Info                 `json:"owner,omitempty"`      // why; told on this machine alone
	AnyHost      bool                        `json:"anyHost"`              // VW_ALLOW_DESTINATIONS is not set
	StateError   string                      `json:"stateError,omitempty"` // why a restart would lose the newest rules
	Control      *ControlInfo                `json:"control"`              // the command channel; null where there is none
	Feeds        map[string]media.FeedInfo   `json:"feeds"`
	Streams      map[string]media.StreamInfo `json:"streams"`
	Destinations map[string]DestinationInfo  `json:"destinations"`
}

func (a *Agent) status() Status {
	word := a.owner.Info()
	s := Status{
		Instance: a.instance, Name: a.config.Name, Version: a.config.Version,
		Started: a.started, Uptime: time.Since(a.started).Seconds(),
		Locked: a.owner.Locked(), Mutes: a.owner.Muted(), Owner: &word,
		AnyHost: len(a.config.AllowDestinations) == 0,
		Feeds:   a.router.Feeds(), Streams: a.router.Streams(),
		Control: a.control.info(), Destinations: a.forward.info(),
	}
	if a.saver != nil {
		if err := a.saver.trouble(); err != nil {
			s.StateError = err.Error()
		}
	}
	return s
}
