package state

import (
	"encoding/json"

	"vw/agent/owner"
	"vw/command"
)

// version is that of the file's form.
const version = 1

// A Snapshot is what outlives the program. It holds tokens.
type Snapshot struct {
	Version      int                    `json:"version"`
	Channel      Channel                `json:"control"`
	Streams      map[string][]string    `json:"streams"`
	Destinations map[string]Destination `json:"destinations"`
	Slots        json.RawMessage        `json:"slots,omitempty"` // media's, of any form: it damages nothing
	owner.State
}

// New returns a snapshot of rules but apiRule, which is the command channel's to tell.
func New(rules command.Rules, slots json.RawMessage, channel Channel, word owner.State) Snapshot {
	s := Snapshot{version, channel, rules.Streams, map[string]Destination{}, slots, word}
	for id, rule := range rules.Destinations {
		if id != command.APIRule {
			s.Destinations[id] = NewDestination(rule)
		}
	}
	return s
}

// Rules are those of New.
func (s Snapshot) Rules() command.Rules {
	rules := command.Rules{Streams: s.Streams, Destinations: map[string]command.Destination{}}
	for id, d := range s.Destinations {
		rules.Destinations[id] = d.Rule(id)
	}
	return rules
}

// A Channel is the command channel: what the owner had configured, the endpoint
// in force, and the one before.
type Channel struct {
	Configured  string       `json:"configured"`
	InForce     *Destination `json:"inForce,omitempty"`
	Former      *Destination `json:"former,omitempty"`
	Token       *string      `json:"configuredToken,omitempty"`
	Credential  string       `json:"configuredCredential,omitempty"` // the path of the token's file
	Unconfirmed bool         `json:"unproven,omitempty"`             // no command was ever done at the endpoint in force
}

// A Destination is a destination rule with all that a reply does not show.
type Destination struct {
	Stream      string `json:"stream"`
	Destination string `json:"destination"`
	Auth        string `json:"auth,omitempty"`
	File        string `json:"file,omitempty"`
	Token       string `json:"token,omitempty"`
	Credential  string `json:"credential,omitempty"`
	OfStream    bool   `json:"ofStream,omitempty"`
	Local       bool   `json:"local,omitempty"`
}

// NewDestination returns a rule as it is kept.
func NewDestination(d command.Destination) Destination {
	return Destination{d.Stream, d.Destination, d.Auth, d.File, d.Token, d.Credential, d.OfStream, d.Local}
}

// Rule returns the rule that was kept.
func (d Destination) Rule(id string) command.Destination {
	return command.Destination{ID: id, Stream: d.Stream, Destination: d.Destination,
		Auth: d.Auth, File: d.File, Token: d.Token, Credential: d.Credential, OfStream: d.OfStream, Local: d.Local}
}
