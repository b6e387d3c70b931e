package owner

import (
	"slices"
	"strings"
	"vw/media"
)

// Info is what the owner has said, and why it is in force.
type Info struct {
	Schedule   []Scheduled `json:"schedule"`             // mutes by the clock
	ClockUnset bool        `json:"clockUnset,omitempty"` // so all that is scheduled is muted
	MuteFile   string      `json:"muteFile,omitempty"`   // why the mute file mutes everything now
	OnAirError string      `json:"onAirError,omitempty"` // why the on-air file is not written
	Damaged    bool        `json:"stateWasDamaged,omitempty"`
	Token      bool        `json:"token"` // what undoes the owner's word wants a token
}

// Scheduled is a mute by the clock.
type Scheduled struct {
	Mute
	Now bool `json:"now"` // it mutes now
}

// Info may be called at any time.
func (o *Owner) Info() Info {
	o.mu.Lock()
	defer o.mu.Unlock()
	now := o.config.Now()
	i := Info{Schedule: []Scheduled{}, ClockUnset: o.clockUnset(), MuteFile: o.muteFile, OnAirError: o.onAirError,
		Damaged: o.damaged, Token: o.token != nil}
	for _, m := range o.mutes {
		if m.scheduled() {
			i.Schedule = append(i.Schedule, Scheduled{m.by(now), i.ClockUnset || m.covers(now)})
		}
	}
	return i
}

// Muted lists what is muted now, sorted.
func (o *Owner) Muted() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.inForce)
}

// State returns what is to last.
func (o *Owner) State() State {
	o.mu.Lock()
	defer o.mu.Unlock()
	now, s := o.config.Now(), State{Mutes: []string{}, Locked: o.locked, Damaged: o.damaged}
	for _, m := range o.mutes {
		if m.scheduled() {
			s.Schedule = append(s.Schedule, m.by(now))
		} else {
			s.Mutes = append(s.Mutes, m.Feed)
		}
	}
	return s
}

// Word returns what is in force.
func (o *Owner) Word() Word {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.word()
}

// word is Word. The caller holds the lock.
func (o *Owner) word() Word {
	w := Word{Mutes: slices.Clone(o.inForce), Locked: o.locked}
	for _, m := range o.mutes {
		if m.scheduled() {
			w.Schedule = append(w.Schedule, m)
		}
	}
	return w
}

// Locked reports whether the rules are.
func (o *Owner) Locked() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.locked
}

// Still says why something is muted of a feed that was unmuted, "" where nothing is.
func (o *Owner) Still(feed string) string {
	o.mu.Lock()
	defer o.mu.Unlock()
	name, _, _ := strings.Cut(feed, ":")
	switch muted := o.inForce; {
	case o.muteFile != "":
		return "everything stays muted: " + o.muteFile
	case slices.Contains(muted, media.MuteAll):
		return "everything stays muted: vw unmute '*' ends that"
	case slices.ContainsFunc(muted, func(m string) bool { return m == name || strings.HasPrefix(m, name+":") }):
		return "more of it stays muted: muted are " + strings.Join(muted, ", ")
	}
	return ""
}

// Allows reports whether a token is the owner's. Where none is wanted any is.
func (o *Owner) Allows(text string) bool { return o.token == nil || o.token.matches(text) }
