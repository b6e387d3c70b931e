package command

import "encoding/json"

// Bounds of what stream rules name.
const (
	maxFeeds    = 256  // by one rule
	maxEntries  = 4096 // by all rules together
	maxDistinct = 1000 // feeds, by all rules together
)

// Stream is a stream rule: the named feeds, combined under one name.
type Stream struct {
	Stream string `json:"stream"`
	// Feeds are feed names, each of which may be followed by ":video" or
	// ":audio" for those tracks of it alone. Empty for a stream that is
	// silent, never nil in a rule that was accepted.
	Feeds []string `json:"feeds"`
	// Warning is what may have been mistyped; set in the reply alone.
	Warning string `json:"warning,omitempty"`
}

// parseStream reads and checks a stream rule.
func parseStream(raw json.RawMessage) (Stream, error) {
	fields, err := parseRule(raw)
	if err != nil {
		return Stream{}, err
	}
	if !fields.given("stream") {
		return Stream{}, about("stream", invalid(`stream is missing: give the rule's name, as in "stream":"video0"`))
	}
	name, err := fields.text("stream")
	if err != nil {
		return Stream{}, about("stream", err)
	}
	return newStream(name, fields)
}

// newStream checks a stream rule's name, and reads its feeds.
func newStream(name string, fields object) (Stream, error) {
	name, err := StreamName(name)
	if err != nil {
		return Stream{}, about("stream", err)
	}
	if name == APIStream {
		return Stream{}, about("stream", invalid("stream %q belongs to the command channel: choose another name", name))
	}
	feeds, err := parseFeeds(fields)
	if err != nil {
		return Stream{}, about("feeds", err)
	}
	return Stream{name, feeds, fields.unknown("stream", "feeds", "warning")}, nil
}

// parseFeeds reads and checks a stream rule's list of feeds.
func parseFeeds(fields object) ([]string, error) {
	if !fields.given("feeds") {
		return nil, invalid(`feeds is missing: give a list, as in "feeds":["video0","audio0"], or [] for silence`)
	}
	var entries []*string // a null must not pass for ""
	if json.Unmarshal(fields.value["feeds"], &entries) != nil {
		return nil, invalid(`feeds must be a list of strings, as in "feeds":["video0","audio0"]`)
	}
	if len(entries) > maxFeeds {
		return nil, invalid("feeds names %d feeds: at most %d are allowed", len(entries), maxFeeds)
	}
	feeds := make([]string, 0, len(entries))
	taken := map[string]bool{}
	for _, entry := range entries {
		if entry == nil {
			return nil, invalid("feeds holds a null: leave it out")
		}
		trimmed, feed, err := feedPart(*entry)
		if err != nil {
			return nil, err
		}
		whole := trimmed == feed // which has every part in it
		if taken[trimmed] || whole && (taken[feed+":video"] || taken[feed+":audio"]) || !whole && taken[feed] {
			return nil, invalid("feed %q is named twice in feeds: name it once, or its parts once each", feed)
		}
		taken[trimmed] = true
		feeds = append(feeds, trimmed)
	}
	return feeds, nil
}
