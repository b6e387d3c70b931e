package command

import "maps"

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
	if api, known := r.Destinations[apiRule]; known {
		kept[apiRule] = api
	}
	r.Destinations = kept
	return r
}

// room refuses a new rule where there are as many of its kind as may be.
func (r Rules) roomForStream(name string) error {
	if _, known := r.Streams[name]; !known && len(r.Streams) >= maxRules {
		return &Error{Conflict, "there are 1000 stream rules, which is the most: delete one first"}
	}
	return nil
}

func (r Rules) roomForDestination(id string) error {
	count := len(r.Destinations)
	if _, known := r.Destinations[apiRule]; known {
		count--
	}
	if _, known := r.Destinations[id]; !known && id != apiRule && count >= maxRules {
		return &Error{Conflict, "there are 1000 destination rules, which is the most: delete one first"}
	}
	return nil
}
