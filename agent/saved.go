package agent

import (
	"vw/agent/owner"
	"vw/command"
)

// A saved is what lasts over a restart. It holds tokens.
type saved struct {
	Version      int                         `json:"version"`
	Control      savedControl                `json:"control"`
	Streams      map[string][]string         `json:"streams"`
	Destinations map[string]savedDestination `json:"destinations"`
	owner.State
}

// savedControl is the command channel: what the owner had configured, the
// endpoint in force, and the others at which it is sought.
type savedControl struct {
	Configured string            `json:"configured"`
	InForce    *savedDestination `json:"inForce,omitempty"`
	Former     *savedDestination `json:"former,omitempty"`
	Token      *string           `json:"configuredToken,omitempty"`
	Unproven   bool              `json:"unproven,omitempty"` // no command was ever done on that in force
}

// savedDestination is a destination rule with all that a reply does not show.
type savedDestination struct {
	Stream      string `json:"stream"`
	Destination string `json:"destination"`
	Auth        string `json:"auth,omitempty"`
	File        string `json:"file,omitempty"`
	Token       string `json:"token,omitempty"`
	OfStream    bool   `json:"ofStream,omitempty"`
	Local       bool   `json:"local,omitempty"`
}

func save(d command.Destination) savedDestination {
	return savedDestination{d.Stream, d.Destination, d.Auth, d.File, d.Token, d.OfStream, d.Local}
}

func (s savedDestination) rule(id string) command.Destination {
	return command.Destination{ID: id, Stream: s.Stream, Destination: s.Destination,
		Auth: s.Auth, File: s.File, Token: s.Token, OfStream: s.OfStream, Local: s.Local}
}

// load reads what has lasted over the restart.
func (a *Agent) load() error {
	if a.config.State == "" {
		return nil
	}
	a.saver = &saver{write: a.writeState, log: a.log}
	var err error
	if a.state, err = newStateFile(a.config.State, a.log); err == nil {
		a.saved, err = a.state.load()
	}
	return err
}

// save makes what is in force last over a restart, where there is a file.
func (a *Agent) save() error {
	if a.state == nil {
		return nil
	}
	<-a.begun
	return a.saver.save()
}

// writeState writes what is in force now.
func (a *Agent) writeState() error {
	a.config.disk()
	rules := a.commands.Rules()
	s := saved{Version: stateVersion, Streams: rules.Streams, Destinations: map[string]savedDestination{},
		State: a.owner.State()}
	for id, d := range rules.Destinations {
		if id != apiRule {
			s.Destinations[id] = save(d)
		}
	}
	s.Control = a.control.lasting()
	s.Control.Configured, s.Control.Token = a.config.API, &a.config.APIToken
	return a.state.write(s)
}

// savedRules are the rules that have lasted over the restart, apiRule where it was
// saved. Those that may not be acted upon any more stay, idle. A command channel's
// URL that differs from the one they were saved with is the owner's word: the
// endpoints that were saved are forgotten.
func (a *Agent) savedRules() command.Rules {
	rules := command.Rules{Streams: a.saved.Streams, Destinations: map[string]command.Destination{}}
	for id, s := range a.saved.Destinations {
		rules.Destinations[id] = s.rule(id)
		a.forward.admitSaved(rules.Destinations[id])
	}
	if a.config.API == "" {
		return rules
	}
	configured := command.Destination{ID: apiRule, Stream: apiStream, Destination: a.config.API, Token: a.config.APIToken, Local: true}
	a.control.owners = &configured
	if s := a.saved.Control; s.Configured == a.config.API {
		sameToken := s.Token != nil && *s.Token == a.config.APIToken
		known := func(s *savedDestination) *command.Destination {
			if s == nil || s.Destination == configured.Destination && !sameToken {
				return nil // a new VW_API_TOKEN is the owner's word too
			}
			rule := s.rule(apiRule)
			return &rule
		}
		a.control.former = known(s.Former)
		if rule := known(s.InForce); rule != nil {
			rules.Destinations[apiRule] = *rule
			a.control.proven = !s.Unproven
		}
	}
	return rules
}
