package status

import "vw/agent/owner"

// Mutes is what PUT and DELETE /api/mutes answer.
type Mutes struct {
	Mutes    []string          `json:"mutes"`              // all that are in force now
	Schedule []owner.Scheduled `json:"schedule,omitempty"` // those by the clock, in force now or not
	Kept     bool              `json:"kept"`               // they outlive a restart
	Warning  string            `json:"warning,omitempty"`  // what may not be as was meant
}

// Lock is what /api/lock answers.
type Lock struct {
	Locked bool `json:"locked"` // the command channel can list, not change
	Kept   bool `json:"kept"`   // it outlives a restart
}

// UserAgent is what vw mute and the like call themselves.
const UserAgent = "vw"
