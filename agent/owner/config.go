package owner

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"vw/media"
)

// Config is what the room needs of the program around it.
type Config struct {
	Router *media.Router
	// MuteFile mutes everything while it exists. Defaults to none.
	MuteFile string
	// OnAirFile is kept to the names of the feeds that leave. Defaults to none.
	OnAirFile string
	// TokenFile holds the token without which nothing is unmuted or unlocked.
	// Defaults to none.
	TokenFile string
	// Built is when the program was built: a clock before that is not set.
	// Defaults to 2026-02-01.
	Built time.Time
	// Now defaults to time.Now.
	Now func() time.Time
	// Saver makes State outlive the program.
	Saver Saver
	Turns Turns
	// Journal is told of every change. Defaults to none.
	Journal Journal
	Log     *slog.Logger
}

// A Journal keeps who did what: ctx has the command.Actor. It must not block.
type Journal interface {
	Word(ctx context.Context, before, after Word)
}

// A Word is what the owner has said, as it is in force.
type Word struct {
	Mutes    []string // in force now, for whatever reason
	Schedule []Mute   // those by the clock
	Locked   bool
}

func (w Word) equal(other Word) bool {
	return w.Locked == other.Locked && slices.Equal(w.Mutes, other.Mutes) && slices.Equal(w.Schedule, other.Schedule)
}

// A Saver saves what Owner.State returns.
type Saver interface{ Save() error }

// Turns runs work when no command is running, and none begins before it is done.
type Turns interface {
	InTurn(ctx context.Context, work func() error) error
}

func (c *Config) defaults() {
	if c.Built.IsZero() {
		c.Built = time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
}

// State is what lasts over a restart.
type State struct {
	Mutes    []string `json:"mutes"`              // without a schedule
	Schedule []Mute   `json:"schedule,omitempty"` // the others
	Locked   bool     `json:"locked"`
	Damaged  bool     `json:"stateWasDamaged,omitempty"` // so that everything was muted and locked
}
