package journal

import (
	"encoding/json"
	"maps"
	"time"
)

// An Entry is one line: a change, or the beginning or end of a run.
type Entry struct {
	Time  time.Time `json:"time"`
	Who   string    `json:"who"`             // channel, rest, page, command, agent, clock or mute file
	Relay string    `json:"relay,omitempty"` // where the command channel came in
	What  What      `json:"what"`
	Which string    `json:"which,omitempty"` // the name of the stream, the id of the destination, which endpoint
	// Before and After are the rule, or what is muted or locked; null for none.
	Before json.RawMessage `json:"before"`
	After  json.RawMessage `json:"after"`
}

// What is what an entry is of.
type What string

// What entries are of. Start and All hold a Picture after: at the start of a run, and
// at the beginning of a file that goes on from another.
const (
	Stream      What = "stream"
	Destination What = "destination"
	Mutes       What = "mutes"    // that are in force
	Schedule    What = "schedule" // mutes by the clock
	Lock        What = "lock"
	Endpoint    What = "endpoint" // of the command channel, dropped
	Start       What = "start"
	Stop        What = "stop"
	All         What = "all"
)

// A Picture is all that was in force at a time: each thing by what it is and which.
type Picture map[What]map[string]json.RawMessage

// With returns the picture after an entry; nil where no agent runs.
func (p Picture) With(e Entry) Picture {
	switch e.What {
	case Start, All:
		next := Picture{}
		if json.Unmarshal(e.After, &next) != nil {
			return nil
		}
		return next
	case Stop:
		return nil
	case Endpoint:
		return p
	}
	if p == nil {
		return nil // it is not known what was before
	}
	next := maps.Clone(p)
	things := maps.Clone(next[e.What])
	if things == nil {
		things = map[string]json.RawMessage{}
	}
	if delete(things, e.Which); e.After != nil && string(e.After) != "null" {
		things[e.Which] = e.After
	}
	next[e.What] = things
	return next
}
