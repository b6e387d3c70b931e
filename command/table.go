package command

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
)

// A Table is every rule but apiRule, as it is listed and replaced at once.
type Table struct {
	Streams      map[string][]string    `json:"streams"`
	Destinations map[string]Destination `json:"destinations"` // by id
}

// table returns the rules as they are listed.
func (r Rules) table() Table {
	t := Table{r.Streams, maps.Clone(r.Destinations)}
	delete(t.Destinations, APIRule)
	for id, d := range t.Destinations {
		if _, there := r.Streams[d.Stream]; d.OfStream && !there {
			d.Silent = true
			t.Destinations[id] = d
		}
	}
	return t
}

// A sentTable is a table as somebody has sent it.
type sentTable struct {
	streams      map[string][]string
	destinations []sentDestination // in the order given
	warning      string
}

type sentDestination struct {
	Destination
	keepsToken bool // it says "tokenSet":true, and gives none
}

// parseTable reads a table. Destination.Check is still to be called. The error
// names the rule.
func parseTable(raw json.RawMessage) (t sentTable, err error) {
	fields, err := parseRule(raw)
	if err != nil {
		return t, err
	}
	for _, key := range []string{"streams", "destinations"} {
		if !fields.given(key) {
			return t, invalid(`%s is missing: the whole table is replaced, write "%s":{} for none`, key, key)
		}
	}
	streams, err := parseNames("streams", fields)
	if err != nil {
		return t, err
	}
	t.streams = map[string][]string{}
	for _, name := range streams.keys {
		feeds := object{keys: []string{"feeds"}, value: map[string]json.RawMessage{"feeds": streams.value[name]}}
		rule, err := newStream(name, feeds)
		if _, twice := t.streams[rule.Stream]; err == nil && twice {
			err = invalid("it is given twice, with and without a leading /: give it once")
		}
		if err != nil {
			return t, of("stream", name, err)
		}
		t.streams[rule.Stream] = rule.Feeds
	}
	destinations, err := parseNames("destinations", fields)
	if err != nil {
		return t, err
	}
	t.warning = fields.unknown("streams", "destinations")
	for _, id := range destinations.keys {
		d, err := parseMember(id, destinations.value[id])
		if err != nil {
			return t, of("destination", id, err)
		}
		if d.Warning != "" {
			t.warning = warning(t.warning, "destination "+strconv.Quote(id)+": "+d.Warning)
			d.Warning = ""
		}
		t.destinations = append(t.destinations, d)
	}
	return t, nil
}

// parseNames reads an object of rules by name. Names differ in case.
func parseNames(key string, fields object) (object, error) {
	rules, isObject := parseObject(fields.value[key], asWritten)
	switch {
	case !isObject:
		return object{}, invalid("%s must be an object of rules by their names: write it in braces, {…}", key)
	case rules.twice != "":
		return object{}, invalid("%.140q is given twice in %s: give each rule once", rules.twice, key)
	}
	return rules, nil
}

// parseMember reads a destination rule of a table. It may leave its id out.
func parseMember(id string, raw json.RawMessage) (d sentDestination, err error) {
	fields, err := parseRule(raw)
	if err != nil {
		return d, err
	}
	if !fields.given("id") {
		fields.value["id"], _ = json.Marshal(id) // a string always encodes
	}
	d.Destination, _, err = newDestination(fields, "silent")
	if err != nil {
		return d, err
	}
	for key, value := range map[string]*bool{"silent": &d.OfStream, "tokenset": &d.keepsToken} {
		if fields.given(key) && json.Unmarshal(fields.value[key], value) != nil {
			return d, about(key, invalid("%s must be true or false: leave it out", key))
		}
	}
	d.keepsToken = d.keepsToken && !fields.given("token")
	switch {
	case d.ID != id:
		return d, about("id", invalid("its id is %.140q: write the same, or leave it out", d.ID))
	case id == APIRule:
		return d, about("id", invalid("it is the command channel's own rule, which is no part of the table: leave it out"))
	}
	return d, nil
}

// equal reports whether two tables are the same in all that they do.
func (r Rules) equal(other Rules) bool {
	return maps.EqualFunc(r.Streams, other.Streams, slices.Equal[[]string]) && maps.Equal(r.Destinations, other.Destinations)
}
