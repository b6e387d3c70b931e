package command

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// maxRules is the most rules of each kind, apiRule not counted.
const maxRules = 1000

// Rules is a snapshot of the desired state: every rule that was accepted and
// not deleted since. It is immutable once handed out, its maps and lists too,
// and may be read from anywhere.
type Rules struct {
	Streams      map[string][]string    // feeds by stream name
	Destinations map[string]Destination // by id; apiRule is one of them
}

// withStream adds or replaces a stream rule. The destinations that name it
// belong to it from now on.
func (r Rules) withStream(rule Stream) Rules {
	r.Streams = maps.Clone(r.Streams)
	r.Streams[rule.Stream] = rule.Feeds
	r.Destinations = maps.Clone(r.Destinations)
	for id, destination := range r.Destinations {
		if destination.Stream == rule.Stream {
			destination.OfStream = true
			r.Destinations[id] = destination
		}
	}
	return r
}

func (r Rules) withoutStream(name string) Rules {
	r.Streams = maps.Clone(r.Streams)
	delete(r.Streams, name)
	return r
}

func (r Rules) withoutStreams() Rules {
	r.Streams = map[string][]string{}
	return r
}

func (r Rules) withDestination(rule Destination) Rules {
	r.Destinations = maps.Clone(r.Destinations)
	r.Destinations[rule.ID] = rule
	return r
}

func (r Rules) withoutDestination(id string) Rules {
	r.Destinations = maps.Clone(r.Destinations)
	delete(r.Destinations, id)
	return r
}

// withoutDestinations deletes all but apiRule: nobody cuts the line that the
// command came in on by tidying up.
func (r Rules) withoutDestinations() Rules {
	kept := map[string]Destination{}
	if api, known := r.Destinations[APIRule]; known {
		kept[APIRule] = api
	}
	r.Destinations = kept
	return r
}

// roomForStream refuses a rule where there are as many as may be, or where all
// rules together would name more than they may.
func (r Rules) roomForStream(rule Stream) error {
	old, known := r.Streams[rule.Stream]
	if known && !slices.ContainsFunc(rule.Feeds, func(entry string) bool { return !slices.Contains(old, entry) }) {
		return nil // it names nothing new
	}
	return r.withStream(rule).bounded()
}

// bounded refuses a table that holds more than one may.
func (r Rules) bounded() error {
	if len(r.Streams) > maxRules {
		return &Error{Kind: Conflict, Why: "there are 1000 stream rules, which is the most: delete one first"}
	}
	count := len(r.Destinations)
	if _, known := r.Destinations[APIRule]; known {
		count--
	}
	if count > maxRules {
		return &Error{Kind: Conflict, Why: "there are 1000 destination rules, which is the most: delete one first"}
	}
	entries, feeds := 0, map[string]bool{}
	for _, list := range r.Streams {
		entries += len(list)
		for _, entry := range list {
			feed, _, _ := strings.Cut(entry, ":")
			feeds[feed] = true
		}
	}
	if entries > maxEntries {
		return &Error{Kind: Conflict, Why: fmt.Sprintf("the feeds of all stream rules would be %d together: at most %d are allowed, delete a rule first", entries, maxEntries)}
	}
	if len(feeds) > maxDistinct {
		return &Error{Kind: Conflict, Why: fmt.Sprintf("all stream rules would name %d different feeds together: at most %d are allowed, delete a rule first", len(feeds), maxDistinct)}
	}
	return nil
}
