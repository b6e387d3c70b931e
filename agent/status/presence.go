package status

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"

	"vw/command/printable"
)

// maxPresence is the most that Presence.Message returns, in bytes.
const maxPresence = 8 << 10

// An Event is why an agent tells how it stands.
type Event string

// The events.
const (
	Hello     Event = "hello"     // the link has come up
	Heartbeat Event = "heartbeat" // it is up still
	Change    Event = "change"    // conditions have changed: these alone are told
	Bye       Event = "bye"       // the program ends
	Gone      Event = "gone"      // said by a broker: the link is lost
)

// Presence is how an agent stands, in short. It holds nothing that Outside does not
// tell.
type Presence struct {
	Name         string                `json:"name"`
	Instance     string                `json:"instance"`
	Version      string                `json:"version"`
	Event        Event                 `json:"event"`
	Rules        string                `json:"rules"` // their hash
	Muted        []string              `json:"muted"`
	Locked       bool                  `json:"locked"`
	Destinations map[string]*Condition `json:"destinations"`   // by id; nil: it is there no more
	Feeds        map[string]*Condition `json:"feeds"`          // but those of which something is muted
	More         *More                 `json:"more,omitempty"` // what had no room
}

// More is how many there are besides those that are told.
type More struct {
	Muted        int `json:"muted,omitempty"`
	Destinations int `json:"destinations,omitempty"`
	Feeds        int `json:"feeds,omitempty"`
}

// Presence returns how the agent stands.
func (s Status) Presence(e Event) Presence {
	p := Presence{Name: s.Name, Instance: s.Instance, Version: s.Version, Event: e, Rules: s.Rules, Muted: s.Mutes,
		Locked: s.Locked, Destinations: map[string]*Condition{}, Feeds: map[string]*Condition{}}
	for id, d := range s.Destinations {
		p.Destinations[id] = &d.Condition
	}
	for name, f := range s.Feeds {
		if !s.secret(name) {
			p.Feeds[name] = &f.Condition
		}
	}
	return p
}

// WithoutConditions returns it as it is told of an agent that is there no more.
func (p Presence) WithoutConditions() Presence {
	p.Destinations, p.Feeds = nil, nil
	return p
}

// Since returns what is not as it was told before, and whether anything is.
func (p Presence) Since(before Presence) (changed Presence, any bool) {
	same := p.Rules == before.Rules && p.Locked == before.Locked && slices.Equal(p.Muted, before.Muted)
	p.Destinations, p.Feeds = since(p.Destinations, before.Destinations), since(p.Feeds, before.Feeds)
	return p, !same || len(p.Destinations)+len(p.Feeds) > 0
}

func since(now, before map[string]*Condition) map[string]*Condition {
	changed := map[string]*Condition{}
	for name, c := range now {
		if old := before[name]; old == nil || *old != *c {
			changed[name] = c
		}
	}
	for name := range before {
		if now[name] == nil {
			changed[name] = nil
		}
	}
	return changed
}

// Message returns it as it is sent: 8 KiB at most. What is wrong is told first.
func (p Presence) Message() []byte {
	all := p
	p.Muted, p.Destinations, p.Feeds = []string{}, map[string]*Condition{}, map[string]*Condition{}
	p.More = &More{len(all.Muted), len(all.Destinations), len(all.Feeds)}
	room := maxPresence - len(p.encode())
	destinations, feeds := sorted(all.Destinations), sorted(all.Feeds)
	put := func(from, to map[string]*Condition, names []string, more *int, wrong bool) {
		for _, name := range names {
			if from[name].wrong() == wrong && take(&room, map[string]*Condition{name: from[name]}) {
				to[name] = from[name]
				*more--
			}
		}
	}
	put(all.Destinations, p.Destinations, destinations, &p.More.Destinations, true)
	put(all.Feeds, p.Feeds, feeds, &p.More.Feeds, true)
	for _, name := range all.Muted {
		if take(&room, []string{name}) {
			p.Muted = append(p.Muted, name)
			p.More.Muted--
		}
	}
	put(all.Destinations, p.Destinations, destinations, &p.More.Destinations, false)
	put(all.Feeds, p.Feeds, feeds, &p.More.Feeds, false)
	if *p.More == (More{}) {
		p.More = nil
	}
	return p.encode()
}

func sorted(of map[string]*Condition) []string { return slices.Sorted(maps.Keys(of)) }

// take takes the room of an entry, whose braces are a comma's.
func take(room *int, entry any) bool {
	text, err := json.Marshal(entry)
	if err != nil || len(text) > *room {
		return false
	}
	*room -= len(text)
	return true
}

// wrong reports whether a person may have to see to it, or it is there no more.
func (c *Condition) wrong() bool {
	return c == nil || !c.Sends() && *c != Recording && *c != Present && *c != Muted && *c != Silent
}

func (p Presence) encode() []byte {
	var line bytes.Buffer
	_ = printable.NewEncoder(&line).Encode(map[string]Presence{"status": p}) // to memory
	return bytes.TrimSuffix(line.Bytes(), []byte("\n"))
}
