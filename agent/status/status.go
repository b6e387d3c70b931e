// Package status is what an agent reports of itself: the value of list status,
// GET /api/stats and GET /api/events. It holds plain values, and runs nothing:
// it must not know who gathers them, nor how they are shown.
package status

import (
	"time"

	"vw/agent/link"
	"vw/agent/owner"
	"vw/media"
)

// Status is what list status and GET /api/stats tell.
type Status struct {
	Instance     string                 `json:"instance"` // new at every start
	Name         string                 `json:"name"`
	Version      string                 `json:"version"`
	Protocol     int                    `json:"protocol"`
	Capabilities []string               `json:"capabilities"` // what of the protocol it understands
	Rules        string                 `json:"rules"`        // their hash
	Started      time.Time              `json:"started"`
	Uptime       float64                `json:"uptime"`                 // seconds
	Locked       bool                   `json:"locked"`                 // the command channel can list, not change
	Mutes        []string               `json:"mutes"`                  // the owner's that are in force now
	Owner        *owner.Info            `json:"owner,omitempty"`        // why; told on this machine alone
	AnyHost      bool                   `json:"anyHost"`                // VW_ALLOW_DESTINATIONS is not set
	StateError   string                 `json:"stateError,omitempty"`   // why a restart would lose the newest rules
	Journal      string                 `json:"journal,omitempty"`      // its file; told on this machine alone
	JournalError string                 `json:"journalError,omitempty"` // why the newest of its lines are not written
	Channel      *Channel               `json:"control"`                // the command channel; null where there is none
	Feeds        map[string]Feed        `json:"feeds"`
	Streams      map[string]Stream      `json:"streams"`
	Destinations map[string]Destination `json:"destinations"`
	Problems     []Wrong                `json:"problems"` // all that is wrong, the agent's own first
}

// Feed is the state of a feed.
type Feed struct {
	media.FeedInfo
	Condition Condition `json:"condition"`
	To        []string  `json:"to,omitempty"` // ids of destinations by which some of it leaves now, 16 at most
	Problem   *Problem  `json:"problem,omitempty"`
}

// Stream is the state of a stream.
type Stream struct {
	media.StreamInfo
	Condition Condition            `json:"condition"`
	Entries   map[string]Condition `json:"entries"` // of its rule: muted, missing or present
}

// Destination is the state of a destination.
type Destination struct {
	Stream      string    `json:"stream"`
	Destination string    `json:"destination"`
	Condition   Condition `json:"condition"`
	Problem     *Problem  `json:"problem,omitempty"`
	link.Info
	Queue     media.QueueInfo      `json:"queue"`
	Former    *link.Info           `json:"former,omitempty"` // of the rule before, while it still carries
	Recording *media.RecordingInfo `json:"recording,omitempty"`
}

// Channel is the state of the command channel, and every endpoint that may be
// dialled.
type Channel struct {
	Destination string `json:"destination"` // in force
	link.Info
	Problem    *Problem `json:"problem,omitempty"`
	OnTrial    *Trial   `json:"onTrial,omitempty"`
	Former     string   `json:"former,omitempty"`     // in force before
	Configured string   `json:"configured,omitempty"` // VW_API
}

// Trial is an endpoint on trial.
type Trial struct {
	Destination string `json:"destination"`
	link.Info
}
